internal import COpenSSL

/// The AES-256 block cipher (FIPS 197) on single blocks of 16 bytes: a keyed permutation, used to
/// turn a number into an opaque handle and back. Not for messages. Not `Sendable`, as `AESGCM`.
@safe
package final class AES256Block: CustomStringConvertible, CustomReflectable {
  /// The length of a block.
  package static let blockByteCount = 16

  private let encrypting: OpaquePointer
  private let decrypting: OpaquePointer

  /// Takes a key of exactly 32 bytes.
  package init(key: Span<UInt8>) {
    precondition(key.count == 32, "AES-256 takes a key of 32 bytes")
    unsafe encrypting = mustExist(EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new")
    unsafe decrypting = mustExist(EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new")
    unsafe key.withUnsafeBufferPointer { key in
      mustSucceed(
        unsafe EVP_EncryptInit_ex(encrypting, EVP_aes_256_ecb(), nil, key.baseAddress, nil),
        "EVP_EncryptInit_ex")
      mustSucceed(
        unsafe EVP_DecryptInit_ex(decrypting, EVP_aes_256_ecb(), nil, key.baseAddress, nil),
        "EVP_DecryptInit_ex")
    }
    mustSucceed(unsafe EVP_CIPHER_CTX_set_padding(encrypting, 0), "EVP_CIPHER_CTX_set_padding")
    mustSucceed(unsafe EVP_CIPHER_CTX_set_padding(decrypting, 0), "EVP_CIPHER_CTX_set_padding")
  }

  // EVP_CIPHER_CTX_free erases the key schedule.
  deinit {
    unsafe EVP_CIPHER_CTX_free(encrypting)
    unsafe EVP_CIPHER_CTX_free(decrypting)
  }

  /// Replaces the block by its encryption.
  package func encrypt(_ block: inout InlineArray<16, UInt8>) {
    unsafe withUnsafeMutableBytes(of: &block) { raw in
      let start = unsafe raw.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
      var written: Int32 = 0
      mustSucceed(
        unsafe EVP_EncryptUpdate(encrypting, start, &written, start, 16), "EVP_EncryptUpdate")
    }
  }

  /// Replaces the block by its decryption.
  package func decrypt(_ block: inout InlineArray<16, UInt8>) {
    unsafe withUnsafeMutableBytes(of: &block) { raw in
      let start = unsafe raw.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
      var written: Int32 = 0
      mustSucceed(
        unsafe EVP_DecryptUpdate(decrypting, start, &written, start, 16), "EVP_DecryptUpdate")
    }
  }

  /// Appends the encryption of a block of exactly 16 bytes.
  package func encrypt(_ block: Span<UInt8>, into output: inout [UInt8]) {
    var copy = Self.copy(block)
    encrypt(&copy)
    for index in copy.indices { output.append(copy[index]) }
  }

  /// Appends the decryption of a block of exactly 16 bytes.
  package func decrypt(_ block: Span<UInt8>, into output: inout [UInt8]) {
    var copy = Self.copy(block)
    decrypt(&copy)
    for index in copy.indices { output.append(copy[index]) }
  }

  private static func copy(_ block: Span<UInt8>) -> InlineArray<16, UInt8> {
    precondition(block.count == blockByteCount, "a block is 16 bytes")
    return InlineArray { index in block[index] }
  }

  /// Says that there is a key, not which.
  package var description: String { "AES256Block(key hidden)" }
  /// Empty, so that no debugger or `dump` prints the key.
  package var customMirror: Mirror { Mirror(self, children: []) }
}
