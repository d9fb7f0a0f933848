internal import COpenSSL

/// Compares secrets in a time that depends on their lengths only. The lengths are not secret.
package func constantTimeEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
  guard left.count == right.count else { return false }
  guard left.count > 0 else { return true }
  return unsafe left.withUnsafeBytes { a in
    unsafe right.withUnsafeBytes { b in
      unsafe CRYPTO_memcmp(a.baseAddress, b.baseAddress, a.count) == 0
    }
  }
}

/// Overwrites a buffer that held a secret. The compiler cannot remove it as a dead store.
package func wipe(_ bytes: inout [UInt8]) {
  unsafe bytes.withUnsafeMutableBytes { raw in
    guard let start = raw.baseAddress else { return }
    unsafe OPENSSL_cleanse(start, raw.count)
  }
}
