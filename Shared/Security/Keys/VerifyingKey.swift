internal import COpenSSL

/// An Ed25519 public key (RFC 8032).
///
/// `Sendable`: OpenSSL reads an `EVP_PKEY` from many threads at once (openssl-threads(7)); nothing
/// here changes it after `init`.
@safe
package final class VerifyingKey: Sendable, Equatable, Hashable, CustomStringConvertible {
  /// The length of a raw public key.
  package static let rawByteCount = 32
  /// The length of a signature.
  package static let signatureByteCount = 64

  nonisolated(unsafe) private let handle: OpaquePointer

  /// Owns `handle` from here on, also when it throws.
  private init(takingOwnershipOf handle: OpaquePointer, operation: String) throws(SecurityError) {
    unsafe self.handle = handle
    guard unsafe EVP_PKEY_get_id(handle) == NID_ED25519 else {
      throw SecurityError(.malformedKey, operation, "it is not an Ed25519 key")
    }
  }

  /// Takes the 32 raw bytes.
  package init(raw: Span<UInt8>) throws(SecurityError) {
    let operation = "reading a raw Ed25519 public key"
    guard raw.count == Self.rawByteCount else {
      throw SecurityError(.wrongSize, operation, "it has \(raw.count) bytes, not 32")
    }
    let key = unsafe raw.withUnsafeBufferPointer { bytes in
      unsafe EVP_PKEY_new_raw_public_key(NID_ED25519, nil, bytes.baseAddress, bytes.count)
    }
    unsafe handle = mustExist(key, "EVP_PKEY_new_raw_public_key")
  }

  /// Takes PEM text (`PUBLIC KEY`).
  package convenience init(pem: String) throws(SecurityError) {
    let operation = "reading a PEM public key"
    try unsafe self.init(
      takingOwnershipOf: try unsafe PEM.publicKey(Array(pem.utf8).span, operation: operation),
      operation: operation)
  }

  /// Reads a PEM file (`PUBLIC KEY`).
  package convenience init(pemFile path: String) throws(SecurityError) {
    let operation = "reading the public key file \(path)"
    let (bytes, _) = try PlainFile.read(
      path: path, byteCountMax: PEM.byteCountMax, operation: operation)
    try unsafe self.init(
      takingOwnershipOf: try unsafe PEM.publicKey(bytes.span, operation: operation),
      operation: operation)
  }

  deinit { unsafe EVP_PKEY_free(handle) }

  /// The 32 raw bytes.
  package var raw: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.rawByteCount)
    var count = bytes.count
    mustSucceed(
      unsafe EVP_PKEY_get_raw_public_key(handle, &bytes, &count), "EVP_PKEY_get_raw_public_key")
    return bytes
  }

  /// The key as PEM text.
  package var pem: String {
    let bytes = unsafe PEM.collect { sink in unsafe PEM_write_bio_PUBKEY(sink, handle) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// True when `signature` (64 bytes) was made by the private half of this key over `message`.
  package func verify(signature: Span<UInt8>, of message: Span<UInt8>) -> Bool {
    guard signature.count == Self.signatureByteCount else { return false }
    let context = unsafe mustExist(EVP_MD_CTX_new(), "EVP_MD_CTX_new")
    defer { unsafe EVP_MD_CTX_free(context) }
    mustSucceed(
      unsafe EVP_DigestVerifyInit(context, nil, nil, nil, handle), "EVP_DigestVerifyInit")
    let result = unsafe signature.withUnsafeBufferPointer { signature in
      unsafe message.withUnsafeBufferPointer { message in
        unsafe EVP_DigestVerify(
          context, signature.baseAddress, signature.count, message.baseAddress, message.count)
      }
    }
    ErrorQueue.clear()
    return result == 1
  }

  /// True for the same public key.
  package static func == (left: VerifyingKey, right: VerifyingKey) -> Bool {
    left.raw == right.raw
  }

  /// Feeds the raw key.
  package func hash(into hasher: inout Hasher) { hasher.combine(raw) }

  /// The SHA-256 of the raw key, by which operators compare keys.
  package var identifier: Digest { SHA256.hash(raw.span) }

  /// The start of the identifier.
  package var description: String { "Ed25519 public key \(identifier.hex.prefix(16))" }
}
