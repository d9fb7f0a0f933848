/// HMAC-SHA-256 (RFC 2104) under one key. The two hash states that depend only on the key are made
/// once, so that a short message costs two compressions and no allocation.
package struct HMACSHA256: Sendable, CustomStringConvertible, CustomReflectable {
  private static let blockByteCount = 64

  let inner: SHA256Hasher
  let outer: SHA256Hasher

  /// Takes a key of any length; one longer than 64 bytes is hashed first, as the RFC says.
  package init(key: Span<UInt8>) {
    var block = [UInt8](repeating: 0, count: Self.blockByteCount)
    if key.count > Self.blockByteCount {
      let digest = SHA256.hash(key).bytes
      block.replaceSubrange(0..<Digest.byteCount, with: digest)
    } else {
      for index in key.indices { block[index] = key[index] }
    }
    for index in block.indices { block[index] ^= 0x36 }
    var inner = SHA256Hasher()
    inner.update(block.span)
    for index in block.indices { block[index] ^= 0x36 ^ 0x5c }
    var outer = SHA256Hasher()
    outer.update(block.span)
    wipe(&block)
    self.inner = inner
    self.outer = outer
  }

  /// Returns the MAC of `message`.
  package func mac(_ message: Span<UInt8>) -> Digest {
    var first = inner
    first.update(message)
    let digest = first.finalize()
    var second = outer
    digest.withSpan { bytes in second.update(bytes) }
    return second.finalize()
  }

  /// Returns the MAC of `first` followed by `second`, as if they were one message.
  package func mac(_ first: Span<UInt8>, _ second: Span<UInt8>) -> Digest {
    var hasher = inner
    hasher.update(first)
    hasher.update(second)
    let digest = hasher.finalize()
    var final = outer
    digest.withSpan { bytes in final.update(bytes) }
    return final.finalize()
  }

  /// Says that there is a key, not which.
  package var description: String { "HMACSHA256(key hidden)" }
  /// Empty, so that no debugger or `dump` prints the key.
  package var customMirror: Mirror { Mirror(self, children: []) }
}
