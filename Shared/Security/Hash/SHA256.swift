internal import COpenSSL

/// SHA-256 (FIPS 180-4) in one call.
package enum SHA256 {
  /// Hashes `message`; allocates nothing.
  package static func hash(_ message: Span<UInt8>) -> Digest {
    var hasher = SHA256Hasher()
    hasher.update(message)
    return hasher.finalize()
  }
}

/// SHA-256 fed in pieces. A value: a copy continues from the same point on its own, which is how
/// `HMACSHA256` starts each MAC after its key.
package struct SHA256Hasher: Sendable {
  private var state = SHA256_CTX()

  /// The state, for those who bring whole blocks of their own.
  var context: SHA256_CTX { state }

  /// Begins an empty message.
  package init() {
    mustSucceed(unsafe SHA256_Init(&state), "SHA256_Init")
  }

  /// Adds `bytes` to the message.
  package mutating func update(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBytes { raw in
      guard let start = raw.baseAddress else { return }
      mustSucceed(unsafe SHA256_Update(&state, start, raw.count), "SHA256_Update")
    }
  }

  /// Returns the digest of everything added. The hasher is spent: make a new one, or copy it
  /// before.
  package mutating func finalize() -> Digest {
    var digest = Digest()
    unsafe withUnsafeMutableBytes(of: &digest.words) { target in
      let start = unsafe target.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
      mustSucceed(unsafe SHA256_Final(start, &state), "SHA256_Final")
    }
    return digest
  }
}
