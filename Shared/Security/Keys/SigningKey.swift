internal import COpenSSL

/// An Ed25519 private key (RFC 8032). Its bytes leave this type only into its own PEM file.
///
/// `Sendable`: OpenSSL reads an `EVP_PKEY` from many threads at once (openssl-threads(7)); nothing
/// here changes it after `init`, and each signature has a context of its own.
@safe
package final class SigningKey: Sendable, CustomStringConvertible, CustomReflectable {
  nonisolated(unsafe) private let handle: OpaquePointer
  /// The public half.
  package let verifyingKey: VerifyingKey

  /// Owns `handle` from here on, also when it throws.
  private init(takingOwnershipOf handle: OpaquePointer, operation: String) throws(SecurityError) {
    // A class frees nothing by itself when it throws before all its properties are set.
    guard unsafe EVP_PKEY_get_id(handle) == NID_ED25519 else {
      unsafe EVP_PKEY_free(handle)
      throw SecurityError(.malformedKey, operation, "it is not an Ed25519 key")
    }
    var raw = [UInt8](repeating: 0, count: VerifyingKey.rawByteCount)
    var count = raw.count
    mustSucceed(
      unsafe EVP_PKEY_get_raw_public_key(handle, &raw, &count), "EVP_PKEY_get_raw_public_key")
    do throws(SecurityError) {
      verifyingKey = try VerifyingKey(raw: raw.span)
    } catch {
      unsafe EVP_PKEY_free(handle)
      throw error
    }
    unsafe self.handle = handle
  }

  /// Takes the 32-byte seed, e.g. derived by HKDF or from a test vector.
  package convenience init(seed: Span<UInt8>) throws(SecurityError) {
    let operation = "making an Ed25519 key from its seed"
    guard seed.count == 32 else {
      throw SecurityError(.wrongSize, operation, "it has \(seed.count) bytes, not 32")
    }
    let key = unsafe seed.withUnsafeBufferPointer { bytes in
      unsafe EVP_PKEY_new_raw_private_key(NID_ED25519, nil, bytes.baseAddress, bytes.count)
    }
    try unsafe self.init(
      takingOwnershipOf: unsafe mustExist(key, "EVP_PKEY_new_raw_private_key"),
      operation: operation)
  }

  /// Makes a new key from random bytes.
  package static func generate() throws(SecurityError) -> SigningKey {
    var seed = SecureRandom.bytes(32)
    defer { wipe(&seed) }
    return try SigningKey(seed: seed.span)
  }

  /// Reads a PEM file (`PRIVATE KEY`, PKCS #8, no passphrase) under the rules of `SecretFile`.
  package convenience init(pemFile path: String) throws(SecurityError) {
    let operation = "reading the key file \(path)"
    var bytes = try SecretFile.read(path: path, byteCountMax: PEM.byteCountMax)
    defer { wipe(&bytes) }
    try unsafe self.init(
      takingOwnershipOf: try unsafe PEM.privateKey(bytes.span, operation: operation),
      operation: operation)
  }

  deinit { unsafe EVP_PKEY_free(handle) }

  /// Writes the key into a new PEM file of mode 0600. Never overwrites a file.
  package func write(pemFile path: String) throws(SecurityError) {
    var bytes = unsafe PEM.collect { sink in
      unsafe PEM_write_bio_PrivateKey(sink, handle, nil, nil, 0, nil, nil)
    }
    defer { wipe(&bytes) }
    try SecretFile.write(bytes.span, path: path)
  }

  /// Signs `message`: 64 bytes, always the same for the same message.
  package func sign(_ message: Span<UInt8>) -> [UInt8] {
    let context = unsafe mustExist(EVP_MD_CTX_new(), "EVP_MD_CTX_new")
    defer { unsafe EVP_MD_CTX_free(context) }
    mustSucceed(unsafe EVP_DigestSignInit(context, nil, nil, nil, handle), "EVP_DigestSignInit")
    var signature = [UInt8](repeating: 0, count: VerifyingKey.signatureByteCount)
    var count = signature.count
    let result = unsafe message.withUnsafeBufferPointer { message in
      unsafe EVP_DigestSign(context, &signature, &count, message.baseAddress, message.count)
    }
    mustSucceed(result, "EVP_DigestSign")
    return signature
  }

  /// Names the public half only.
  package var description: String {
    "Ed25519 private key \(verifyingKey.identifier.hex.prefix(16)) (hidden)"
  }
  /// Empty, so that no debugger or `dump` prints the key.
  package var customMirror: Mirror { Mirror(self, children: []) }
}
