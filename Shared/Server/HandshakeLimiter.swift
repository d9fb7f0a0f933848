/// Which TLS handshakes may go on now: a token bucket for new ones, and first in, first out for
/// those that must wait. It keeps no clock and no socket; `Waiter` is whatever the caller keeps.
///
/// A full handshake costs as much as hundreds of scans, and the server pays before it knows the
/// client. So new ones have a rate, and what exceeds it waits, but never longer than
/// `waitMilliseconds`: a client that gets no answer for a second tries again, and then it would be
/// served twice.
struct HandshakeLimiter<Waiter> {
  /// A turn of the loop takes so many steps of handshakes: each may be the signature or the check
  /// of a certificate, a fifth of a millisecond; requests on open connections wait behind them.
  static var stepsPerTurn: Int { 4 }

  private struct Place {
    let waiter: Waiter
    let since: UInt64
  }

  /// Thousandths of a handshake; `nil` without a limit.
  private let perSecond: UInt64?
  private let burst: UInt64
  private var level: UInt64
  private var refilledAt: UInt64?
  private let waitMilliseconds: UInt64
  private let waitingMax: Int
  private var places: [Place] = []
  private var first = 0

  /// `perSecond` 0 is without a limit. A tenth of a second's handshakes may come at once.
  init(perSecond: Int, waitMilliseconds: Int) {
    self.perSecond = perSecond == 0 ? nil : UInt64(perSecond)
    burst = UInt64(max(perSecond / 10, 8)) * 1_000
    level = burst
    self.waitMilliseconds = UInt64(waitMilliseconds)
    // More could not be served before their time is over.
    waitingMax = perSecond == 0 ? 4_096 : max(perSecond * waitMilliseconds / 1_000, 1)
  }

  var waitingCount: Int { places.count - first }

  /// A new handshake wants to begin; `false` when it must wait.
  mutating func begin(now: UInt64) -> Bool { waitingCount == 0 && takeToken(now: now) }

  /// Puts a handshake at the end of the queue; `false` when the queue is full.
  mutating func wait(_ waiter: Waiter, now: UInt64) -> Bool {
    guard waitingCount < waitingMax else { return false }
    places.append(Place(waiter: waiter, since: now))
    return true
  }

  /// The next that has waited too long.
  mutating func nextOverdue(now: UInt64) -> Waiter? {
    guard first < places.count, now >= places[first].since + waitMilliseconds else { return nil }
    return removeFirst()
  }

  /// The next that may begin.
  mutating func nextReady(now: UInt64) -> Waiter? {
    guard first < places.count, takeToken(now: now) else { return nil }
    return removeFirst()
  }

  /// A handshake cost less than a full one: resumed (a quarter), or given up before it began.
  mutating func giveBack(thousandths: UInt64) { level = min(burst, level + thousandths) }

  private mutating func removeFirst() -> Waiter {
    let waiter = places[first].waiter
    first += 1
    if first == places.count || first > 1_024 {
      places.removeFirst(first)
      first = 0
    }
    return waiter
  }

  private mutating func takeToken(now: UInt64) -> Bool {
    guard let perSecond else { return true }
    let elapsed = min(now - min(refilledAt ?? now, now), 60_000)
    refilledAt = max(refilledAt ?? 0, now)
    level = min(burst, level + elapsed * perSecond)
    guard level >= 1_000 else { return false }
    level -= 1_000
    return true
  }
}
