package import HTTP2

/// What answers a request whose path, method, grant and size have been checked.
package typealias RouteHandler = (Exchange) -> Void

/// One endpoint: method, path and the grant it asks for.
package struct Route {
  let method: HTTP2.Method
  let prefix: [UInt8]
  let suffix: [UInt8]
  let hasParameter: Bool
  let grant: String
  let bodyBytesMax: Int
  let handler: RouteHandler
  /// The pattern as written: what logs and metrics call this route.
  package let pattern: String

  /// `pattern` is a path, with `{}` for at most one segment that varies.
  package init(
    _ method: HTTP2.Method, _ pattern: String, grant: String, bodyBytesMax: Int = 0,
    _ handler: @escaping RouteHandler
  ) {
    let parts = pattern.split(separator: "{}", maxSplits: 1, omittingEmptySubsequences: false)
    self.method = method
    self.pattern = pattern
    prefix = Array(parts[0].utf8)
    suffix = parts.count == 2 ? Array(parts[1].utf8) : []
    hasParameter = parts.count == 2
    self.grant = grant
    self.bodyBytesMax = bodyBytesMax
    self.handler = handler
  }

  /// Where the varying segment stands in `path`, or an empty range for a fixed path; `nil` if
  /// the path is not this route's.
  func match(_ path: ArraySlice<UInt8>) -> Range<Int>? {
    if !hasParameter {
      return path.count == prefix.count && path.elementsEqual(prefix)
        ? path.endIndex..<path.endIndex : nil
    }
    guard path.count > prefix.count + suffix.count, path.starts(with: prefix),
      path.suffix(suffix.count).elementsEqual(suffix)
    else { return nil }
    let range = (path.startIndex + prefix.count)..<(path.endIndex - suffix.count)
    return path[range].contains(UInt8(ascii: "/")) ? nil : range
  }
}

/// Finds the route of a request; everything it cannot serve becomes a problem document.
package struct Router {
  private let routes: [Route]

  package init(_ routes: [Route]) { self.routes = routes }

  /// Most bytes a body sent to `path` may have: what the largest route there takes.
  func bodyBytesMax(_ path: Span<UInt8>) -> Int {
    var copy: [UInt8] = []
    for index in 0..<path.count { copy.append(path[index]) }
    let bare = Self.split(copy).path
    return routes.reduce(0) { $1.match(bare) == nil ? $0 : max($0, $1.bodyBytesMax) }
  }

  func handle(_ request: Request, _ principal: Principal?, _ connection: Connection) {
    let (path, query) = Self.split(request.path)
    var allowed: [HTTP2.Method] = []
    for route in routes {
      guard let range = route.match(path) else { continue }
      guard route.method == request.method else {
        allowed.append(route.method)
        continue
      }
      guard let principal else {
        return connection.respond(
          to: request.streamID,
          .forbidden("No client certificate and no known token: send `authorization: Bearer ...`."))
      }
      guard principal.grants.contains(route.grant) else {
        return connection.respond(
          to: request.streamID, .forbidden("This needs the grant \(route.grant)."))
      }
      return route.handler(
        Exchange(
          request: request, principal: principal, parameter: path[range], query: query,
          connection: connection))
    }
    let problem: Problem =
      allowed.isEmpty
      ? .notFound() : .methodNotAllowed(allowed.map(\.name).joined(separator: ", "))
    connection.respond(to: request.streamID, problem)
  }

  private static func split(
    _ target: [UInt8]
  ) -> (path: ArraySlice<UInt8>, query: ArraySlice<UInt8>) {
    guard let mark = target.firstIndex(of: UInt8(ascii: "?")) else { return (target[...], []) }
    return (target[..<mark], target[(mark + 1)...])
  }
}
