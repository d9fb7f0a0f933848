import Codes

/// The requests of one class on one thread: its connections, its schedule, what happened.
final class Lane {
  let plan: ClassPlan
  let run: Plan
  /// Let go of when the worker ends.
  let worker: Worker
  private let connectionsTarget: Int
  private(set) var connections: [Connection] = []
  private var backlog = Backlog()
  private var schedule: Schedule?
  var tally = Tally()
  private var nextBody: Int
  private var rotation = 0
  private var changed: [Connection] = []
  /// Requests begun, over the class's weight: classes keep step by this.
  private(set) var progress = 0.0
  private var connectAt: UInt64 = 0
  private var endpointTurn = 0
  /// Why the last attempt to connect failed.
  private(set) var connectFault: String?
  private var reportsLeft = 5

  init(_ plan: ClassPlan, _ run: Plan, worker: Worker, connections: Int, firstBody: Int) {
    self.plan = plan
    self.run = run
    self.worker = worker
    connectionsTarget = connections
    nextBody = firstBody
    endpointTurn = worker.index
  }

  // MARK: Connections

  /// Connections that are being opened at once when there are many to open.
  private static let openingMax = 64

  var isConnected: Bool {
    connections.count == connectionsTarget && connections.allSatisfy(\.isReady)
  }

  /// Whether nothing waits for a stream.
  var isIdle: Bool { backlog.isEmpty }

  /// Opens connections that are missing.
  func maintain() {
    guard connections.count < connectionsTarget, worker.now >= connectAt else { return }
    while connections.count < connectionsTarget, openingCount < Self.openingMax {
      let endpoint = plan.endpoints[endpointTurn % plan.endpoints.count]
      endpointTurn += 1
      switch worker.connect(to: endpoint, for: self) {
      case .success(let connection):
        connections.append(connection)
        openingCount += 1
      case .failure(let fault):
        noteConnectFault("\(endpoint.url): \(fault.reason)")
        return
      }
    }
  }

  private var openingCount = 0

  /// The connection can be used.
  func isReady(_ connection: Connection) {
    openingCount -= 1
    switch run.use {
    case .load: break
    case .handshakes(withRequest: true), .idle:
      connection.start(Pending(intended: connection.openedAt, body: takeBody()))
    case .handshakes(withRequest: false):
      recordOpening(connection)
      connection.end("its handshake is done")
    }
  }

  /// A connection was opened and, where asked for, used.
  private func recordOpening(_ connection: Connection) {
    guard worker.isInSpan(worker.now) else { return }
    tally.recordOK(worker.now - connection.openedAt, inTime: true)
    if connection.transport.isResumed { tally.resumed += 1 }
  }

  private func noteConnectFault(_ reason: String) {
    connectFault = reason
    worker.control.note(fault: reason)
    connectAt = worker.now + 20_000_000
  }

  func isDraining(_ connection: Connection) {
    connections.removeAll { $0 === connection }
  }

  func ended(_ connection: Connection, reason: String) {
    connections.removeAll { $0 === connection }
    changed.removeAll { $0 === connection }
    worker.forget(connection)
    if worker.isOver { return }
    if connection.readyAt == 0 {
      openingCount -= 1
      if run.use != .load, worker.isInSpan(worker.now) { tally.errors += 1 }
      noteConnectFault(Cure.text(connection, reason))
    } else if run.use == .idle {
      worker.control.countOpen(-1)
    }
  }

  // MARK: Starting requests

  /// Sets the class's schedule of an open loop going.
  func begin(ratePerSecond: Double, start: UInt64, phase: Double, seed: UInt64) {
    schedule = Schedule(
      ratePerSecond: ratePerSecond, arrivals: run.arrivals, start: start, phase: phase, seed: seed)
  }

  /// The next start of the schedule; `nil` in a closed loop.
  var nextStart: UInt64? { schedule?.next }

  /// Takes requests whose time has come from the schedule and starts what can start.
  func arrive() {
    let now = worker.now
    if var schedule {
      while schedule.next <= now, schedule.next < worker.spanEnd {
        let intended = schedule.next
        if worker.isInSpan(intended) { tally.lateness.record(now - intended) }
        backlog.append(Pending(intended: intended, body: takeBody()))
        schedule.advance()
      }
      self.schedule = schedule
    }
    guard !backlog.isEmpty else { return }
    giveUp()
    while !backlog.isEmpty, let connection = nextWithRoom() {
      if connection.sender.output.isEmpty { changed.append(connection) }
      startNext(on: connection)
    }
    if !changed.isEmpty {
      let connections = changed
      changed.removeAll(keepingCapacity: true)
      for connection in connections { connection.flush() }
    }
  }

  /// Fills every connection of a closed loop.
  func fill() {
    for connection in connections where connection.hasRoom {
      connectionHasRoom(connection)
      connection.flush()
    }
  }

  func connectionHasRoom(_ connection: Connection) {
    if !backlog.isEmpty { giveUp() }
    let makesNew = run.isClosed && worker.isSending && run.use == .load
    while connection.hasRoom {
      if !backlog.isEmpty {
        startNext(on: connection)
      } else if makesNew, worker.mayStart(self) {
        start(Pending(intended: worker.now, body: takeBody()), on: connection)
      } else {
        return
      }
    }
  }

