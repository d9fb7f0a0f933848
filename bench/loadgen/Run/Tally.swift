import Histogram

/// What happened to the requests of one class on one thread. All counts are of the measured span.
struct Tally {
  var sent = 0
  var answered = 0
  var ok = 0
  /// Of `ok`, those answered before the span ended.
  var okInTime = 0
  var refused = 0
  var refusedWithoutRetryAfter = 0
  var unsent = 0
  var lost = 0
  var errors = 0
  /// Also outside of the measured span: one is enough to make a run void.
  var wrong = 0
  var resent = 0
  /// Of the handshakes in `ok`, those that resumed a session.
  var resumed = 0
  var outcomes = [Int](repeating: 0, count: OutcomeFinder.unknown + 1)
  var latency = Latency()
  var refusalLatency = Latency()
  var lateness = Latency()
  var seconds: [Second] = []
  private var second = Second()

  /// One second of the span.
  struct Second {
    var ok = 0
    var refused = 0
    var unsent = 0
    /// Answer times: (microseconds, count), ascending.
    var latency: [(value: UInt64, count: UInt64)] = []
  }

  mutating func recordOK(_ nanoseconds: UInt64, inTime: Bool) {
    ok += 1
    second.ok += 1
    if inTime { okInTime += 1 }
    latency.record(nanoseconds)
  }

  mutating func recordRefusal(_ nanoseconds: UInt64, hasRetryAfter: Bool) {
    refused += 1
    second.refused += 1
    if !hasRetryAfter { refusedWithoutRetryAfter += 1 }
    refusalLatency.record(nanoseconds)
  }

  mutating func recordUnsent() {
    unsent += 1
    second.unsent += 1
  }

  /// Ends the current second of the span.
  mutating func endSecond() {
    second.latency = latency.endSecond()
    seconds.append(second)
    second = Second()
  }

  /// Ends the span: what came after its last whole second gets a row of its own.
  mutating func endLastSecond() {
    if second.ok + second.refused + second.unsent > 0 { endSecond() }
  }

  /// Adds what another thread or class saw in the same span.
  mutating func add(_ other: Tally) {
    sent += other.sent
    answered += other.answered
    ok += other.ok
    okInTime += other.okInTime
    refused += other.refused
    refusedWithoutRetryAfter += other.refusedWithoutRetryAfter
    unsent += other.unsent
    lost += other.lost
    errors += other.errors
    wrong += other.wrong
    resent += other.resent
    resumed += other.resumed
    for index in outcomes.indices { outcomes[index] += other.outcomes[index] }
    latency.add(other.latency)
    refusalLatency.add(other.refusalLatency)
    lateness.add(other.lateness)
    for (index, second) in other.seconds.enumerated() {
      if index == seconds.count { seconds.append(Second()) }
      seconds[index].ok += second.ok
      seconds[index].refused += second.refused
      seconds[index].unsent += second.unsent
      seconds[index].latency += second.latency
    }
  }
}

/// A histogram of durations from 1 µs to 10 minutes, three significant digits.
struct Latency {
  static let microsecondsMax: UInt64 = 600_000_000

  /// Everything but the current second.
  private(set) var total = Self.empty
  private var current = Self.empty

  private static var empty: Histogram<UInt64> {
    Histogram<UInt64>(
      lowestDiscernibleValue: 1, highestTrackableValue: microsecondsMax,
      numberOfSignificantValueDigits: .three)
  }

  @inline(__always)
  mutating func record(_ nanoseconds: UInt64) {
    current.record(min(nanoseconds / 1_000, Self.microsecondsMax))
  }

  /// Moves the current second's values to the total, and gives them.
  mutating func endSecond() -> [(value: UInt64, count: UInt64)] {
    guard current.totalCount > 0 else { return [] }
    let values = current.recordedValues().map { (value: $0.value, count: UInt64($0.count)) }
    total.add(current)
    current.reset()
    return values
  }

  mutating func add(_ other: Latency) {
    total.add(other.total)
    total.add(other.current)
  }

  /// All values, also those of the current second.
  var whole: Histogram<UInt64> {
    var whole = total
    whole.add(current)
    return whole
  }
}

extension Tally.Second {
  /// The 99th percentile of the answer times, in microseconds.
  var p99: UInt64 {
    let count = latency.reduce(0) { $0 + $1.count }
    guard count > 0 else { return 0 }
    var left = (count * 99 + 99) / 100
    for (value, count) in latency.sorted(by: { $0.value < $1.value }) {
      if count >= left { return value }
      left -= count
    }
    return 0
  }
}
