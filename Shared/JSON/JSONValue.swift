/// A parsed JSON text (RFC 8259).
///
/// Numbers without fraction and exponent are integers; anything else is a `double`. Objects keep
/// the order of their members and never hold a name twice (the parser refuses duplicates).
package enum JSONValue: Equatable, Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// One name of an object and its value.
  package struct Member: Equatable, Sendable {
    package let name: String
    package let value: JSONValue

    package init(name: String, value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  /// The member called `name`, or `nil` when there is none or this is not an object.
  package subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  package var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  package var integer: Int64? {
    if case .integer(let value) = self { value } else { nil }
  }

  package var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  package var array: [JSONValue]? {
    if case .array(let values) = self { values } else { nil }
  }

  package var members: [Member]? {
    if case .object(let members) = self { members } else { nil }
  }

  /// What this is, for error messages: "a string", "an object" ...
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer, .double: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

/// Why a text is not acceptable JSON, and where.
package struct JSONError: Error, Equatable {
  package let reason: String
  /// Byte offset of the first byte that does not fit.
  package let offset: Int

  package var description: String { "\(reason) at byte \(offset)" }
}

/// Bounds on what the parser accepts; a text beyond them is an error, not a slow success.
package struct JSONLimits: Sendable {
  package var depthMax = 16
  package var itemsMax = 10_000
  package var stringBytesMax = 4_096

  package init(depthMax: Int = 16, itemsMax: Int = 10_000, stringBytesMax: Int = 4_096) {
    self.depthMax = depthMax
    self.itemsMax = itemsMax
    self.stringBytesMax = stringBytesMax
  }
}
