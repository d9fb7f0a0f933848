internal import COpenSSL

/// AES-256-GCM (NIST SP 800-38D) under one key, which is scheduled once. Calls allocate nothing
/// when the output has room. Not `Sendable`: the context has one user at a time, so each event loop
/// has its own. For codes and tokens, not bulk data: about 25 ns for each 16 bytes.
///
/// Made of OpenSSL's GCM mode (openssl/modes.h) over its AES block cipher. OpenSSL 3.0's ready-made
/// EVP cipher takes 260 ns for a code instead of 100: it looks up the nonce's length and the tag by
/// comparing parameter names in each call.
@safe
package final class AESGCM: CustomStringConvertible, CustomReflectable {
  /// The length of a key.
  package static let keyByteCount = 32
  /// The length of a nonce.
  package static let nonceByteCount = 12
  /// How much longer a sealed message is than its plaintext.
  package static let tagByteCount = 16

  /// AES in hardware, or in constant time without it; `mode` points to it, so it lives as long.
  private let block: OpaquePointer
  private let mode: OpaquePointer

  /// Takes a key of exactly 32 bytes.
  package init(key: Span<UInt8>) {
    precondition(key.count == Self.keyByteCount, "AES-256 takes a key of 32 bytes")
    let block = unsafe mustExist(EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new")
    unsafe key.withUnsafeBufferPointer { key in
      mustSucceed(
        unsafe EVP_EncryptInit_ex(block, EVP_aes_256_ecb(), nil, key.baseAddress, nil),
        "EVP_EncryptInit_ex")
    }
    mustSucceed(unsafe EVP_CIPHER_CTX_set_padding(block, 0), "EVP_CIPHER_CTX_set_padding")
    let cipher = unsafe UnsafeMutableRawPointer(block)
    unsafe mode = mustExist(CRYPTO_gcm128_new(cipher, encryptBlock), "CRYPTO_gcm128_new")
    unsafe self.block = block
  }

  // Both calls erase what they free.
  deinit {
    unsafe CRYPTO_gcm128_release(mode)
    unsafe EVP_CIPHER_CTX_free(block)
  }

  /// Appends the ciphertext and its 16-byte tag. A nonce of 12 bytes must never be used twice with
  /// one key.
  package func seal(
    plaintext: Span<UInt8>, nonce: Span<UInt8>, associatedData: Span<UInt8>,
    into output: inout [UInt8]
  ) {
    let count = plaintext.count
    begin(nonce, associatedData)
    output.append(addingCapacity: count + Self.tagByteCount) { target in
      unsafe target.withUnsafeMutableBufferPointer { buffer, initialized in
        let start = unsafe buffer.baseAddress.unsafelyUnwrapped
        unsafe plaintext.withUnsafeBufferPointer { text in
          guard let text = text.baseAddress else { return }
          precondition(
            unsafe CRYPTO_gcm128_encrypt(mode, text, start, count) == 0, "message too long")
        }
        unsafe CRYPTO_gcm128_tag(mode, start + count, Self.tagByteCount)
        initialized = count + Self.tagByteCount
      }
    }
  }

  /// Appends the plaintext when the tag proves that ciphertext, nonce and associated data are
  /// unchanged; otherwise returns `false` and leaves `output` as it was.
  package func open(
    ciphertextAndTag: Span<UInt8>, nonce: Span<UInt8>, associatedData: Span<UInt8>,
    into output: inout [UInt8]
  ) -> Bool {
    let count = ciphertextAndTag.count - Self.tagByteCount
    guard count >= 0 else { return false }
    begin(nonce, associatedData)
    var opened = false
    // One byte more than needed, so that the buffer has an address even for an empty plaintext.
    output.append(addingCapacity: count + 1) { target in
      unsafe target.withUnsafeMutableBufferPointer { buffer, initialized in
        let start = unsafe buffer.baseAddress.unsafelyUnwrapped
        unsafe ciphertextAndTag.withUnsafeBufferPointer { sealed in
          let sealed = unsafe sealed.baseAddress.unsafelyUnwrapped
          precondition(
            unsafe CRYPTO_gcm128_decrypt(mode, sealed, start, count) == 0, "message too long")
          // Compares in constant time; 0 means equal.
          opened = unsafe CRYPTO_gcm128_finish(mode, sealed + count, Self.tagByteCount) == 0
        }
        // Plaintext of a forged message must not survive in the buffer's spare room.
        if opened { initialized = count } else { unsafe OPENSSL_cleanse(start, count) }
      }
    }
    return opened
  }

  /// Resets the mode to a new message.
  private func begin(_ nonce: Span<UInt8>, _ associatedData: Span<UInt8>) {
    precondition(nonce.count == Self.nonceByteCount, "a nonce is 12 bytes")
    unsafe nonce.withUnsafeBufferPointer { nonce in
      unsafe CRYPTO_gcm128_setiv(mode, nonce.baseAddress, nonce.count)
    }
    unsafe associatedData.withUnsafeBufferPointer { data in
      guard let start = data.baseAddress else { return }
      precondition(unsafe CRYPTO_gcm128_aad(mode, start, data.count) == 0, "data too long")
    }
  }

  /// Says that there is a key, not which.
  package var description: String { "AESGCM(key hidden)" }
  /// Empty, so that no debugger or `dump` prints the key.
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Encrypts one block for the GCM mode, whose `key` is our cipher context.
private func encryptBlock(
  _ input: UnsafePointer<UInt8>?, _ output: UnsafeMutablePointer<UInt8>?,
  _ key: UnsafeRawPointer?
) {
  var written: Int32 = 0
  let context = unsafe OpaquePointer(key.unsafelyUnwrapped)
  mustSucceed(unsafe EVP_EncryptUpdate(context, output, &written, input, 16), "EVP_EncryptUpdate")
}
