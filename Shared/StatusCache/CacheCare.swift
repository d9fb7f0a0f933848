/// What the writer of a cache does for it once a second: looks through some pages for damage, and
/// now and then frees the slots of readers that died.
package struct CacheCare: Sendable {
  /// Pages looked at in one tick: 34 million people are walked in 18 minutes.
  private static let pagesPerTick = 64
  private static let ticksPerReaderCheck = 10

  private var nextPage: UInt32 = 0
  private var ticks = 0
  private var damaged: Set<UInt32> = []

  package init() {}

  /// `nil`, or what is wrong with the cache and what to do.
  package mutating func tick(_ cache: CacheWriter) throws -> String? {
    ticks += 1
    if ticks % Self.ticksPerReaderCheck == 0 { try cache.clearDeadReaders() }
    let pageCount = cache.state.pageCount
    if nextPage >= pageCount {
      nextPage = 0
      damaged.removeAll()
    }
    damaged.formUnion(try cache.scrub(first: nextPage, count: Self.pagesPerTick))
    nextPage += UInt32(Self.pagesPerTick)
    guard !damaged.isEmpty else { return nil }
    return "\(damaged.count) pages of the status cache are damaged, the first \(damaged.min()!):"
      + " stop the services, empty the cache directory, start again; it is rebuilt"
  }
}
