import Codes
package import HTTP2
internal import NIOCore
import Security

/// What a service does on one event loop.
package protocol LoopService: AnyObject {
  var router: Router { get }
  /// Called once after the last request of a turn of the loop that had requests: the place to
  /// hand over what was gathered and to let go of the read transaction.
  func turnEnded()
  /// How urgent a request of `principal` is. Asked for only while the loop is behind.
  func urgency(of request: Request, _ principal: Principal) -> Urgency
}

extension LoopService {
  /// All alike.
  package func urgency(of request: Request, _ principal: Principal) -> Urgency { .normal }
}

/// The part of the server that belongs to one event loop: its connections, their deadlines, and
/// the service's state there.
final class LoopHost {
  let loop: Loop
  let service: any LoopService
  let router: Router
  private(set) var grants: GrantTable
  /// What new connections over TLS are served with, if not with what the listener began with.
  private(set) var serverTLS: TLSContext?
  let limits: ServerLimits
  let counters: RequestCounters
  /// The answers of this turn.
  var tally = AnswerTally()
  private let durations: RequestDurations
  private let requestLog: RequestLog?
  let logsRequests: Bool
  private var sampler: RequestSampler
  private var openStreams = 0
  let handshakes: HandshakeGate
  let readBuffer = ReadBuffer()
  /// Answers promised and not given yet.
  var openReplies = 0
  var openRepliesMax: Int { limits.openRepliesPerLoopMax }
  private(set) var isDraining = false
  private var connections: [ObjectIdentifier: Connection] = [:]
  private var needsFlush: [Connection] = []
  private var spareFlush: [Connection] = []
  private var turnIsOpen = false
  /// `closeTurn`, made once: there may be as many turns as packets.
  private var endOfTurn: @Sendable () -> Void = {}
  /// What waits for the end of the turn.
  private var betweenTurns: [() -> Void] = []
  /// Goes up whenever a socket was read: what came with a read was sent before it.
  var readNumber = 0
  private var admission: Admission
  private var allowance: StreamAllowance
  private let degradation: Degradation
  private var queue = FairQueue<WaitingRequest>()
  /// Whether this turn reads, or only writes.
  private var turnReads = false
  /// Requests, and their bodies in units of 256 bytes, since the clock was looked at.
  private var unwatchedWork = 0
  private var isBehind = false
  private var allowancesSetAt: UInt64 = 0
  private var allAreTold = true
  private var refusals = 0
  /// Since the allowances were last set.
  private var workNanoseconds: UInt64 = 0
  private var workRequests = 0

  init(
    loop: Loop, service: any LoopService, grants: GrantTable, limits: ServerLimits,
    degradation: Degradation, metrics: Metrics, requestLog: RequestLog? = nil
  ) {
    self.loop = loop
    self.degradation = degradation
    admission = Admission(deadlineMilliseconds: limits.admission.deadlineMilliseconds)
    allowance = StreamAllowance(
      inFlightMax: limits.admission.inFlightMax, deadline: admission.deadline)
    self.service = service
    router = service.router
    self.grants = grants
    self.limits = limits
    counters = RequestCounters(metrics)
    durations = RequestDurations(metrics, router.labels)
    self.requestLog = requestLog
    logsRequests = requestLog != nil
    sampler = RequestSampler(oneIn: requestLog?.oneIn ?? 0)
    handshakes = HandshakeGate(limits, counters: counters.handshakes, on: loop)
    let host = LoopBoundWeak(self, on: loop)
    endOfTurn = { host.value?.closeTurn() }
    scheduleDeadlines()
  }

  func opened(_ connection: Connection) { connections[ObjectIdentifier(connection)] = connection }

  func closed(_ connection: Connection) { connections[ObjectIdentifier(connection)] = nil }

  /// Notes that this turn of the loop does work for the service, so that it hears of its end; and,
  /// before anything is read, that it reads.
  func openTurn(reading: Bool) {
    if !turnIsOpen {
      turnIsOpen = true
      turnReads = false
      isBehind = false
      loop.execute(endOfTurn)
    }
    guard reading, !turnReads else { return }
    turnReads = true
    unwatchedWork = 0
    let now = System.monotonicNanoseconds
    admission.beginTurn(now: now)
    isBehind = admission.isBehind(now: now)
  }

  /// Has `connection` write what it holds when the turn ends.
  func flushAtTurnEnd(_ connection: Connection) {
    needsFlush.append(connection)
    openTurn(reading: false)
  }

