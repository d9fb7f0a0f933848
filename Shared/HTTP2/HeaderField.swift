/// A header field to send. Constant values are never copied and are indexed by HPACK.
package struct HeaderField: Sendable {
  /// Lower case (RFC 9113 §8.2.1).
  package let name: StaticString
  let value: Value

  enum Value: Sendable {
    case constant(StaticString)
    case bytes([UInt8])
    case secret([UInt8])
  }

  package init(_ name: StaticString, _ value: StaticString) {
    self.name = name
    self.value = .constant(value)
  }

  package init(_ name: StaticString, bytes value: [UInt8]) {
    self.name = name
    self.value = .bytes(value)
  }

  package init(_ name: StaticString, text value: String) {
    self.name = name
    self.value = .bytes([UInt8](value.utf8))
  }

  /// A value that no HPACK table on the way may keep (RFC 7541 §7.1.3), such as a token.
  package init(_ name: StaticString, secret value: [UInt8]) {
    self.name = name
    self.value = .secret(value)
  }
}
