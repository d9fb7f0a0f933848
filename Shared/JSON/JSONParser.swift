/// A strict, bounded reader of JSON (RFC 8259): no comments, no trailing commas, no duplicate
/// names, no lone surrogates, nothing after the value.
///
/// Why not Foundation's: these bytes come from the network, and what must be bounded here (depth,
/// items, string length, duplicates) Foundation does not bound; it also costs the services
/// Foundation's start-up.
package struct JSONParser {
  private let bytes: [UInt8]
  private let limits: JSONLimits
  private var offset = 0
  private var items = 0

  private init(_ bytes: [UInt8], _ limits: JSONLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  /// The value that `bytes` spell.
  package static func parse(
    _ bytes: [UInt8], limits: JSONLimits = JSONLimits()
  ) throws(JSONError) -> JSONValue {
    var parser = JSONParser(bytes, limits)
    let value = try parser.value(depth: 0)
    parser.skipBlanks()
    guard parser.offset == bytes.count else { throw parser.error("unexpected text after the end") }
    return value
  }

  private func error(_ reason: String) -> JSONError { JSONError(reason: reason, offset: offset) }

  private mutating func skipBlanks() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x09, 0x0A, 0x0D: offset += 1
      default: return
      }
    }
  }

  private func peek() throws(JSONError) -> UInt8 {
    guard offset < bytes.count else { throw error("the text ends too early") }
    return bytes[offset]
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    guard depth <= limits.depthMax else { throw error("nested too deep") }
    items += 1
    guard items <= limits.itemsMax else { throw error("too many items") }
    skipBlanks()
    switch try peek() {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw error("not a JSON value")
    }
  }

  private mutating func literal(
    _ word: StaticString, _ value: JSONValue
  ) throws(JSONError) -> JSONValue {
    for byte in word.description.utf8 {
      guard try peek() == byte else { throw error("not a JSON value") }
      offset += 1
    }
    return value
  }

  /// An object with more members than this finds a repeated name by hash.
  private static let comparedNamesMax = 16

  private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
    offset += 1
    var members: [JSONValue.Member] = []
    // Small objects are compared name by name; a large one must not cost the square of its size.
    var names: Set<String> = []
    skipBlanks()
    if try peek() == UInt8(ascii: "}") {
      offset += 1
      return .object(members)
    }
    while true {
      skipBlanks()
      guard try peek() == UInt8(ascii: "\"") else { throw error("a member name is missing") }
      let name = try string()
      if members.count == Self.comparedNamesMax { names = Set(members.map(\.name)) }
      let isNew =
        members.count < Self.comparedNamesMax
        ? !members.contains { $0.name == name } : names.insert(name).inserted
      guard isNew else { throw error("the name \"\(name)\" stands twice") }
      skipBlanks()
      guard try peek() == UInt8(ascii: ":") else { throw error("a colon is missing") }
      offset += 1
      members.append(.init(name: name, value: try value(depth: depth + 1)))
      if try endOfList(UInt8(ascii: "}")) { return .object(members) }
    }
  }

  private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
    offset += 1
    var values: [JSONValue] = []
    skipBlanks()
    if try peek() == UInt8(ascii: "]") {
      offset += 1
      return .array(values)
    }
    while true {
      values.append(try value(depth: depth + 1))
      if try endOfList(UInt8(ascii: "]")) { return .array(values) }
    }
  }

  /// Reads the comma before the next element (`false`) or the bracket that closes (`true`).
  private mutating func endOfList(_ closing: UInt8) throws(JSONError) -> Bool {
    skipBlanks()
    let byte = try peek()
    guard byte == closing || byte == UInt8(ascii: ",") else {
      throw error("a comma or a closing bracket is missing")
    }
    offset += 1
    return byte == closing
  }

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = offset
    if bytes[offset] == UInt8(ascii: "-") { offset += 1 }
    let first = try peek()
    let integerDigits = skipDigits()
    guard integerDigits > 0, first != UInt8(ascii: "0") || integerDigits == 1 else {
      throw error("not a number")
    }
    var isInteger = true
    if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
      isInteger = false
      offset += 1
      guard skipDigits() > 0 else { throw error("not a number") }
    }
    if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      offset += 1
      if offset < bytes.count, "+-".utf8.contains(bytes[offset]) { offset += 1 }
      guard skipDigits() > 0 else { throw error("not a number") }
    }
    guard offset - start <= 64 else { throw error("a number with too many digits") }
    let text = String(decoding: bytes[start..<offset], as: UTF8.self)
    if isInteger, let value = Int64(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else { throw error("a number out of range") }
    return .double(value)
  }

  private mutating func skipDigits() -> Int {
    let start = offset
    while offset < bytes.count, 0x30...0x39 ~= bytes[offset] { offset += 1 }
    return offset - start
  }

  private mutating func string() throws(JSONError) -> String {
    offset += 1
    var text: [UInt8] = []
    while true {
      let byte = try peek()
      offset += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw error("a string that is not UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): try escape(into: &text)
      case 0..<0x20: throw error("a control character in a string")
      default: text.append(byte)
      }
      guard text.count <= limits.stringBytesMax else { throw error("a string that is too long") }
    }
  }

  private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
    let byte = try peek()
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): try unicodeEscape(into: &text)
    default: throw error("an unknown escape")
    }
  }

  private mutating func unicodeEscape(into text: inout [UInt8]) throws(JSONError) {
    var value = try fourHexDigits()
    if 0xD800..<0xDC00 ~= value {
      guard try peek() == UInt8(ascii: "\\") else { throw error("a lone surrogate") }
      offset += 1
      guard try peek() == UInt8(ascii: "u") else { throw error("a lone surrogate") }
      offset += 1
      let low = try fourHexDigits()
      guard 0xDC00..<0xE000 ~= low else { throw error("a lone surrogate") }
      value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(value) else { throw error("a lone surrogate") }
    text.append(contentsOf: UTF8.encode(scalar)!)
  }

  private mutating func fourHexDigits() throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(try peek())).hexDigitValue else {
        throw error("not four hexadecimal digits")
      }
      offset += 1
      value = value << 4 | UInt32(digit)
    }
    return value
  }
}
