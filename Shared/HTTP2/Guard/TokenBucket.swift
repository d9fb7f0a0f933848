/// A token bucket in thousandths, over a clock the caller owns: `burst` tokens at once, `perSecond`
/// in the long run. A token a second is a thousandth a millisecond, so no fraction is lost.
struct TokenBucket: Sendable {
  private var capacity: Int64
  private var perMillisecond: Int64
  private var level: Int64
  private var refilledAt: UInt64?

  init(burst: Int, perSecond: Int) {
    capacity = Int64(burst) * 1_000
    perMillisecond = Int64(perSecond)
    level = capacity
  }

  /// Takes thousandths of a token; false when the bucket is overdrawn.
  mutating func take(thousandths: Int64, now: UInt64) -> Bool {
    if let last = refilledAt, now > last {
      // A day is enough to fill any bucket, and cannot overflow.
      let elapsed = Int64(min(now - last, 86_400_000))
      level = min(capacity, level + elapsed * perMillisecond)
    }
    refilledAt = max(refilledAt ?? 0, now)
    level -= thousandths
    return level >= 0
  }

  /// Changes the limits and grants what the new burst adds to the old one.
  mutating func upgrade(burst: Int, perSecond: Int) {
    let grown = Int64(burst) * 1_000
    level += max(0, grown - capacity)
    capacity = grown
    perMillisecond = Int64(perSecond)
  }
}
