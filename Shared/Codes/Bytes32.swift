/// Thirty-two bytes by value, such as a MAC of an identity number.
package struct Bytes32: Hashable, Sendable {
  /// The bytes as big-endian words, so that comparing and hashing never touch memory.
  @usableFromInline let first: UInt64
  @usableFromInline let second: UInt64
  @usableFromInline let third: UInt64
  @usableFromInline let last: UInt64

  /// Copies the 32 bytes of `bytes`; any other count is the caller's bug.
  @inlinable
  package init(_ bytes: Span<UInt8>) {
    precondition(bytes.count == 32, "Bytes32 is made of 32 bytes")
    first = bytes.bigEndian(at: 0)
    second = bytes.bigEndian(at: 8)
    third = bytes.bigEndian(at: 16)
    last = bytes.bigEndian(at: 24)
  }

  /// The value that `hex` spells in 64 base16 digits of either case.
  package init?(hex: some StringProtocol) {
    guard let bytes = Hexadecimal.bytes(of: hex), bytes.count == 32 else { return nil }
    self.init(bytes.span)
  }

  /// A copy of the bytes.
  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
    append(to: &bytes)
    return bytes
  }

  /// 64 lower-case base16 digits.
  package var hex: String { Hexadecimal.text(of: bytes.span) }

  /// Appends the bytes.
  @inlinable
  package func append(to output: inout [UInt8]) {
    output.appendBigEndian(first)
    output.appendBigEndian(second)
    output.appendBigEndian(third)
    output.appendBigEndian(last)
  }

  /// The byte at `index`, the most significant of the first word being 0.
  @inlinable
  package subscript(index: Int) -> UInt8 {
    precondition(0..<32 ~= index, "Bytes32 has 32 bytes")
    let word =
      switch index >> 3 {
      case 0: first
      case 1: second
      case 2: third
      default: last
      }
    return UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * (index & 7)))
  }
}
