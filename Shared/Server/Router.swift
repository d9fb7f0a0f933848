package import HTTP2

/// What answers a request whose path, method, grant and size have been checked.
package typealias RouteHandler = (Exchange) -> Void

/// One endpoint: method, path and the grant it asks for.
package struct Route {
  let method: HTTP2.Method
  let path: PathPattern
  let grant: String
  let grantBit: UInt32
  let bodyBytesMax: Int
  let handler: RouteHandler
  /// Method and pattern as written, `POST /v1/scans`: what logs and metrics call this route.
  package let label: String

  /// `pattern` is a path, with `{}` for at most one segment that varies.
  package init(
    _ method: HTTP2.Method, _ pattern: String, grant: String, bodyBytesMax: Int = 0,
    _ handler: @escaping RouteHandler
  ) {
    self.method = method
    label = "\(method.text) \(pattern)"
    path = PathPattern(pattern)
    self.grant = grant
    grantBit = Grant.bit(grant)
    precondition(grantBit != 0, "a route needs a grant that exists")
    self.bodyBytesMax = bodyBytesMax
    self.handler = handler
  }
}

/// A fixed path, or one with a segment that varies.
struct PathPattern: Sendable {
  private let prefix: [UInt8]
  private let suffix: [UInt8]
  private let hasParameter: Bool

  init(_ pattern: String) {
    let parts = pattern.split(separator: "{}", maxSplits: 1, omittingEmptySubsequences: false)
    prefix = Array(parts[0].utf8)
    suffix = parts.count == 2 ? Array(parts[1].utf8) : []
    hasParameter = parts.count == 2
  }

  /// Where the varying segment stands in the first `count` bytes of `target`, or an empty range
  /// for a fixed path; `nil` if the path is another.
  func match(_ target: Span<UInt8>, count: Int) -> Range<Int>? {
    guard hasParameter ? count > prefix.count + suffix.count : count == prefix.count
    else { return nil }
    for index in 0..<prefix.count where target[index] != prefix[index] { return nil }
    guard hasParameter else { return count..<count }
    let end = count - suffix.count
    for index in 0..<suffix.count where target[end + index] != suffix[index] { return nil }
    for index in prefix.count..<end where target[index] == UInt8(ascii: "/") { return nil }
    return prefix.count..<end
  }

  /// How many bytes of a request target are its path: what stands before "?".
  static func pathLength(_ target: Span<UInt8>) -> Int {
    for index in 0..<target.count where target[index] == UInt8(ascii: "?") { return index }
    return target.count
  }
}

/// The largest body that may be sent to each path.
struct BodyLimits: Sendable {
  struct Entry: Sendable {
    let path: PathPattern
    let bytesMax: Int
  }

  let routes: [Entry]

  func bytesMax(_ target: Span<UInt8>) -> Int {
    let count = PathPattern.pathLength(target)
    var most = 0
    for entry in routes where entry.path.match(target, count: count) != nil {
      most = max(most, entry.bytesMax)
    }
    return most
  }
}

/// What the router found for a request, and for all that repeat its header fields.
final class Admitted {
  /// `Request.fieldsID`; zero if it holds for one request alone.
  let fieldsID: Int
  let principal: Principal
  /// Index into `Router.labels`.
  let route: Int32
  let handler: RouteHandler
  let parameterRange: Range<Int>
  let pathLength: Int
  /// What the caller says of the trace the request belongs to.
  let trace: TraceContext?

  init(
    fieldsID: Int, principal: Principal, route: Int32, handler: @escaping RouteHandler,
    parameterRange: Range<Int>, pathLength: Int, trace: TraceContext?
  ) {
    self.fieldsID = fieldsID
    self.principal = principal
    self.route = route
    self.trace = trace
    self.handler = handler
    self.parameterRange = parameterRange
    self.pathLength = pathLength
  }
}

/// Finds the route of a request; everything it cannot serve becomes a problem document.
package struct Router {
  /// The largest body of each route, in a form that other threads of a session may hold.
  let bodyLimits: BodyLimits
  private let routes: [Route]
  private let traceName = Array("\(TraceContext.headerName)".utf8)
  /// What metrics call the routes, and behind them all requests that reach none.
  let labels: [String]
  /// The last of `labels`.
  var noRoute: Int32 { Int32(routes.count) }

  package init(_ routes: [Route]) {
    self.routes = routes
    labels = routes.map(\.label) + ["other"]
    bodyLimits = BodyLimits(
      routes: routes.map { BodyLimits.Entry(path: $0.path, bytesMax: $0.bodyBytesMax) })
  }

  /// Who may do what a request asks for, and what does it.
  func admit(_ request: Request, _ principal: Principal?) throws(Problem) -> Admitted {
    let path = request.path
    let pathLength = PathPattern.pathLength(path.span)
    var allowed: [HTTP2.Method] = []
    for (index, route) in routes.enumerated() {
      guard let range = route.path.match(path.span, count: pathLength) else { continue }
      guard route.method == request.method else {
        allowed.append(route.method)
        continue
      }
      guard let principal else {
        throw .forbidden(
          "No client certificate and no known token: send `authorization: Bearer ...`.")
      }
      guard principal.grantBits & route.grantBit != 0 else {
        throw .forbidden("This needs the grant \(route.grant).")
      }
      return Admitted(
        fieldsID: request.fieldsID, principal: principal, route: Int32(index),
        handler: route.handler, parameterRange: range, pathLength: pathLength,
        trace: TraceContext(of: request, header: traceName.span))
    }
    guard allowed.isEmpty else {
      throw .methodNotAllowed(allowed.map(\.text).joined(separator: ", "))
    }
    throw .notFound()
  }
}

extension HTTP2.Method {
  /// The name for `Allow` (RFC 9110 §10.2.1).
  var text: String {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    case .other: ""
    }
  }
}
