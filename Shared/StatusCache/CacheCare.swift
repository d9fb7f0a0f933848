import Storage

/// What the writer of a cache does for it once a second: looks through some pages for damage, frees
/// the slots of readers that died, and ends readers that hang in a view.
///
/// A view that is held keeps every page freed since from being used again, so that one verifier
/// that was halted in the middle of a scan would make the file grow without end. A scan holds its
/// view for less than a millisecond, so one of seconds is of a process that no longer works; its
/// supervisor starts it again.
package struct CacheCare: Sendable {
  /// Pages looked at in one tick: 34 million people are walked in 18 minutes.
  private static let pagesPerTick = 64
  private static let ticksPerReaderCheck = 10
  /// A view held for longer is taken for hung: with ticks of a second, ended within ten.
  package static let viewAgeMax = Duration.seconds(5)
  /// The same trouble is told again after so many ticks.
  private static let ticksPerReminder = 60

  /// Whether processes that hang in a view are killed, or only reported.
  private let endsHungReaders: Bool
  private var nextPage: UInt32 = 0
  private var ticks = 0
  private var damaged: Set<UInt32> = []
  private var reportedAt: [Int32: Int] = [:]

  package init(endsHungReaders: Bool = true) { self.endsHungReaders = endsHungReaders }

  /// What a tick found.
  package struct Findings: Sendable, Equatable {
    /// What is wrong with the cache and what to do; `nil` when nothing is.
    package var complaint: String?
    /// What happened to readers, for the log.
    package var alarms: [String] = []
  }

  /// Once a second, on the writer's thread.
  package mutating func tick(
    _ cache: CacheWriter, at now: SuspendingClock.Instant = .now
  ) throws -> Findings {
    ticks += 1
    if ticks % Self.ticksPerReaderCheck == 0 { try cache.clearDeadReaders() }
    let alarms = try watch(cache, now)
    let pageCount = cache.state.pageCount
    if nextPage >= pageCount {
      nextPage = 0
      damaged.removeAll()
    }
    damaged.formUnion(try cache.scrub(first: nextPage, count: Self.pagesPerTick))
    nextPage += UInt32(Self.pagesPerTick)
    guard let first = damaged.min() else { return Findings(alarms: alarms) }
    return Findings(
      complaint: "\(damaged.count) pages of the status cache are damaged, the first \(first):"
        + " stop the services, empty the cache directory, start again; it is rebuilt",
      alarms: alarms)
  }

  private mutating func watch(
    _ cache: CacheWriter, _ now: SuspendingClock.Instant
  ) throws -> [String] {
    let hung = try cache.readers.look(at: now).filter { $0.age >= Self.viewAgeMax }
    reportedAt = reportedAt.filter { entry in hung.contains { $0.processID == entry.key } }
    var alarms: [String] = []
    for view in hung {
      let what =
        "process \(view.processID) has held a view of the status cache for"
        + " \(view.age.components.seconds) seconds, which keeps freed pages from reuse"
      do throws(StorageError) {
        if endsHungReaders {
          if try cache.readers.end(view) { alarms.append("\(what): it was killed") }
          continue
        }
        remind(view, "\(what): look at it, or end it", &alarms)
      } catch {
        remind(view, "\(what) and cannot be ended from here (\(error.detail)): end it", &alarms)
      }
    }
    return alarms
  }

  private mutating func remind(_ view: HeldView, _ text: String, _ alarms: inout [String]) {
    if let last = reportedAt[view.processID], ticks < last + Self.ticksPerReminder { return }
    reportedAt[view.processID] = ticks
    alarms.append(text)
  }
}
