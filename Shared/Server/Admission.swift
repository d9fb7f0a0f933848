package import Codes
import Synchronization

/// How urgent a request is while not all can be served.
package enum Urgency: Int, CaseIterable, Sendable {
  case high, normal, low
}

/// What one loop does when there is more to do than it can; all limits are settings.
struct AdmissionLimits: Sendable {
  /// A request that has waited longer is refused instead of served.
  var deadlineMilliseconds = 15
  /// Requests under way of all clients of the loop, once it is behind.
  var inFlightMax = 2_048
}

/// The degradation level of a process: what its loops found, and what an operator wants.
package final class Degradation: Sendable {
  private static let automatic: UInt8 = 0xFF
  private let forced = Atomic<UInt8>(automatic)
  private let byLoop: [Atomic64]

  private final class Atomic64: Sendable {
    let level = Atomic<UInt8>(0)
  }

  init(loops: Int) { byLoop = (0..<loops).map { _ in Atomic64() } }

  /// Holds all loops at a level; `nil` leaves it to the age of their queues.
  package func hold(_ level: DegradationLevel?) {
    forced.store(level?.rawValue ?? Self.automatic, ordering: .relaxed)
  }

  /// What an operator holds, if anything.
  package var held: DegradationLevel? {
    DegradationLevel(rawValue: forced.load(ordering: .relaxed))
  }

  /// The highest level of all loops.
  package var level: DegradationLevel {
    if let held { return held }
    let highest = byLoop.map { $0.level.load(ordering: .relaxed) }.max() ?? 0
    return DegradationLevel(rawValue: highest) ?? .full
  }

  func found(_ level: DegradationLevel, byLoop loop: Int) {
    byLoop[loop].level.store(level.rawValue, ordering: .relaxed)
  }
}

/// How far behind one event loop is, by the age of what it serves. Times are nanoseconds of the
/// monotonic clock. Pure: the loop's host tells it the time.
///
/// A loop works in turns: it reads what all sockets hold, serves it, writes the answers. So bytes
/// read in a turn arrived after the turn before had begun to read; or just now, if the loop had
/// been resting. That bounds the age of each request without asking the kernel. Turns that only
/// write (late answers, timers) say nothing about it, and are not told.
struct Admission {
  let deadline: UInt64
  private var turnStart: UInt64 = 0
  private var servingSince: UInt64 = 0
  private var lastTurnEnd: UInt64 = 0
  /// No request of this turn arrived earlier.
  private(set) var arrivedAt: UInt64 = 0
  private(set) var level = DegradationLevel.full
  private var unsettledSince: UInt64?
  private var wantsMore = false

  /// Between two turns of a loop that does not rest.
  private static let restNanoseconds: UInt64 = 200_000
  private static let idleNanoseconds: UInt64 = 100_000_000
  private static let risingNanoseconds: UInt64 = 100_000_000
  private static let fallingNanoseconds: UInt64 = 2_000_000_000

  init(deadlineMilliseconds: Int) {
    deadline = UInt64(deadlineMilliseconds) * 1_000_000
  }

  mutating func beginTurn(now: UInt64) {
    let rested = now >= lastTurnEnd + Self.restNanoseconds
    arrivedAt = rested ? now : turnStart
    turnStart = now
    servingSince = now
  }

  /// Whether requests should wait for the end of the turn, to be served by urgency.
  func isBehind(now: UInt64) -> Bool { now - arrivedAt >= deadline / 4 }

  /// Whether a request of this turn has waited too long. The urgent wait twice as long: a turn ends
  /// when others are late, so that what came during it is not yet late for the urgent in the next.
  ///
  /// In each turn a loop works for a while before anything is late. Without that, one that was kept
  /// from its processor longer than the deadline would refuse all it finds, and so in every turn
  /// where others use the processor as well, although it could serve a part of it.
  func isLate(_ urgency: Urgency, now: UInt64) -> Bool {
    now - arrivedAt >= (urgency == .high ? 2 * deadline : deadline)
      && now - servingSince >= deadline / 2
  }

  /// All is read, and what waited is served from now on.
  mutating func beginServing(now: UInt64) { servingSince = now }

  /// All of the turn's requests are answered.
  mutating func endTurn(now: UInt64) {
    lastTurnEnd = now
    judge(age: now - arrivedAt, now: now)
  }

  /// The answers of a turn are written: from now on the loop rests, if nothing is there to read.
  mutating func rest(from now: UInt64) { lastTurnEnd = now }

  /// No turn is under way. A loop without requests is not behind, although it ends no turns.
  mutating func checkIdle(now: UInt64) {
    guard now >= lastTurnEnd + Self.idleNanoseconds else { return }
    judge(age: 0, now: now)
  }

  private mutating func judge(age: UInt64, now: UInt64) {
    let wanted: DegradationLevel =
      age >= deadline ? .statusOnly : age >= deadline / 2 ? .withoutTexts : .full
    guard wanted != level else {
      unsettledSince = nil
      return
    }
    let rises = wanted > level
    guard let since = unsettledSince, wantsMore == rises else {
      unsettledSince = now
      wantsMore = rises
      return
    }
    guard now - since >= (rises ? Self.risingNanoseconds : Self.fallingNanoseconds) else { return }
    let next = rises ? level.rawValue + 1 : level.rawValue - 1
    level = DegradationLevel(rawValue: next) ?? level
    unsettledSince = nil
  }
}

/// How many streams each connection may have open, so that all together ask for little more than
/// the loop can do in time. What is under way waits as long as all of it takes (Little's law), so
/// refusing cannot bound the wait where every refusal is followed by the next request; allowing
/// less can.
struct StreamAllowance {
  let inFlightMax: Int

  /// SETTINGS_MAX_CONCURRENT_STREAMS for a connection of `urgency`, when `active` ones ask for
  /// something and the session's limit is `most`.
  func streams(_ urgency: Urgency, active: Int, most: Int) -> Int {
    let share = inFlightMax / max(active, 1)
    return switch urgency {
    case .high: most
    case .normal: min(most, max(share, 4))
    case .low: min(most, max(share / 4, 1))
    }
  }
}
