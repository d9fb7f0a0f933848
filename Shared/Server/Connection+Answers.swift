import HTTP2
import Security

extension Connection {
  /// One to five seconds, in turn, so that those refused together do not come back together.
  static let retryAfter: [[HeaderField]] = [
    [HeaderField("retry-after", "1")], [HeaderField("retry-after", "2")],
    [HeaderField("retry-after", "3")], [HeaderField("retry-after", "4")],
    [HeaderField("retry-after", "5")],
  ]

  func serve(_ waiting: WaitingRequest) {
    serve(waiting.request, waiting.admitted, arrivedAt: waiting.arrivedAt)
  }

  /// Has the route answer, now or later.
  func serve(_ request: Request, _ admitted: Admitted, arrivedAt: UInt64) {
    if host.logsRequests { pick(request, admitted) }
    admitted.handler(
      Exchange(request: request, admitted: admitted, connection: self, arrivedAt: arrivedAt))
  }

  /// Answers 503 as cheaply as can be: no body, nothing formatted, nothing logged.
  func refuse(_ waiting: WaitingRequest, retryAfter number: Int) {
    host.tally.answered(
      RequestTiming(route: waiting.admitted.route, arrivedAt: waiting.arrivedAt), status: 503)
    let empty: [UInt8] = []
    session.respond(
      to: waiting.streamID, status: 503,
      headers: Self.retryAfter[number % Self.retryAfter.count], body: empty.span)
  }

  func respond(
    to streamID: Int32, _ timing: RequestTiming, _ status: Int, _ contentType: StaticString,
    _ body: Span<UInt8>, headers: [HeaderField] = []
  ) {
    answered(streamID, timing, status)
    _ = session.respond(
      to: streamID, status: status, contentType: contentType, headers: headers, body: body)
  }

  func respond(
    to streamID: Int32, _ timing: RequestTiming, _ status: Int, _ contentType: StaticString,
    writing write: (inout [UInt8]) -> Void
  ) {
    answered(streamID, timing, status)
    session.respond(to: streamID, status: status, contentType: contentType, writing: write)
  }

  func respond(to streamID: Int32, _ timing: RequestTiming, _ problem: Problem) {
    if problem.status == 507 { host.counters.outOfRoom(problem) }
    var headers: [HeaderField] = []
    if let seconds = problem.retryAfterSeconds {
      headers.append(HeaderField("retry-after", text: "\(seconds)"))
    }
    if let allow = problem.allow { headers.append(HeaderField("allow", text: allow)) }
    respond(
      to: streamID, timing, problem.status, "application/problem+json", problem.body.span,
      headers: headers)
  }

  private func answered(_ streamID: Int32, _ timing: RequestTiming, _ status: Int) {
    host.tally.answered(timing, status: status)
    guard host.logsRequests, let request = logged.removeValue(forKey: streamID) else { return }
    host.log(request, timing, status: status)
  }

  /// Gives the request a line in the log, if it is its turn.
  private func pick(_ request: Request, _ admitted: Admitted) {
    guard host.picks(admitted.trace) else { return }
    logged[request.streamID] = LoggedRequest(
      trace: admitted.trace, principal: admitted.principal.name)
  }

  /// The trace of a request that gets a line, as the services that it asks are told.
  func ownTrace(of streamID: Int32) -> TraceContext? {
    logged.isEmpty ? nil : logged[streamID]?.trace
  }
}

extension Connection {
  /// The grants are others now: who asks, and what for, is found out anew.
  func forgetPrincipal() {
    principal = principal.map { host.grants.principal(certificateURI: $0.name) }
    lastAuthorization = []
    lastTokenPrincipal = nil
    admitted = nil
  }
}

/// A request that waits for the end of a turn.
struct WaitingRequest {
  let connection: Connection
  let request: Request
  let streamID: Int32
  let admitted: Admitted
  var urgency = Urgency.normal
  /// No later; nanoseconds of the monotonic clock.
  var arrivedAt: UInt64 = 0
}

extension TLSSession {
  /// `peerPrincipal` by a mutating access: reading a property through an optional would consume
  /// the session (Swift 6.3).
  mutating func currentPrincipal() -> String? { peerPrincipal }

  /// `isResumed`, for the same reason.
  mutating func currentlyResumed() -> Bool { isResumed }
}
