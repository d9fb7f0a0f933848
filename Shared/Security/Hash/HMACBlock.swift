internal import COpenSSL

/// A message of at most 55 bytes, laid out as the one block that SHA-256 makes of it behind a key's
/// block: what keys of documents are made from a hundred million times.
package struct HMACBlock: BitwiseCopyable, Sendable {
  /// The most bytes of a message in one block: one byte ends it, eight say how long it is.
  package static let byteCountMax = 55

  // In the order of memory.
  private var words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) =
    (0, 0, 0, 0, 0, 0, 0, 0)

  /// A message of up to 24 bytes, given as words whose first byte is the least significant; bytes
  /// behind `byteCount` are zero.
  package init(_ first: UInt64, _ second: UInt64, _ third: UInt64, byteCount: Int) {
    precondition(0..<24 ~= byteCount, "a short message has at most 23 bytes")
    let end: UInt64 = 0x80 << UInt64(8 * (byteCount % 8))
    words.0 = (byteCount < 8 ? first | end : first).littleEndian
    words.1 = (byteCount / 8 == 1 ? second | end : second).littleEndian
    words.2 = (byteCount / 8 == 2 ? third | end : third).littleEndian
    words.7 = UInt64(8 * (64 + byteCount)).bigEndian
  }

  func withBytes<R>(_ body: (UnsafePointer<UInt8>) -> R) -> R {
    unsafe withUnsafeBytes(of: words) { raw in
      unsafe body(raw.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self))
    }
  }
}

extension SHA256Hasher {
  /// The first half of the digest after one more block, which is the last, as big-endian words;
  /// this hasher has taken whole blocks only.
  fileprivate func half(after block: HMACBlock) -> (UInt32, UInt32, UInt32, UInt32) {
    let digest = transformed(block)
    return (digest.0, digest.1, digest.2, digest.3)
  }

  fileprivate typealias State = (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)

  fileprivate func transformed(_ block: HMACBlock) -> State {
    var copy = context
    unsafe block.withBytes { unsafe SHA256_Transform(&copy, $0) }
    return copy.h
  }
}

extension HMACSHA256 {
  /// The first 16 bytes of the MAC of `message` as two big-endian words: what `mac` gives, in half
  /// the time.
  package func half(of message: HMACBlock) -> (high: UInt64, low: UInt64) {
    let digest = inner.transformed(message)
    let block = HMACBlock(
      digest: (
        Self.word(digest.0, digest.1), Self.word(digest.2, digest.3),
        Self.word(digest.4, digest.5), Self.word(digest.6, digest.7)
      ))
    let half = outer.half(after: block)
    return (Self.word(half.0, half.1), Self.word(half.2, half.3))
  }

  private static func word(_ first: UInt32, _ second: UInt32) -> UInt64 {
    UInt64(first) << 32 | UInt64(second)
  }
}

extension HMACBlock {
  /// The 32 bytes of a digest as message, from big-endian words.
  fileprivate init(digest: (UInt64, UInt64, UInt64, UInt64)) {
    words.0 = digest.0.bigEndian
    words.1 = digest.1.bigEndian
    words.2 = digest.2.bigEndian
    words.3 = digest.3.bigEndian
    words.4 = (0x80 as UInt64).littleEndian
    words.7 = UInt64(8 * (64 + 32)).bigEndian
  }
}
