internal import COpenSSL

/// One TLS connection as an engine without a socket: ciphertext goes in by `receive` and comes out
/// by `takeOutput`; plaintext by `write` and `read`. After any call that throws, `takeOutput` may
/// still hold an alert for the peer: send it, then close.
///
/// One owner at a time. `@unchecked Sendable` because it may move between threads:
/// openssl-threads(7) forbids only concurrent use of one `SSL`, and a noncopyable value has one
/// user at a time.
@safe
package struct TLSSession: ~Copyable, @unchecked Sendable {
  /// How far the handshake is.
  package enum Progress: Equatable, Sendable {
    /// Application data may flow.
    case done
    /// Send the output, then feed what the peer answers.
    case needsInput
  }

  /// What `read` found.
  package enum ReadResult: Equatable, Sendable {
    /// So many bytes were appended; there may be more.
    case bytes(Int)
    /// All received data has been read.
    case needsInput
    /// The peer will send no more (close_notify).
    case closed
  }

  /// BIO memory above this is given back as soon as it is empty.
  static let bufferKeptByteCountMax = 32 << 10

  private let context: TLSContext
  private let handle: OpaquePointer
  // Both belong to `handle` (SSL_set0_rbio, SSL_set0_wbio): SSL_free frees them.
  private var input: OpaquePointer
  private var output: OpaquePointer
  private var inputPeak = 0
  private var outputPeak = 0
  private var failed = false
  private var shutDownSent = false
  private var drained = true
  /// The client's key into the ticket store, until a ticket has been stored.
  private var ticketName: String?

  /// True once the handshake is done.
  package private(set) var isEstablished = false
  /// The first URI among the alternative names of the peer's verified certificate (its SPIFFE-like
  /// principal); `nil` without certificate or URI. Known once the handshake is done.
  package private(set) var peerPrincipal: String?
  /// The SHA-256 of the peer's verified certificate (DER); `nil` without one.
  package private(set) var peerCertificateDigest: Digest?

  /// The server's end of a new connection.
  package init(server context: TLSContext) {
    precondition(context.side == .server, "a server session needs a server context")
    self.context = context
    unsafe (handle, input, output) = Self.makeHandles(context)
    unsafe SSL_set_accept_state(handle)
  }

  /// The client's end of a new connection. The server must prove that it is `serverName`: a DNS
  /// name, or an IPv4 or IPv6 address. Resumes an earlier session of the context to the same name
  /// if it can.
  package init(client context: TLSContext, serverName: String) throws(SecurityError) {
    precondition(context.side == .client, "a client session needs a client context")
    self.context = context
    unsafe (handle, input, output) = Self.makeHandles(context)
    unsafe SSL_set_connect_state(handle)
    try unsafe PeerIdentity.expect(serverName, in: handle)
    guard let tickets = context.tickets else { return }
    unsafe tickets.resume(handle, to: serverName)
    ticketName = serverName
  }

  private static func makeHandles(
    _ context: TLSContext
  ) -> (OpaquePointer, OpaquePointer, OpaquePointer) {
    let handle = unsafe mustExist(SSL_new(context.handle), "SSL_new")
    let input = unsafe mustExist(BIO_new(BIO_s_mem()), "BIO_new")
    let output = unsafe mustExist(BIO_new(BIO_s_mem()), "BIO_new")
    unsafe SSL_set0_rbio(handle, input)
    unsafe SSL_set0_wbio(handle, output)
    return unsafe (handle, input, output)
  }

  deinit {
    // A session freed without this is marked as failed, and its ticket would be refused later.
    unsafe SSL_set_shutdown(handle, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
    unsafe SSL_free(handle)
  }

  /// Feeds ciphertext from the peer. Copies it; call `advanceHandshake` or `read` next.
  package mutating func receive(_ ciphertext: Span<UInt8>) {
    guard ciphertext.count > 0, !failed else { return }
    drained = false
    unsafe ciphertext.withUnsafeBytes { raw in
      let count = Int32(raw.count)
      precondition(unsafe BIO_write(input, raw.baseAddress, count) == count, "out of memory")
    }
    inputPeak = max(inputPeak, unsafe Int(BIO_ctrl_pending(input)))
  }

  /// Goes on with the handshake as far as the received data allows. For a client the first call
  /// makes the first message.
  package mutating func advanceHandshake() throws(SecurityError) -> Progress {
    if isEstablished { return .done }
    try checkUsable("the TLS handshake")
    ErrorQueue.clear()
    let result = unsafe SSL_do_handshake(handle)
    notePeaks()
    guard result == 1 else {
      let reason = unsafe SSL_get_error(handle, result)
      if reason == SSL_ERROR_WANT_READ { return .needsInput }
      throw fail("the TLS handshake")
    }
    try finishHandshake()
    return .done
  }

  private mutating func finishHandshake() throws(SecurityError) {
    guard alpn == "h2" else {
      failed = true
      throw SecurityError(
        .noApplicationProtocol, "the TLS handshake", "the peer did not agree to speak h2")
    }
    let peer = unsafe PeerIdentity(of: handle)
    // A resumed session skips the check of the certificate, which may have ended in the meantime.
    guard !peer.isExpired else {
      failed = true
      throw SecurityError(
        .peerCertificateRejected, "resuming a TLS session", "certificate has expired")
    }
    peerPrincipal = peer.principal
    peerCertificateDigest = peer.digest
    isEstablished = true
  }

  /// Appends at most `max` bytes of plaintext to `plaintext`. Call again until it gives no bytes.
  package mutating func read(
    into plaintext: inout [UInt8], max: Int
  ) throws(SecurityError) -> ReadResult {
    precondition(isEstablished, "read before the handshake is done")
    try checkUsable("reading from TLS")
    if drained { return .needsInput }
    var total = 0
    var error: SecurityError?
    var closed = false
    while total < max, !drained, !closed, error == nil {
      // A record has at most 16 KiB of plaintext, so this is all that one call can give.
      let room = Swift.min(max - total, 16 << 10)
      plaintext.append(addingCapacity: room) { target in
        unsafe target.withUnsafeMutableBufferPointer { buffer, initialized in
          ErrorQueue.clear()
          let result = unsafe SSL_read_ex(handle, buffer.baseAddress, room, &initialized)
          if result == 1 { return }
          initialized = 0
          switch unsafe SSL_get_error(handle, result) {
          case SSL_ERROR_WANT_READ: drained = true
          case SSL_ERROR_ZERO_RETURN: closed = true
          default: error = fail("reading from TLS")
          }
        }
        total += target.count
      }
    }
    notePeaks()
    if let error { throw error }
    if drained {
      releaseInput()
      storeTicket()
    }
    if total > 0 { return .bytes(total) }
    return closed ? .closed : .needsInput
  }

  /// Encrypts all of `plaintext`; `takeOutput` has it as one piece.
  package mutating func write(_ plaintext: Span<UInt8>) throws(SecurityError) {
    precondition(isEstablished, "write before the handshake is done")
    try checkUsable("writing to TLS")
    guard !shutDownSent else {
      throw SecurityError(.closed, "writing to TLS", "the session was shut down")
    }
    guard plaintext.count > 0 else { return }
    ErrorQueue.clear()
    var written = 0
    let result = unsafe plaintext.withUnsafeBytes { raw in
      unsafe SSL_write_ex(handle, raw.baseAddress, raw.count, &written)
    }
    notePeaks()
    // Without partial writes, and into memory, it is all or an error.
    guard result == 1, written == plaintext.count else { throw fail("writing to TLS") }
  }

  /// True when ciphertext waits for the peer.
  package var wantsOutput: Bool { unsafe BIO_ctrl_pending(output) > 0 }

  /// Appends all pending ciphertext.
  package mutating func takeOutput(into ciphertext: inout [UInt8]) {
    let count = unsafe Int(BIO_ctrl_pending(output))
    guard count > 0 else { return }
    ciphertext.append(addingCapacity: count) { target in
      unsafe target.withUnsafeMutableBufferPointer { buffer, initialized in
        initialized = unsafe Int(BIO_read(output, buffer.baseAddress, Int32(count)))
      }
    }
    if outputPeak > Self.bufferKeptByteCountMax { releaseOutput() }
  }

  /// Tells the peer that no more data follows (close_notify). Take the output, send it, close.
  package mutating func shutDown() {
    guard isEstablished, !failed, !shutDownSent else { return }
    shutDownSent = true
    ErrorQueue.clear()
    _ = unsafe SSL_shutdown(handle)
    ErrorQueue.clear()
  }

  /// Gives back the memory that buffers keep for the next data. For connections that went idle.
  package mutating func releaseIdleMemory() {
    if inputPeak > 0, unsafe BIO_ctrl_pending(input) == 0 { replaceInput() }
    if outputPeak > 0, unsafe BIO_ctrl_pending(output) == 0 { releaseOutput() }
  }
}

extension TLSSession {
  /// The protocol agreed by ALPN.
  package var alpn: String? {
    var start: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    unsafe SSL_get0_alpn_selected(handle, &start, &count)
    guard let start = unsafe start, count > 0 else { return nil }
    let bytes = unsafe UnsafeBufferPointer(start: start, count: Int(count))
    return unsafe String(decoding: bytes, as: UTF8.self)
  }

  /// `TLSv1.3` or `TLSv1.2`.
  package var protocolVersion: String {
    unsafe String(cString: SSL_get_version(handle))
  }

  /// The agreed cipher suite, e.g. `TLS_AES_128_GCM_SHA256`.
  package var cipherSuite: String {
    guard let name = unsafe SSL_CIPHER_get_name(SSL_get_current_cipher(handle)) else { return "" }
    return unsafe String(cString: name)
  }

  /// True when an earlier session was resumed, without certificates going over the wire.
  package var isResumed: Bool { unsafe SSL_session_reused(handle) == 1 }
}

extension TLSSession {
  private func checkUsable(_ operation: String) throws(SecurityError) {
    if failed { throw SecurityError(.closed, operation, "the session has failed before") }
  }

  private mutating func fail(_ operation: String) -> SecurityError {
    failed = true
    return unsafe TLSFault.error(of: handle, operation: operation)
  }

  private mutating func notePeaks() {
    outputPeak = max(outputPeak, unsafe Int(BIO_ctrl_pending(output)))
  }

  private mutating func releaseInput() {
    if inputPeak > Self.bufferKeptByteCountMax, unsafe BIO_ctrl_pending(input) == 0 {
      replaceInput()
    }
  }

  private mutating func replaceInput() {
    unsafe input = mustExist(BIO_new(BIO_s_mem()), "BIO_new")
    unsafe SSL_set0_rbio(handle, input)
    inputPeak = 0
  }

  private mutating func releaseOutput() {
    unsafe output = mustExist(BIO_new(BIO_s_mem()), "BIO_new")
    unsafe SSL_set0_wbio(handle, output)
    outputPeak = 0
  }

  /// A client keeps the first ticket it gets; in TLS 1.3 it comes after the handshake.
  private mutating func storeTicket() {
    guard let name = ticketName, unsafe SSL_SESSION_is_resumable(SSL_get_session(handle)) == 1,
      let ticket = unsafe SSL_get1_session(handle)
    else { return }
    ticketName = nil
    unsafe context.tickets?.add(TicketStore.Ticket(takingOwnershipOf: ticket), for: name)
  }
}
