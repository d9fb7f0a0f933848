/// Twelve bytes by value, such as the nonce of a code.
package struct Bytes12: Hashable, Sendable {
  /// The bytes as big-endian words, so that comparing and hashing never touch memory.
  @usableFromInline let first: UInt64
  @usableFromInline let last: UInt32

  /// Copies the 12 bytes of `bytes`; any other count is the caller's bug.
  @inlinable
  package init(_ bytes: Span<UInt8>) {
    precondition(bytes.count == 12, "Bytes12 is made of 12 bytes")
    first = bytes.bigEndian(at: 0)
    last = bytes.bigEndian(at: 8)
  }

  /// The bytes as big-endian words: the first eight, the last four.
  @inlinable
  package var words: (UInt64, UInt64) { (first, UInt64(last)) }

  /// The value that `hex` spells in 24 base16 digits of either case.
  package init?(hex: some StringProtocol) {
    guard let bytes = Hexadecimal.bytes(of: hex), bytes.count == 12 else { return nil }
    self.init(bytes.span)
  }

  /// A copy of the bytes.
  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(12)
    append(to: &bytes)
    return bytes
  }

  /// 24 lower-case base16 digits.
  package var hex: String { Hexadecimal.text(of: bytes.span) }

  /// Appends the bytes.
  @inlinable
  package func append(to output: inout [UInt8]) {
    output.appendBigEndian(first)
    output.appendBigEndian(last)
  }

  /// The byte at `index`, the most significant of the first word being 0.
  @inlinable
  package subscript(index: Int) -> UInt8 {
    precondition(0..<12 ~= index, "Bytes12 has 12 bytes")
    return index < 8
      ? UInt8(truncatingIfNeeded: first >> UInt64(56 - 8 * index))
      : UInt8(truncatingIfNeeded: last >> UInt32(24 - 8 * (index - 8)))
  }
}
