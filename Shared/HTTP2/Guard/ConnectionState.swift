/// What a session knows about itself that timers depend on; see `ServerSession.facts`.
package struct ConnectionFacts: Sendable {
  /// Whether the peer's preface and first SETTINGS have arrived.
  package var receivedSettings = false
  /// When the header block under way began.
  package var headerBlockSince: UInt64?
  /// When the slowest unfinished body is overdue.
  package var bodyDeadline: UInt64?
  package var openStreams = 0
  package var requests = 0
  /// Answer bytes the session still holds.
  package var unsentBytes = 0
  /// Answer bytes it has given out since the beginning.
  package var sentBytes = 0
  package var pingAcks = 0

  package init() {}
}

/// How old each phase of a connection is, and what to do about it.
///
///     opening ──first SETTINGS──► serving ──age, requests, drain──► noticed ─► draining ─► close
///        └─2 s──► close              └─any phase overdue──► close
///
/// The caller owns the clock (monotonic milliseconds), calls `check` every quarter of a second or
/// so, and does what it returns, one action at a time. Ending phases on time is what keeps slow
/// peers from holding memory: the library has no timers at all.
package struct ConnectionState: Sendable {
  /// The phases that have a limit; the names appear in logs and metrics.
  package enum Phase: String, Sendable, CaseIterable {
    case preface
    case headerBlock = "header_block"
    case body, response, idle
    case keepAlive = "keep_alive"
    case drain
  }

  /// What `check` asks the caller to do.
  package enum Action: Equatable, Sendable {
    case none
    /// `ServerSession.ping()`.
    case ping
    /// `ServerSession.shutDown()`.
    case shutDown
    /// `ServerSession.finishShutDown()`.
    case finishShutDown
    /// Close now: the phase lasted too long.
    case close(Phase)
  }

  private enum Stage { case serving, noticed(since: UInt64), draining(since: UInt64) }

  private let limits: TimerLimits
  private let requestsMax: Int
  private let openedAt: UInt64
  private let endOfLife: UInt64
  private var stage = Stage.serving
  private var wantsDrain = false

  private var activeAt: UInt64
  private var requestsSeen = 0
  private var receivedAt: UInt64
  private var pingedAt: UInt64?
  private var pingAcksSeen = 0
  private var pingMisses = 0
  /// Two ways not to take an answer: closed flow-control windows, and a socket that is not read.
  private var windowStall = Stall()
  private var socketStall = Stall()

  /// `ageJitter` in −0.2…0.2 spreads the ends of connections that began together.
  package init(limits: SessionLimits, openedAt now: UInt64, ageJitter: Double) {
    self.limits = limits.timers
    requestsMax = limits.requestsMax
    openedAt = now
    let age = Double(limits.timers.ageMilliseconds) * (1 + min(max(ageJitter, -0.2), 0.2))
    endOfLife = now + UInt64(age)
    activeAt = now
    receivedAt = now
  }

  /// Bytes arrived: the peer is alive.
  package mutating func receivedBytes(now: UInt64) {
    receivedAt = now
    pingMisses = 0
  }

  /// The server is about to stop: the next `check` returns `shutDown`.
  package mutating func drain(now: UInt64) {
    wantsDrain = true
  }

  /// Whether `check` has asked to shut down.
  package var isDraining: Bool {
    if case .serving = stage { false } else { true }
  }

  /// What is due at `now`. `socketUnwritten` is output the kernel has not taken yet and
  /// `socketWritten` all that it has taken since the beginning.
  package mutating func check(
    _ facts: ConnectionFacts, socketUnwritten: Int, socketWritten: Int, now: UInt64
  ) -> Action {
    observe(facts, now: now)
    if let phase = overdue(facts, now: now) { return .close(phase) }
    let isStalled =
      windowStall.lasts(waiting: facts.unsentBytes, taken: facts.sentBytes, limits, now: now)
      || socketStall.lasts(waiting: socketUnwritten, taken: socketWritten, limits, now: now)
    if isStalled { return .close(.response) }
    switch stage {
    case .serving: return serve(facts, now: now)
    case .noticed(let since):
      guard now >= since + limits.noticeMilliseconds else { return .none }
      stage = .draining(since: now)
      return .finishShutDown
    case .draining(let since):
      return now >= since + limits.drainMilliseconds ? .close(.drain) : .none
    }
  }

  private mutating func observe(_ facts: ConnectionFacts, now: UInt64) {
    if facts.openStreams > 0 || facts.requests != requestsSeen { activeAt = now }
    requestsSeen = facts.requests
    if facts.pingAcks != pingAcksSeen {
      pingAcksSeen = facts.pingAcks
      pingMisses = 0
      pingedAt = nil
    }
  }

  private func overdue(_ facts: ConnectionFacts, now: UInt64) -> Phase? {
    if !facts.receivedSettings {
      return now >= openedAt + limits.prefaceMilliseconds ? .preface : nil
    }
    if let since = facts.headerBlockSince, now >= since + limits.headerBlockMilliseconds {
      return .headerBlock
    }
    if let deadline = facts.bodyDeadline, now >= deadline { return .body }
    return now >= activeAt + limits.idleMilliseconds ? .idle : nil
  }

  private mutating func serve(_ facts: ConnectionFacts, now: UInt64) -> Action {
    if wantsDrain || now >= endOfLife || facts.requests >= requestsMax {
      stage = .noticed(since: now)
      return .shutDown
    }
    guard limits.pingMilliseconds > 0 else { return .none }
    let quietSince = max(receivedAt, pingedAt ?? 0)
    guard now >= quietSince + limits.pingMilliseconds else { return .none }
    if pingedAt != nil { pingMisses += 1 }
    if pingMisses >= limits.pingMissesMax { return .close(.keepAlive) }
    pingedAt = now
    return .ping
  }
}

/// Whether a peer takes what it is given. One that takes a byte now and then is as bad as one that
/// takes none, so each span of time asks for a rate.
private struct Stall {
  private var span: (since: UInt64, taken: Int)?

  mutating func lasts(waiting: Int, taken: Int, _ limits: TimerLimits, now: UInt64) -> Bool {
    guard waiting > 0 else {
      span = nil
      return false
    }
    guard let (since, takenBefore) = span else {
      span = (now, taken)
      return false
    }
    let elapsed = now - since
    guard elapsed >= limits.responseMilliseconds else { return false }
    span = (now, taken)
    let needed = max(1, limits.responseBytesPerSecondMin * elapsed / 1_000)
    return UInt64(taken - takenBefore) < needed
  }
}
