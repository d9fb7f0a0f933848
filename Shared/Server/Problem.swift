package import JSON

/// An RFC 9457 problem document: how every HTTP error of every service looks.
///
/// A scan that is refused is not a problem; it is an outcome with status 200 (design of `Outcome`).
package struct Problem: Error, Sendable {
  package let status: Int
  /// Stable machine name; the document's `type` is `urn:citycode:problem:<name>`.
  package let name: String
  /// What went wrong with this request and what the caller can do; never a secret, a code, a
  /// token or an identity number.
  package let detail: String
  /// Seconds for `Retry-After`, where trying again makes sense.
  package let retryAfterSeconds: Int?
  /// The methods for `Allow`, on 405.
  package let allow: String?

  package init(
    _ status: Int, _ name: String, _ detail: String, retryAfterSeconds: Int? = nil,
    allow: String? = nil
  ) {
    self.status = status
    self.name = name
    self.detail = detail
    self.retryAfterSeconds = retryAfterSeconds
    self.allow = allow
  }

  /// 400: the request cannot be understood; `name` says which part.
  package static func badRequest(_ name: String, _ detail: String) -> Problem {
    Problem(400, name, detail)
  }

  /// 404: no route has this path.
  package static func notFound() -> Problem {
    Problem(404, "unknown_path", "There is nothing at this path; README.md lists the endpoints.")
  }

  /// 405: the path has other methods, `allow`.
  package static func methodNotAllowed(_ allow: String) -> Problem {
    Problem(405, "method_not_allowed", "This path answers \(allow).", allow: allow)
  }

  /// 403: nobody known, or without the grant.
  package static func forbidden(_ detail: String) -> Problem {
    Problem(403, "forbidden", detail)
  }

  /// 415: the body is of another type than `expected`.
  package static func unsupportedMediaType(_ expected: String) -> Problem {
    Problem(415, "unsupported_media_type", "Send the body as \(expected).")
  }

  /// 413.
  package static func bodyTooLarge(_ bytesMax: Int) -> Problem {
    Problem(413, "body_too_large", "The body may have \(bytesMax) bytes at most.")
  }

  /// 431.
  package static func headersTooLarge() -> Problem {
    Problem(431, "headers_too_large", "The header list is larger than this service accepts.")
  }

  /// 503 with `Retry-After`: nothing was done.
  package static func busy(_ detail: String) -> Problem {
    Problem(503, "busy", detail, retryAfterSeconds: 1)
  }

  /// 400: the body is not JSON, and where.
  package static func malformedJSON(_ error: JSONError) -> Problem {
    badRequest("malformed_json", "The body is not acceptable JSON: \(error.description).")
  }

  /// The document's bytes, `application/problem+json`.
  package var body: [UInt8] {
    var json = JSONWriter(reserving: 256)
    json.object {
      $0.field("type", "urn:citycode:problem:\(name)")
      $0.field("title", Problem.title(of: status))
      $0.field("status", status)
      $0.field("detail", detail)
    }
    return json.bytes
  }

  private static func title(of status: Int) -> String {
    switch status {
    case 400: "Bad Request"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 409: "Conflict"
    case 413: "Content Too Large"
    case 415: "Unsupported Media Type"
    case 422: "Unprocessable Content"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 503: "Service Unavailable"
    case 507: "Insufficient Storage"
    default: "Error"
    }
  }
}
