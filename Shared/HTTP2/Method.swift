internal import Glibc

/// A request's method (RFC 9110 §9); those no service answers are one case.
package enum Method: UInt8, Sendable {
  case get, head, post, put, delete, options, other

  /// The method written as `name`; methods are case-sensitive.
  init(_ name: Span<UInt8>) {
    self =
      switch name.count {
      case 3 where name.equals("GET"): .get
      case 3 where name.equals("PUT"): .put
      case 4 where name.equals("POST"): .post
      case 4 where name.equals("HEAD"): .head
      case 6 where name.equals("DELETE"): .delete
      case 7 where name.equals("OPTIONS"): .options
      default: .other
      }
  }

  /// The method's name on the wire; `other` has none and is sent as GET.
  var name: StaticString {
    switch self {
    case .get, .other: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    }
  }
}

extension Span<UInt8> {
  /// Whether these bytes are exactly the text's.
  func equals(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    // A literal's bytes live as long as the program.
    return unsafe withUnsafeBytes { unsafe memcmp($0.baseAddress!, text.utf8Start, count) == 0 }
  }
}
