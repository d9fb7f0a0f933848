import HTTP2
import Security

extension Connection {
  /// One to five seconds, in turn, so that those refused together do not come back together.
  static let retryAfter: [[HeaderField]] = [
    [HeaderField("retry-after", "1")], [HeaderField("retry-after", "2")],
    [HeaderField("retry-after", "3")], [HeaderField("retry-after", "4")],
    [HeaderField("retry-after", "5")],
  ]

  func respond(to streamID: Int32, _ problem: Problem) {
    var headers: [HeaderField] = []
    if let seconds = problem.retryAfterSeconds {
      headers.append(HeaderField("retry-after", text: "\(seconds)"))
    }
    if let allow = problem.allow { headers.append(HeaderField("allow", text: allow)) }
    respond(
      to: streamID, problem.status, "application/problem+json", problem.body.span,
      headers: headers)
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
