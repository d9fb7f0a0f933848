import Synchronization

/// Finds event loops that do not turn: what `/livez` says.
///
/// The admin port's thread ticks, and at each tick every loop is asked to run a task of no work.
/// Counted are ticks, not time: a process that was halted as a whole, or a machine that slept, has
/// not ticked either, and is not killed for it.
package final class LoopWatchdog: Sendable {
  private final class Watched: Sendable {
    let loop: Loop
    /// Ticks since the loop ran the last task it was given.
    let silentTicks = Atomic<Int>(0)

    init(_ loop: Loop) { self.loop = loop }
  }

  static let tickMilliseconds = 250

  private let watched: [Watched]
  private let blockedSeconds: Int

  /// Complains about a loop of `loops` that has run nothing for `blockedSeconds`.
  package init(_ loops: [Loop], blockedSeconds: Int) {
    watched = loops.map { Watched($0) }
    self.blockedSeconds = blockedSeconds
  }

  /// Asks each loop for a sign of life, unless it still owes one.
  package func tick() {
    for one in watched {
      let isFirst = one.silentTicks.wrappingAdd(1, ordering: .relaxed).oldValue == 0
      if isFirst { one.loop.execute { one.silentTicks.store(0, ordering: .relaxed) } }
    }
  }

  /// Which loop is blocked, and for how long; `nil` if all turn.
  package var complaint: String? {
    for one in watched {
      let seconds = one.silentTicks.load(ordering: .relaxed) * Self.tickMilliseconds / 1_000
      if seconds >= blockedSeconds {
        return "event loop \(one.loop.index) has not turned for \(seconds) seconds"
      }
    }
    return nil
  }
}
