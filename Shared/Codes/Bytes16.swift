/// Sixteen bytes by value, such as a holder's handle or a receipt.
package struct Bytes16: Hashable, Sendable {
  /// The bytes as big-endian words, so that comparing and hashing never touch memory.
  @usableFromInline let first: UInt64
  @usableFromInline let last: UInt64

  /// Copies the 16 bytes of `bytes`; any other count is the caller's bug.
  @inlinable
  package init(_ bytes: Span<UInt8>) {
    precondition(bytes.count == 16, "Bytes16 is made of 16 bytes")
    first = bytes.bigEndian(at: 0)
    last = bytes.bigEndian(at: 8)
  }

  /// The value of two big-endian words.
  @inlinable
  package init(high: UInt64, low: UInt64) {
    first = high
    last = low
  }

  /// The bytes as two big-endian words.
  @inlinable
  package var words: (high: UInt64, low: UInt64) { (first, last) }

  /// The value that `hex` spells in 32 base16 digits of either case.
  package init?(hex: some StringProtocol) {
    guard let bytes = Hexadecimal.bytes(of: hex), bytes.count == 16 else { return nil }
    self.init(bytes.span)
  }

  /// A copy of the bytes.
  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(16)
    append(to: &bytes)
    return bytes
  }

  /// 32 lower-case base16 digits.
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
    precondition(0..<16 ~= index, "Bytes16 has 16 bytes")
    return UInt8(truncatingIfNeeded: (index < 8 ? first : last) >> UInt64(56 - 8 * (index & 7)))
  }
}
