internal import COpenSSL

/// A message of at most 55 bytes, laid out as the one block that SHA-256 makes of it behind a key's
/// block: what keys of documents are made from a hundred million times.
public struct HMACBlock: BitwiseCopyable, Sendable {
  /// The most bytes of a message in one block: one byte ends it, eight say how long it is.
  package static let byteCountMax = 55

  // In the order of memory.
  @usableFromInline var words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) =
    (0, 0, 0, 0, 0, 0, 0, 0)

  /// A message of up to 24 bytes, given as words whose first byte is the least significant; bytes
  /// behind `byteCount` are zero.
  @inlinable
  package init(_ first: UInt64, _ second: UInt64, _ third: UInt64, byteCount: Int) {
    precondition(0..<24 ~= byteCount, "a short message has at most 23 bytes")
    let end: UInt64 = 0x80 << UInt64(8 * (byteCount % 8))
    words.0 = (byteCount < 8 ? first | end : first).littleEndian
    words.1 = (byteCount / 8 == 1 ? second | end : second).littleEndian
    words.2 = (byteCount / 8 == 2 ? third | end : third).littleEndian
    words.7 = UInt64(8 * (64 + byteCount)).bigEndian
  }

  @inline(__always)
  func withBytes<R>(_ body: (UnsafePointer<UInt8>) -> R) -> R {
    unsafe withUnsafeBytes(of: words) { raw in
      unsafe body(raw.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self))
    }
  }
}

/// The first 16 bytes of a MAC as two big-endian words.
public struct MACHalf: BitwiseCopyable, Sendable {
  @usableFromInline package var high: UInt64
  @usableFromInline package var low: UInt64

  @inlinable
  package init(high: UInt64 = 0, low: UInt64 = 0) {
    self.high = high
    self.low = low
  }
}

extension HMACSHA256 {
  /// The first half of the MAC of each of `messages`, into as many places of `halves`: what `mac`
  /// gives, in a third of the time, because the processor works on one message while it ends the
  /// one before.
  package func halves(
    of messages: Span<HMACBlock>, into halves: inout MutableSpan<MACHalf>
  ) {
    let first = inner.context.h
    let second = outer.context.h
    // SHA256_Transform looks at the eight words of the state only.
    var context = inner.context
    for index in messages.indices {
      context.h = first
      unsafe messages[index].withBytes { unsafe SHA256_Transform(&context, $0) }
      let digest = HMACBlock(digest: context.h)
      context.h = second
      unsafe digest.withBytes { unsafe SHA256_Transform(&context, $0) }
      halves[index] = MACHalf(
        high: Self.word(context.h.0, context.h.1), low: Self.word(context.h.2, context.h.3))
    }
  }

  @inline(__always)
  fileprivate static func word(_ first: UInt32, _ second: UInt32) -> UInt64 {
    UInt64(first) << 32 | UInt64(second)
  }
}

extension HMACBlock {
  fileprivate typealias State = (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)

  /// The 32 bytes of a digest as message, from the state that SHA-256 ends with.
  @inline(__always)
  fileprivate init(digest: State) {
    words.0 = HMACSHA256.word(digest.0, digest.1).bigEndian
    words.1 = HMACSHA256.word(digest.2, digest.3).bigEndian
    words.2 = HMACSHA256.word(digest.4, digest.5).bigEndian
    words.3 = HMACSHA256.word(digest.6, digest.7).bigEndian
    words.4 = (0x80 as UInt64).littleEndian
    words.7 = UInt64(8 * (64 + 32)).bigEndian
  }
}