  /// The level of answers now.
  var level: DegradationLevel { degradation.held ?? admission.level }

  /// Whether a request of this turn waits for its end. Looks at the clock now and then only, but
  /// more often when bodies are large: a batch is as much work as many scans.
  func mustQueue(bodyBytes: Int) -> Bool {
    workRequests += 1
    unwatchedWork += 1 + bodyBytes >> 8
    if !isBehind, unwatchedWork >= 16 {
      unwatchedWork = 0
      isBehind = admission.isBehind(now: System.monotonicNanoseconds)
    }
    return isBehind || !queue.isEmpty
  }

  func enqueue(_ request: WaitingRequest) {
    var waiting = request
    let urgency = service.urgency(of: waiting.request, waiting.admitted.principal)
    waiting.urgency = urgency
    waiting.arrivedAt = admission.arrivedAt
    waiting.connection.urgency = urgency
    queue.append(waiting, urgency, owner: ObjectIdentifier(waiting.admitted.principal))
  }

  /// Serves what waits as long as it is not too late, and refuses the rest. Where urgent requests
  /// come, the others soon stay for the next turn, in which the urgent are first again.
  private func serveQueue() {
    guard !queue.isEmpty else { return }
    admission.beginServing(now: System.monotonicNanoseconds)
    let hasUrgent = queue.firstUrgency == .high
    while let urgency = queue.firstUrgency {
      let now = System.monotonicNanoseconds
      if hasUrgent, urgency != .high, admission.mustYield(now: now) { break }
      guard let waiting = queue.popFirst(), waiting.connection.owes(waiting) else { continue }
      if admission.isLate(urgency, arrival: waiting.arrivedAt, now: now) {
        refusals += 1
        counters.late.add()
        admission.longestWait = max(admission.longestWait, now - waiting.arrivedAt)
        waiting.connection.refuse(waiting, retryAfter: refusals)
      } else {
        waiting.connection.serve(waiting)
      }
      waiting.connection.scheduleFlush()
    }
    guard !queue.isEmpty else { return }
    let host = LoopBound(self, on: loop)
    loop.schedule(afterMicroseconds: Self.yieldMicroseconds) { host.value.openTurn(reading: false) }
  }

  /// Long enough for the sockets that are ready to be read first.
  private static let yieldMicroseconds = 10

  /// Allows connections as many streams as can be served in time.
  private func setAllowances(now: UInt64) {
    guard now - allowancesSetAt >= Self.allowanceNanoseconds else { return }
    allowancesSetAt = now
    let wait = exchange(&admission.longestWait, with: 0)
    let perRequest = workNanoseconds / UInt64(max(workRequests, 1))
    (workNanoseconds, workRequests) = (0, 0)
    guard allowance.isTooLong(wait) || allowance.inFlight != nil || !allAreTold else { return }
    let active = connections.values.filter(\.wasActive)
    let most = active.reduce(0) { $0 + $1.streamsMost }
    let isAnnounced = allowance.update(
      wait: wait, perRequest: perRequest, open: active.reduce(0) { $0 + $1.openStreamCount },
      most: most)
    guard isAnnounced || !allAreTold else { return }
    let isOver = allowance.inFlight == nil
    allAreTold = true
    for connection in isOver ? Array(connections.values) : active {
      connection.wasActive = false
      let isTold = connection.allowStreams(
        allowance.streams(
          connection.urgency, active: active.count, most: connection.streamsMost))
      // A client that has not confirmed the last change yet is told the next time.
      if !isTold { allAreTold = false }
    }
  }

  /// A few turns of a loop that is behind, and a round trip of its clients.
  private static let allowanceNanoseconds: UInt64 = 50_000_000

  private func closeTurn() {
    serveQueue()
    if turnReads {
      let now = System.monotonicNanoseconds
      workNanoseconds += admission.endTurn(now: now)
      followLevel(now: now)
    }
    turnIsOpen = false
    service.turnEnded()
    // Those that are flushed may ask for another turn.
    var waiting = exchange(&needsFlush, with: exchange(&spareFlush, with: []))
    for connection in waiting { connection.flushNow() }
    waiting.removeAll(keepingCapacity: true)
    spareFlush = waiting
    let end = System.monotonicNanoseconds
    admission.rest(from: end)
    countAnswers(at: end)
    if !betweenTurns.isEmpty { finishTurn() }
  }

  private func finishTurn() {
    for body in exchange(&betweenTurns, with: []) { body() }
  }

