/// One header field (RFC 7541 §1.3); also pseudo-header fields such as ":path".
package struct HeaderField: Hashable, Sendable {
  package var name: String
  package var value: String

  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }

  /// Octets in the dynamic table (§4.1).
  var byteCount: Int { name.utf8.count + value.utf8.count + 32 }
}

/// Writes the representations of RFC 7541 one by one, so that a test can put them together wrongly.
package enum HPACK {
  /// What a literal field does to the peer's dynamic table (§6.2).
  package enum Indexing: UInt8, Sendable {
    case incremental = 0x40
    case without = 0x00
    case never = 0x10

    var prefixBitCount: Int { self == .incremental ? 6 : 4 }
  }

  /// An integer with a prefix of `prefixBitCount` bits under the high bits of `pattern` (§5.1).
  package static func integer(
    _ value: Int, prefixBitCount: Int, pattern: UInt8 = 0
  ) -> [UInt8] {
    let prefixMax = (1 << prefixBitCount) - 1
    guard value >= prefixMax else { return [pattern | UInt8(value)] }
    var bytes = [pattern | UInt8(prefixMax)]
    var rest = value - prefixMax
    while rest >= 128 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
    return bytes
  }

  /// A string literal (§5.2).
  package static func string(_ text: String, huffman: Bool = false) -> [UInt8] {
    let bytes = Array(text.utf8)
    guard !huffman else { return huffmanString(Huffman.encode(bytes)) }
    return integer(bytes.count, prefixBitCount: 7) + bytes
  }

  /// A string literal marked as Huffman coded, whatever its bytes are.
  package static func huffmanString(_ coded: [UInt8]) -> [UInt8] {
    integer(coded.count, prefixBitCount: 7, pattern: 0x80) + coded
  }

  /// An indexed field (§6.1).
  package static func indexed(_ index: Int) -> [UInt8] {
    integer(index, prefixBitCount: 7, pattern: 0x80)
  }

  /// A literal field with a literal name (§6.2).
  package static func literal(
    _ name: String, _ value: String, _ indexing: Indexing = .without, huffman: Bool = false
  ) -> [UInt8] {
    [indexing.rawValue] + string(name, huffman: huffman) + string(value, huffman: huffman)
  }

  /// A literal field whose name is at `nameIndex` (§6.2).
  package static func literal(
    nameIndex: Int, _ value: String, _ indexing: Indexing = .without, huffman: Bool = false
  ) -> [UInt8] {
    integer(nameIndex, prefixBitCount: indexing.prefixBitCount, pattern: indexing.rawValue)
      + string(value, huffman: huffman)
  }

  /// A change of the dynamic table's size (§6.3).
  package static func tableSizeUpdate(_ byteCount: Int) -> [UInt8] {
    integer(byteCount, prefixBitCount: 5, pattern: 0x20)
  }

  /// A header block that leaves the dynamic table alone.
  package static func block(_ fields: [HeaderField]) -> [UInt8] {
    fields.flatMap { literal($0.name, $0.value) }
  }
}
