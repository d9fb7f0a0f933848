internal import Glibc
internal import Synchronization

/// How an environment's readers do.
package struct ReaderReport: Sendable, Equatable {
  /// Reader slots taken, and how many there are.
  package var taken = 0
  package var slotCount = 0
  /// The reader whose view has been held longest of those that hold back pages: an older view than
  /// the newest. `nil` when there is none.
  package var oldest: HeldView?

  /// The same as numbers, for metrics; 0 seconds when nobody holds back pages.
  package var figures: (taken: Int, slotCount: Int, oldestSeconds: Double) {
    let age = (oldest?.age ?? .zero).components
    return (taken, slotCount, Double(age.seconds) + Double(age.attoseconds) / 1e18)
  }
}

/// A view of the past that a reader has held for some time.
package struct HeldView: Sendable, Equatable {
  package let processID: Int32
  let thread: String
  let transaction: UInt64
  /// At least how long: since it was first seen.
  package let age: Duration
}

/// Knows how long readers have held their views. LMDB only tells which commit a view is of, so this
/// looks again and again, and remembers when it first saw one.
///
/// The age starts when the view is first found to be behind: a reader that stands at the newest
/// commit, however long, holds back nothing. Any thread may ask.
package final class ReaderWatch: Sendable {
  private struct Key: Hashable {
    let processID: Int32
    let thread: String
    let transaction: UInt64
  }

  private struct State {
    var firstSeen: [Key: SuspendingClock.Instant] = [:]
    var views: [HeldView] = []
    var report = ReaderReport()
    var lookedAt: SuspendingClock.Instant?
  }

  private let environment: Environment
  private let state = Mutex(State())

  package init(_ environment: Environment) { self.environment = environment }

  /// Looks at the slots; all views that are behind, the oldest first. Once a second is enough.
  @discardableResult
  package func look(at now: SuspendingClock.Instant = .now) throws(StorageError) -> [HeldView] {
    let slots = try environment.readers()
    let slotCount = try environment.readerSlotCount()
    return state.withLock { state in
      var seen: [Key: SuspendingClock.Instant] = [:]
      var views: [HeldView] = []
      for slot in slots {
        guard let transaction = slot.transaction, let lag = slot.lag, lag > 0 else { continue }
        let key = Key(
          processID: slot.processID, thread: slot.thread, transaction: transaction)
        let first = state.firstSeen[key] ?? now
        seen[key] = first
        views.append(
          HeldView(
            processID: slot.processID, thread: slot.thread, transaction: transaction,
            age: now - first))
      }
      views.sort { ($0.age, $1.transaction) > ($1.age, $0.transaction) }
      state.firstSeen = seen
      state.views = views
      state.lookedAt = now
      state.report = ReaderReport(
        taken: slots.count, slotCount: slotCount, oldest: views.first)
      return views
    }
  }

  /// What the last look found; looks itself if that is more than a second ago.
  package func report() throws(StorageError) -> ReaderReport {
    let now = SuspendingClock.now
    let isFresh = state.withLock { state in
      state.lookedAt.map { now - $0 < .seconds(1) } ?? false
    }
    if !isFresh { try look(at: now) }
    return state.withLock { $0.report }
  }

  /// Ends the process that holds `view`, as hard as can be, if it holds it still; `false` when it
  /// holds it no longer. Its slot is free afterwards. Throws `permission` when the process is
  /// another user's, and never ends this one (`other`).
  ///
  /// The number in a slot may be of a process that died and of a new one by now: LMDB knows by a
  /// lock that goes with the process, so the slots of the dead are cleared first.
  package func end(_ view: HeldView) throws(StorageError) -> Bool {
    let operation = "ending process \(view.processID), which reads \(environment.directory)"
    try environment.clearDeadReaders()
    let isThere = try environment.readers().contains { slot in
      slot.processID == view.processID && slot.thread == view.thread
        && slot.transaction == view.transaction
    }
    guard isThere else { return false }
    guard view.processID != getpid() else {
      throw StorageError(.other, operation, "it is this process")
    }
    guard kill(view.processID, SIGKILL) == 0 else {
      if errno == ESRCH { return false }
      throw StorageError(systemError: errno, operation)
    }
    // A killed process gives up its locks a moment later.
    for _ in 0..<100 {
      if try environment.clearDeadReaders() > 0 { break }
      usleep(1_000)
    }
    return true
  }
}