  /// Runs `body` when no request is under way on the loop's own stack: now, or at the turn's end.
  func whenTurnEnds(_ body: @escaping () -> Void) {
    if turnIsOpen { betweenTurns.append(body) } else { body() }
  }

  /// Goes on with other grants and, for new connections, another certificate. Whom open
  /// connections speak for is asked again at their next request.
  func replace(grants: GrantTable, tls: TLSContext?) {
    self.grants = grants
    if let tls { serverTLS = tls }
    for connection in connections.values { connection.forgetPrincipal() }
  }

  private func countAnswers(at end: UInt64) {
    let (counters, durations) = (counters, durations)
    tally.drain { run in
      counters.byClass[Int(run.statusClass)].add(run.count)
      durations.byRoute[Int(run.route)].record(
        microseconds: (end - run.arrivedAt) / 1_000, count: run.count)
    }
  }

  /// No request of this turn came earlier.
  var arrivedAt: UInt64 { admission.arrivedAt }

  /// For answers to requests that no route gets.
  var unrouted: RequestTiming { RequestTiming(route: router.noRoute, arrivedAt: arrivedAt) }

  /// Notes that connections have more streams open, or fewer.
  func streamsChanged(by count: Int) {
    openStreams += count
    counters.inFlight.set(openStreams)
  }

  // MARK: The log of requests

  func picks(_ trace: TraceContext?) -> Bool { sampler.picks(trace) }

  func log(_ request: LoggedRequest, _ timing: RequestTiming, status: Int) {
    requestLog?.write(
      request, route: router.labels[Int(timing.route)], status: status,
      microseconds: (System.monotonicNanoseconds - timing.arrivedAt) / 1_000)
  }

  private func followLevel(now: UInt64) {
    degradation.found(admission.level, byLoop: loop.index)
    setAllowances(now: now)
  }

  /// What turns do, for a loop that has had none for a while.
  private func checkIdle(now: UInt64) {
    guard !turnIsOpen, admission.level > .full || allowance.inFlight != nil || !allAreTold
    else { return }
    admission.checkIdle(now: now)
    followLevel(now: now)
  }

  private func scheduleDeadlines() {
    let host = LoopBoundWeak(self, on: loop)
    loop.schedule(afterMilliseconds: 250) {
      guard let host = host.value else { return }
      host.checkIdle(now: System.monotonicNanoseconds)
      let now = System.monotonicNanoseconds / 1_000_000
      for connection in host.connections.values { connection.checkDeadlines(now: now) }
      host.scheduleDeadlines()
    }
  }

  /// Tells every client to go elsewhere; connections end when their last answer is out.
  func drain() {
    isDraining = true
    for connection in connections.values { connection.drain() }
  }

  func closeAll() {
    for connection in connections.values { connection.close() }
  }
}

/// A `LoopBound` that does not keep its value alive.
final class LoopBoundWeak<Value: AnyObject>: @unchecked Sendable {
  private let loop: Loop
  private weak var stored: Value?

  init(_ value: Value, on loop: Loop) {
    loop.assertOnLoop()
    self.loop = loop
    stored = value
  }

  var value: Value? {
    loop.assertOnLoop()
    return stored
  }
}

/// What the listeners accept; the session's own limits are in `SessionLimits`.
package struct ServerLimits: Sendable {
  /// Open connections of the process; more wait in the kernel's queue (see `AcceptGate`).
  package var connectionsMax = 15_000
  /// Open connections from one address.
  package var connectionsPerAddressMax = 50
  /// Requests whose answer is promised, per loop: bounds what a slow disk or partner can pile up.
  package var openRepliesPerLoopMax = 4_096
  /// New TLS handshakes a second of each loop; 0: no limit. See `HandshakeLimiter`.
  package var handshakesPerSecond = 1_000
  /// How long a handshake above that rate waits for its turn.
  package var handshakeWaitMilliseconds = 1_000
  /// By how much connections' ages differ from the limit, up and down.
  package var ageJitterPercent = 20
  /// One connection's share of it, for `ConnectionState`.
  var ageJitter: Double { .random(in: -1...1) * Double(ageJitterPercent) / 100 }
  /// From accept to the end of the TLS handshake.
  package var handshakeMilliseconds = 5_000
  /// How long a drain waits for open streams.
  package var drainMilliseconds = 10_000
  /// Whether other processes may listen on the same addresses.
  package var sharesPort = false
  /// When requests are refused because there are too many.
  var admission = AdmissionLimits()
  package var anonymous = SessionLimits.anonymous
  package var partner = SessionLimits.partner

  package init() {}
}
