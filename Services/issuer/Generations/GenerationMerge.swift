import Codes
import IssuerCore
import Server
import StatusCache
import Storage

/// Puts a computed generation under the present: what was changed since its base counts for what
/// it changed, everything else that a computation decides is the generation's.
///
/// ```
///   base          start             caught up         switch
/// ───┼──────────────┼──────────────────┼────────────────┼──► log
///    │ touched: stays as at present    │                │
///    └──────────────┤ pages, each from its own view     │
///                   └─ touched again ──┴─ and again ────┤ in the transaction that switches
/// ```
/// Nothing of it is in force, so it may end at any moment; what it leaves is removed by the next.
struct GenerationMerge {
  let registry: Registry
  let cache: CacheWriter

  /// A candidate and the last change it knows of.
  struct Progress: Sendable {
    var candidate: Candidate
    var upTo: UInt64
  }

  /// Why a generation cannot be put under the present.
  enum Fault: Error, CustomStringConvertible {
    case foreignLog(number: UInt32)
    case damagedCache(page: UInt32)

    var description: String {
      switch self {
      case .foreignLog(let number):
        "generation \(number) was computed from another or a newer change log than this one"
      case .damagedCache(let page):
        "page \(page) of the status cache is damaged: stop the services, empty the cache"
          + " directory, start again; it is rebuilt"
      }
    }
  }

  /// Pages in one transaction: 2 MB. A single change waits for one of them at most.
  private static let chunkPages = 512
  /// Holders in one transaction of catching up; each may be on a page of its own.
  private static let catchUpMax = 1_000

  /// Builds all pages beside those in force.
  func build(_ pages: inout GenerationPages) throws -> Progress {
    let start = cache.state
    let manifest = pages.manifest
    guard manifest.base.position <= start.appliedPosition,
      manifest.base.pageCount <= Int(start.pageCount)
    else { throw Fault.foreignLog(number: manifest.number) }
    let touched = try registry.touched(
      after: manifest.base.position, through: start.appliedPosition)
    var candidate = Candidate(generation: try cache.nextGeneration(), pageCount: 0)
    let reader = try CacheReader(SharedCache(cache), region: cache.region)
    var merger = PageMerger(touched)
    var computed: [UInt8] = []
    var present: [UInt8] = []
    while true {
      let first = candidate.pageCount
      try reader.renew()
      let version = reader.state.appliedPosition
      let count = min(Self.chunkPages, Int(reader.pageCount) - Int(first))
      present.removeAll(keepingCapacity: true)
      if count > 0 { try reader.appendPages(first: first, count: count, to: &present) }
      reader.reset()
      guard count > 0 else { break }
      guard present.count == count * StatusPage.byteCount else {
        throw Fault.damagedCache(page: first + UInt32(present.count / StatusPage.byteCount))
      }
      try pages.read(count, into: &computed)
      if let damaged = merger.merge(
        &present, under: computed.span, firstPage: first, version: version)
      {
        throw Fault.damagedCache(page: damaged)
      }
      try cache.append(present.span, to: &candidate)
    }
    try pages.finish()
    return Progress(candidate: candidate, upTo: start.appliedPosition)
  }

  /// Brings `progress` near the present, so that at most `rest` changes are left for the switch;
  /// gives up when they come faster than they can be followed.
  func catchUp(_ progress: inout Progress, leaving rest: UInt64) throws {
    for _ in 0..<100 {
      let applied = cache.state.appliedPosition
      guard applied > progress.upTo + rest else { return }
      let touched = try registry.touched(after: progress.upTo, through: applied)
      var index = 0
      while index < touched.count {
        let end = min(index + Self.catchUpMax, touched.count)
        try cache.catchUp(&progress.candidate, touched[index..<end])
        index = end
      }
      progress.upTo = applied
    }
  }
}

/// Merges runs of pages in order, with the touched holders beside them.
struct PageMerger {
  private let touched: [TouchedHolder]
  private var next = 0

  init(_ touched: [TouchedHolder]) { self.touched = touched }

  /// Recolours the pages in `present`, the first of which is number `firstPage`, by those in
  /// `computed`, which may end before; the number of a page that is damaged, if there is one.
  mutating func merge(
    _ present: inout [UInt8], under computed: Span<UInt8>, firstPage: UInt32, version: UInt64
  ) -> UInt32? {
    var pages = present.mutableSpan
    for index in 0..<pages.count / StatusPage.byteCount {
      let start = index * StatusPage.byteCount
      let end = start + StatusPage.byteCount
      guard StatusPage.isIntact(pages.span.extracting(start..<end)) else {
        return firstPage + UInt32(index)
      }
      // Holders that came after the computation: their pages stay as they are.
      guard end <= computed.count else { continue }
      recolour(
        &pages, computed, at: start + StatusPage.headerByteCount,
        firstSerial: UInt64(firstPage + UInt32(index)) * UInt64(StatusPage.statusCount))
      StatusPage.seal(&pages, at: start, version: version)
    }
    return nil
  }

  private mutating func recolour(
    _ pages: inout MutableSpan<UInt8>, _ computed: Span<UInt8>, at offset: Int,
    firstSerial: UInt64
  ) {
    var nextTouched = next < touched.count ? touched[next].serial.value : .max
    for slot in 0..<StatusPage.statusCount {
      let place = offset + 8 * slot
      let serial = firstSerial + UInt64(slot)
      while nextTouched < serial { nextTouched = following() }
      let kept = nextTouched == serial ? touched[next].fields : []
      let present = Status(bits: pages.span.littleEndianWord(at: place))
      let merged = present.recoloured(
        by: Status(bits: computed.littleEndianWord(at: place)), keeping: kept)
      pages.setLittleEndianWord(merged.bits, at: place)
    }
  }

  private mutating func following() -> UInt64 {
    next += 1
    return next < touched.count ? touched[next].serial.value : .max
  }
}
