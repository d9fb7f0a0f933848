package import Codes
import Synchronization

/// How urgent a request is while not all can be served.
package enum Urgency: Int, CaseIterable, Sendable {
  case high, normal, low
}

/// What one loop does when there is more to do than it can; all limits are settings.
struct AdmissionLimits: Sendable {
  /// A request that has waited longer is refused instead of served.
  var deadlineMilliseconds = 16
  /// Requests under way of all clients of the loop, once it falls behind; less if that does not do.
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
  /// The longest wait since it was set back.
  var longestWait: UInt64 = 0
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

  /// Whether a request that arrived at `arrival` has waited too long. The urgent wait twice as
  /// long: a turn ends when others are late, so that what came during it is not yet late for the
  /// urgent in the next.
  ///
  /// In each turn a loop works for a while before anything is late. Without that, one that was kept
  /// from its processor longer than the deadline would refuse all it finds, and so in every turn
  /// where others use the processor as well, although it could serve a part of it.
  func isLate(_ urgency: Urgency, arrival: UInt64, now: UInt64) -> Bool {
    now - arrival >= (urgency == .high ? 2 * deadline : deadline)
      && now - servingSince >= deadline / 2
  }

  /// Whether what is not urgent stays for the next turn, because this one served urgent requests
  /// and more of them may have come meanwhile.
  func mustYield(now: UInt64) -> Bool { now - servingSince >= deadline / 8 }

  /// All is read, and what waited is served from now on.
  mutating func beginServing(now: UInt64) { servingSince = now }

  /// The turn's requests are answered; returns how long that took.
  @discardableResult
  mutating func endTurn(now: UInt64) -> UInt64 {
    lastTurnEnd = now
    let age = now - arrivedAt
    longestWait = max(longestWait, age)
    judge(age: age, now: now)
    return now - turnStart
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

/// How many streams connections may have open, so that all together ask for little more than the
/// loop can do in time. What is under way waits as long as all of it takes (Little's law), so
/// refusing cannot bound the wait where every refusal is followed by the next request; allowing
/// less can. The sum goes down while requests wait too long, by as much as they wait too long, and
/// up again slowly while they do not, as a TCP window does.
struct StreamAllowance {
  /// Streams of all connections together; `nil` while the loop keeps up.
  private(set) var inFlight: Int?
  /// The fewest streams of a connection; fewer for the less urgent.
  private(set) var floor = floorMax
  private let start: Int
  private let deadline: UInt64

  /// A connection that may send less pays more for each packet than for what is in it: a packet
  /// costs as much as ten scans. Requests that are more work need no company.
  static let floorMax = 16
  private static let floorNanoseconds: UInt64 = 50_000

  /// Begins with `inFlightMax` when the first requests have waited nearly as long as `deadline`.
  init(inFlightMax: Int, deadline: UInt64) {
    start = inFlightMax
    self.deadline = deadline
  }

  func isTooLong(_ wait: UInt64) -> Bool { wait >= deadline / 8 * 7 }

  /// Takes the longest wait since the last call, what a request took of the loop's time, and how
  /// many streams connections have and may have as a rule; true if there is something to announce.
  mutating func update(wait: UInt64, perRequest: UInt64, open: Int, most: Int) -> Bool {
    floor = Int(
      min(UInt64(Self.floorMax), max(1, Self.floorNanoseconds / max(perRequest, 1))))
    if isTooLong(wait) {
      // At least a quarter less, at most an eighth left: one long wait says little.
      let before = Double(inFlight ?? min(start, max(open, 1)))
      let share = Double(deadline) * 0.75 / Double(wait)
      inFlight = max(Int(before * min(0.75, max(0.125, share))), 1)
      return true
    }
    guard let sum = inFlight else { return false }
    if wait < deadline / 8 * 5 { inFlight = sum < most ? sum + sum / 8 + 1 : nil }
    return true
  }

  /// SETTINGS_MAX_CONCURRENT_STREAMS for a connection of `urgency`, when `active` ones ask for
  /// something and the session's limit is `most`.
  func streams(_ urgency: Urgency, active: Int, most: Int) -> Int {
    guard let inFlight else { return most }
    let share = inFlight / max(active, 1)
    return switch urgency {
    case .high: most
    case .normal: min(most, max(share, floor))
    case .low: min(most, max(share / 4, floor / 4, 1))
    }
  }
}
