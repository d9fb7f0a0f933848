/// HKDF with SHA-256 (RFC 5869): many independent keys out of one secret.
package enum HKDF {
  /// The most bytes one derivation may give (RFC 5869 §2.3: 255 blocks).
  package static let byteCountMax = 255 * Digest.byteCount

  /// Derives `byteCount` bytes. `salt` may be empty; `info` names the key's use, so that keys for
  /// different uses never coincide.
  package static func derive(
    secret: Span<UInt8>, salt: Span<UInt8>, info: Span<UInt8>, byteCount: Int
  ) -> [UInt8] {
    precondition((1...byteCountMax).contains(byteCount), "HKDF gives 1 to \(byteCountMax) bytes")
    let pseudorandomKey = HMACSHA256(key: salt).mac(secret)
    let expand = pseudorandomKey.withSpan { key in HMACSHA256(key: key) }
    var output: [UInt8] = []
    output.reserveCapacity(byteCount + Digest.byteCount)
    var block: [UInt8] = []
    var counter: UInt8 = 0
    while output.count < byteCount {
      counter += 1
      for index in info.indices { block.append(info[index]) }
      block.append(counter)
      let digest = expand.mac(block.span)
      digest.append(to: &output)
      wipe(&block)
      block.removeAll(keepingCapacity: true)
      digest.append(to: &block)
    }
    wipe(&block)
    output.removeLast(output.count - byteCount)
    return output
  }
}
