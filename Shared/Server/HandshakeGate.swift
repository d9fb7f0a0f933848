/// How far one connection's TLS handshake has been let.
enum HandshakeStage {
  /// Nothing has come from the client yet.
  case silent
  /// Its first message waits for its turn.
  case waiting
  /// It has begun; `isQueued` while a further step waits for the next turn.
  case begun(isQueued: Bool)
}

/// The handshakes of one event loop: how many begin, and how many steps a turn of the loop takes,
/// so that a storm of them leaves time for the requests of open connections.
final class HandshakeGate {
  private let loop: Loop
  private let counters: HandshakeCounters
  private var limiter: HandshakeLimiter<Connection>
  /// Handshakes under way whose next step waits, before all that have not begun: what is half
  /// done is cheaper to finish than to lose.
  private var continuing: [Connection] = []
  private var stepsLeft = HandshakeLimiter<Connection>.stepsPerTurn
  private var turnEndIsScheduled = false
  private var turnIsScheduled = false

  init(_ limits: ServerLimits, counters: HandshakeCounters, on loop: Loop) {
    self.loop = loop
    self.counters = counters
    limiter = HandshakeLimiter(
      perSecond: limits.handshakesPerSecond, waitMilliseconds: limits.handshakeWaitMilliseconds)
  }

  /// Whether `connection`, which got bytes for its handshake, may take a step now. If not, its
  /// `continueHandshake` is called later, or its `refuseHandshake`.
  func mayStep(_ connection: Connection, now: UInt64) -> Bool {
    switch connection.handshakeStage {
    case .waiting, .begun(isQueued: true): return false
    case .begun(isQueued: false):
      if takeStep() { return true }
      connection.handshakeStage = .begun(isQueued: true)
      continuing.append(connection)
    case .silent:
      if stepsLeft > 0, limiter.begin(now: now) {
        connection.handshakeStage = .begun(isQueued: false)
        return takeStep()
      }
      guard limiter.wait(connection, now: now) else {
        refuse(connection)
        return false
      }
      connection.handshakeStage = .waiting
    }
    scheduleTurn()
    return false
  }

  /// A handshake is done.
  func finished(isResumed: Bool) {
    if isResumed {
      limiter.giveBack(thousandths: 750)
      counters.resumed.add()
    } else {
      counters.full.add()
    }
  }

  /// A handshake ended without a session.
  func failed() { counters.failed.add() }

  private func refuse(_ connection: Connection) {
    counters.refused.add()
    connection.refuseHandshake()
  }

  private func takeStep() -> Bool {
    guard stepsLeft > 0 else { return false }
    stepsLeft -= 1
    if !turnEndIsScheduled {
      turnEndIsScheduled = true
      let gate = LoopBound(self, on: loop)
      // Runs when all events of this turn have been dealt with.
      loop.execute { gate.value.endTurn() }
    }
    return true
  }

  private func endTurn() {
    turnEndIsScheduled = false
    stepsLeft = HandshakeLimiter<Connection>.stepsPerTurn
  }

  /// The loop runs what is due at once before it looks at its sockets again; what is due a moment
  /// later lets them go first. With nothing ready it is the next millisecond's tokens that count.
  private func scheduleTurn(afterMicroseconds delay: Int = 100) {
    guard !turnIsScheduled else { return }
    turnIsScheduled = true
    let gate = LoopBound(self, on: loop)
    loop.schedule(afterMicroseconds: delay) { gate.value.takeTurn() }
  }

  private func takeTurn() {
    turnIsScheduled = false
    let now = System.monotonicNanoseconds / 1_000_000
    while let connection = limiter.nextOverdue(now: now) {
      if connection.isHandshakeWanted { refuse(connection) }
    }
    while stepsLeft > 0, !continuing.isEmpty {
      let connection = continuing.removeFirst()
      guard connection.isHandshakeWanted, takeStep() else { continue }
      connection.handshakeStage = .begun(isQueued: false)
      connection.continueHandshake()
    }
    while stepsLeft > 0, let connection = limiter.nextReady(now: now) {
      guard connection.isHandshakeWanted, takeStep() else {
        limiter.giveBack(thousandths: 1_000)
        continue
      }
      connection.handshakeStage = .begun(isQueued: false)
      connection.continueHandshake()
    }
    if !continuing.isEmpty || stepsLeft == 0 {
      scheduleTurn()
    } else if limiter.waitingCount > 0 {
      scheduleTurn(afterMicroseconds: 1_000)
    }
  }
}

/// The counts of `citycode_tls_handshakes_total` of one loop.
struct HandshakeCounters {
  let full: Metrics.Counter
  let resumed: Metrics.Counter
  let failed: Metrics.Counter
  let refused: Metrics.Counter

  init(_ metrics: Metrics) {
    func counter(_ result: String) -> Metrics.Counter {
      metrics.counter(
        "citycode_tls_handshakes_total",
        "TLS handshakes by result; refused: more came than handshakes_per_second takes.",
        ["result": result])
    }
    full = counter("full")
    resumed = counter("resumed")
    failed = counter("failed")
    refused = counter("refused")
  }
}
