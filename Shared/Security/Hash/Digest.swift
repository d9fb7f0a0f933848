/// A SHA-256 digest or MAC: 32 bytes by value. `==` is not constant-time: compare MACs of secrets
/// with `constantTimeEqual`.
package struct Digest: Hashable, Sendable, CustomStringConvertible {
  /// 32.
  package static let byteCount = 32

  /// The bytes in order, as they lie in memory.
  var words: (UInt64, UInt64, UInt64, UInt64)

  /// All bytes zero.
  package init() { words = (0, 0, 0, 0) }

  /// Copies exactly 32 bytes.
  package init(_ span: Span<UInt8>) {
    precondition(span.count == Self.byteCount, "a digest is 32 bytes")
    self.init()
    unsafe withUnsafeMutableBytes(of: &words) { target in
      unsafe span.withUnsafeBytes { source in unsafe target.copyMemory(from: source) }
    }
  }

  /// Reads 64 hexadecimal digits of either case.
  package init?(hex: some StringProtocol) {
    guard hex.utf8.count == 2 * Self.byteCount else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.byteCount)
    var high: UInt8?
    for character in hex.utf8 {
      let digit: UInt8
      switch character {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = character - UInt8(ascii: "A") + 10
      default: return nil
      }
      if let first = high {
        bytes.append(first << 4 | digit)
        high = nil
      } else {
        high = digit
      }
    }
    self.init(bytes.span)
  }

  /// Lends the 32 bytes: valid only for the duration of the call.
  package func withSpan<R>(_ body: (Span<UInt8>) throws -> R) rethrows -> R {
    try unsafe withUnsafeBytes(of: words) { raw in
      try body(unsafe Span(_unsafeBytes: raw))
    }
  }

  /// The 32 bytes as an array of its own.
  package var bytes: [UInt8] {
    unsafe withUnsafeBytes(of: words) { raw in unsafe [UInt8](raw) }
  }

  /// Appends the 32 bytes.
  package func append(to output: inout [UInt8]) {
    unsafe withUnsafeBytes(of: words) { raw in unsafe output.append(contentsOf: raw) }
  }

  /// 64 lower-case hexadecimal digits.
  package var hex: String {
    let digits: [UInt8] = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(2 * Self.byteCount)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The same as `hex`.
  package var description: String { hex }

  /// Compares all bytes, not in constant time.
  package static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }

  /// Feeds all bytes.
  package func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }
}