  private func startNext(on connection: Connection) {
    if let pending = backlog.popFirst() { start(pending, on: connection) }
  }

  private func start(_ pending: Pending, on connection: Connection) {
    progress += 1 / plan.weight
    if worker.isInSpan(pending.intended), pending.retries == 0 { tally.sent &+= 1 }
    connection.start(pending)
  }

  private func nextWithRoom() -> Connection? {
    let count = connections.count
    for step in 0..<count {
      let index = (rotation &+ step) % count
      if connections[index].hasRoom {
        rotation = index &+ 1
        return connections[index]
      }
    }
    return nil
  }

  @inline(__always)
  private func takeBody() -> Int {
    let body = nextBody
    nextBody &+= 1
    if nextBody == plan.bodies.count { nextBody = 0 }
    return body
  }

  /// Drops requests that could not be sent in time.
  private func giveUp() {
    guard let limit = run.giveUpNanoseconds else { return }
    while let first = backlog.first, first.intended &+ limit < worker.now {
      _ = backlog.popFirst()
      if worker.isInSpan(first.intended) { tally.recordUnsent() }
    }
  }

  // MARK: What became of requests

  /// Whether a request counts: by its intended start in an open loop, else by its end.
  @inline(__always)
  private func counts(_ request: Pending) -> Bool {
    worker.isInSpan(run.isClosed ? worker.now : request.intended)
  }

  func answered(_ stream: Stream, on connection: Connection) {
    switch run.use {
    case .load: break
    case .handshakes:
      if Int(stream.status) == plan.expectedStatus {
        recordOpening(connection)
      } else {
        wrong("an answer has status \(stream.status), not \(plan.expectedStatus)")
      }
      return connection.end("its request is answered")
    case .idle:
      worker.control.countOpen(1)
      if plan.check == .none { return }
    }
    let request = stream.request
    let status = Int(stream.status)
    let isCounted = counts(request)
    if isCounted { tally.answered &+= 1 }
    let duration = worker.now &- request.intended
    if status == plan.expectedStatus {
      if plan.check == .outcome,
        stream.isWrong || stream.finder.count != plan.bodies.outcomeCount(request.body)
      {
        wrong(
          stream.isWrong
            ? "an answer has outcome \(Self.name(lastWrong)), which is not the expected one"
            : "an answer has \(stream.finder.count) outcomes, not"
              + " \(plan.bodies.outcomeCount(request.body))")
      } else if isCounted {
        tally.recordOK(duration, inTime: worker.isInSpan(worker.now))
      }
    } else if status == 503 || status == 429 {
      if isCounted { tally.recordRefusal(duration, hasRetryAfter: stream.hasRetryAfter) }
      if request.retries < run.retriesMax {
        again(Pending(intended: request.intended, body: request.body, retries: request.retries + 1))
      }
    } else if plan.check == .none {
      if isCounted { tally.errors &+= 1 }
    } else {
      wrong("an answer has status \(status), not \(plan.expectedStatus)")
    }
  }

  private var lastWrong = 0
  private var ignoredCounts = [Int](repeating: 0, count: OutcomeFinder.unknown + 1)

  /// Looks for outcomes in a piece of an answer.
  func find(_ place: Int, _ piece: Span<UInt8>, in sender: inout Sender) {
    let wrong =
      worker.isInSpan(worker.now)
      ? sender.find(place, piece, counting: &tally.outcomes)
      : sender.find(place, piece, counting: &ignoredCounts)
    if let wrong { lastWrong = wrong }
  }

  private static func name(_ outcome: Int) -> String {
    Outcome(rawValue: UInt8(outcome))?.name ?? "unknown"
  }

  private func wrong(_ what: String) {
    tally.wrong += 1
    if reportsLeft > 0 {
      reportsLeft -= 1
      worker.report("\(plan.name) \(plan.path): \(what)")
    }
    if run.abortsOnWrong { worker.control.stop() }
  }

  private func again(_ request: Pending) {
    if counts(request) { tally.resent &+= 1 }
    var request = request
    // So that it is not counted as sent twice.
    request.retries = max(request.retries, 1)
    backlog.append(request)
  }

  /// The server says it did nothing with this request: it is sent again.
  func refusedUnprocessed(_ request: Pending) { again(request) }

  /// The stream was reset for another reason.
  func failed(_ request: Pending) {
    if counts(request) { tally.errors &+= 1 }
  }

  /// The connection ended before the answer came.
  func lost(_ request: Pending) {
    if counts(request) || !worker.isSending { tally.lost &+= 1 }
  }

  /// The run is over: what has no answer now will not get one.
  func finish() {
    while let request = backlog.popFirst() {
      if worker.isInSpan(request.intended) { tally.recordUnsent() }
    }
    tally.endLastSecond()
  }
}

/// What to do about a connection that could not be opened.
enum Cure {
  static func text(_ connection: Connection, _ reason: String) -> String {
    let url = connection.endpoint.url
    switch connection.stateBeforeEnd {
    case .connecting: return "\(url): \(reason); is the server there, and is the port right?"
    case .securing:
      return "\(url): \(reason); does it speak TLS with ALPN h2, and is --ca its authority?"
    default:
      return "\(url): \(reason) before its SETTINGS; does it speak HTTP/2 in clear text"
        + " (http) or is it https?"
    }
  }
}
