internal import COpenSSL

/// PEM in memory, so that files are opened by this module's own checks and not by OpenSSL.
enum PEM {
  /// The most bytes a key or certificate file may have.
  static let byteCountMax = 1 << 20

  /// Reads a private key. The caller owns the result.
  static func privateKey(_ bytes: Span<UInt8>, operation: String) throws(SecurityError)
    -> OpaquePointer
  {
    ErrorQueue.clear()
    let key = unsafe withSource(bytes) { source in
      unsafe PEM_read_bio_PrivateKey(source, nil, refusePassphrase, nil)
    }
    guard let key = unsafe key else {
      throw SecurityError(
        .malformedKey, operation,
        "it is not a PEM private key without passphrase (\(ErrorQueue.drain().text))")
    }
    return unsafe key
  }

  /// Reads a public key. The caller owns the result.
  static func publicKey(_ bytes: Span<UInt8>, operation: String) throws(SecurityError)
    -> OpaquePointer
  {
    ErrorQueue.clear()
    let key = unsafe withSource(bytes) { source in
      unsafe PEM_read_bio_PUBKEY(source, nil, refusePassphrase, nil)
    }
    guard let key = unsafe key else {
      throw SecurityError(
        .malformedKey, operation, "it is not a PEM public key (\(ErrorQueue.drain().text))")
    }
    return unsafe key
  }

  /// Lends `bytes` to OpenSSL as a read-only BIO for the duration of the call.
  static func withSource<R>(_ bytes: Span<UInt8>, _ body: (OpaquePointer) -> R) -> R {
    unsafe bytes.withUnsafeBytes { raw in
      let source = unsafe mustExist(
        BIO_new_mem_buf(raw.baseAddress ?? UnsafeRawPointer(bitPattern: 1), Int32(raw.count)),
        "BIO_new_mem_buf")
      defer { unsafe _ = BIO_free(source) }
      return unsafe body(source)
    }
  }

  /// Collects what `body` writes. The BIO erases its memory when freed.
  static func collect(_ body: (OpaquePointer) -> Int32) -> [UInt8] {
    let sink = unsafe mustExist(BIO_new(BIO_s_secmem()), "BIO_new")
    defer { unsafe _ = BIO_free(sink) }
    mustSucceed(unsafe body(sink), "PEM_write_bio")
    var output: [UInt8] = []
    let count = unsafe Int(BIO_ctrl_pending(sink))
    output.append(addingCapacity: count) { target in
      unsafe target.withUnsafeMutableBufferPointer { buffer, initialized in
        initialized = unsafe Int(BIO_read(sink, buffer.baseAddress, Int32(count)))
      }
    }
    return output
  }
}

/// Refuses a passphrase: without this OpenSSL asks for one on the terminal and waits.
func refusePassphrase(
  _: UnsafeMutablePointer<CChar>?, _: Int32, _: Int32, _: UnsafeMutableRawPointer?
) -> Int32 { -1 }
