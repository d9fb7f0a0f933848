/// Writes JSON into a byte buffer that the caller reuses.
///
/// The writer puts the commas; the caller opens and closes objects and arrays in pairs.
///
/// ```swift
/// var json = JSONWriter()
/// json.object { $0.field("outcome", "accepted"); $0.field("number", 0) }
/// ```
package struct JSONWriter {
  package private(set) var bytes: [UInt8] = []
  private var needsComma = false

  package init() {}

  package init(reserving byteCount: Int) { bytes.reserveCapacity(byteCount) }

  /// Starts a new text in the same buffer.
  package mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    needsComma = false
  }

  /// Writes an object; `members` writes what is in it.
  package mutating func object(_ members: (inout JSONWriter) -> Void) {
    open(UInt8(ascii: "{"))
    members(&self)
    close(UInt8(ascii: "}"))
  }

  /// Writes an array; `elements` writes what is in it.
  package mutating func array(_ elements: (inout JSONWriter) -> Void) {
    open(UInt8(ascii: "["))
    elements(&self)
    close(UInt8(ascii: "]"))
  }

  /// Writes one member of an object.
  package mutating func field(_ name: String, _ value: String) {
    self.name(name)
    self.value(value)
  }

  package mutating func field(_ name: String, _ value: some BinaryInteger) {
    self.name(name)
    self.value(value)
  }

  package mutating func field(_ name: String, _ value: Bool) {
    self.name(name)
    self.value(value)
  }

  package mutating func field(_ name: String, object members: (inout JSONWriter) -> Void) {
    self.name(name)
    object(members)
  }

  package mutating func field(_ name: String, array elements: (inout JSONWriter) -> Void) {
    self.name(name)
    array(elements)
  }

  /// Writes one element of an array, or the value of the member that `name` began.
  package mutating func value(_ string: String) {
    comma()
    quoted(string)
  }

  package mutating func value(_ number: some BinaryInteger) {
    comma()
    bytes.append(contentsOf: String(number).utf8)
  }

  package mutating func value(_ bool: Bool) {
    comma()
    bytes.append(contentsOf: (bool ? "true" : "false").utf8)
  }

  package mutating func value(_ json: JSONValue) {
    switch json {
    case .null:
      comma()
      bytes.append(contentsOf: "null".utf8)
    case .bool(let bool): value(bool)
    case .integer(let number): value(number)
    case .double(let number):
      comma()
      bytes.append(contentsOf: "\(number)".utf8)
    case .string(let string): value(string)
    case .array(let values): array { writer in values.forEach { writer.value($0) } }
    case .object(let members):
      object { writer in
        for member in members {
          writer.name(member.name)
          writer.value(member.value)
        }
      }
    }
  }

  /// Starts a member; the next `value`, `object` or `array` is its value.
  package mutating func name(_ name: String) {
    comma()
    quoted(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  /// A line feed between documents, as NDJSON wants it.
  package mutating func endLine() {
    bytes.append(0x0A)
    needsComma = false
  }

  private mutating func open(_ bracket: UInt8) {
    comma()
    bytes.append(bracket)
    needsComma = false
  }

  private mutating func close(_ bracket: UInt8) {
    bytes.append(bracket)
    needsComma = true
  }

  private mutating func comma() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }

  private mutating func quoted(_ string: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0..<0x20:
        bytes.append(contentsOf: "\\u00".utf8)
        bytes.append(hexDigit(byte >> 4))
        bytes.append(hexDigit(byte & 15))
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }
}
