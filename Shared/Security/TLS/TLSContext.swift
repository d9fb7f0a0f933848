internal import COpenSSL

/// What all TLS sessions of one side share: certificate, authorities, protocol settings, ticket
/// keys. Immutable once made. To change a certificate make a new context and use it for new
/// sessions.
///
/// TLS 1.2 and 1.3 only, forward-secret AEAD suites only (RFC 9113 §9.2.2), ALPN `h2` only, no
/// compression, no renegotiation, no 0-RTT data (it can be replayed).
///
/// `Sendable`: OpenSSL's manual (openssl-threads(7)) allows an `SSL_CTX` to be used from many
/// threads once it is configured; nothing here changes it after `init`.
@safe
package final class TLSContext: Sendable {
  /// How long a session ticket may be used to resume. `TicketKeys` accepts keys for as long.
  package static let ticketLifetimeSeconds = 7200
  /// The most bytes of certificates a peer may send.
  package static let certificateListByteCountMax = 32 << 10

  enum Side: Sendable { case server, client }

  nonisolated(unsafe) let handle: OpaquePointer
  let side: Side
  /// Tickets received by client sessions, for the next one to the same server; `nil` when every
  /// handshake is to be a full one.
  let tickets: TicketStore?
  /// What a server encrypts its tickets with.
  let ticketKeys: TicketKeys?

  private init(
    _ side: Side, operation: String, ticketKeys: TicketKeys? = nil, resumesSessions: Bool = true
  ) throws(SecurityError) {
    self.ticketKeys = ticketKeys
    ErrorQueue.clear()
    let method = unsafe side == .server ? TLS_server_method() : TLS_client_method()
    guard let context = unsafe SSL_CTX_new(method) else {
      throw SecurityError(.engineFailure, operation, ErrorQueue.drain().text)
    }
    unsafe handle = context
    self.side = side
    tickets = resumesSessions ? TicketStore() : nil
    configureProtocol()
  }

  deinit { unsafe SSL_CTX_free(handle) }

  /// A server's context. `certificateFile` holds the chain, leaf first; `keyFile` its private key,
  /// readable by owner and group only. With `clientCAFile` clients are asked for a certificate:
  /// they may have none, but one that does not verify ends the handshake. With `ticketSecret` (32
  /// bytes or more) all servers of one `ticketScope` that were given the same secret and the same
  /// `clientCAFile` resume each other's sessions, also after a restart; without it tickets live and
  /// die with this context.
  package static func server(
    certificateFile: String, keyFile: String, clientCAFile: String? = nil,
    ticketSecret: [UInt8]? = nil, ticketScope: String = "",
    ticketHour: @escaping @Sendable () -> Int64 = TicketKeys.currentHour
  ) throws(SecurityError) -> TLSContext {
    let keys = try TicketKeys(
      secret: ticketSecret, scope: ticketScope, clientCAFile: clientCAFile, hour: ticketHour)
    let context = try TLSContext(
      .server, operation: "making a TLS server context", ticketKeys: keys)
    try context.loadIdentity(certificateFile: certificateFile, keyFile: keyFile)
    if let clientCAFile { try context.requestClientCertificates(of: clientCAFile) }
    context.configureServer()
    keys.install(in: context)
    return context
  }

  /// A client's context: servers must prove their name under `caFile`. With a certificate and its
  /// key the client shows them to servers that ask. Sessions resume earlier ones to the same name
  /// unless `resumesSessions` is false.
  package static func client(
    caFile: String, certificateFile: String? = nil, keyFile: String? = nil,
    resumesSessions: Bool = true
  ) throws(SecurityError) -> TLSContext {
    let operation = "making a TLS client context"
    let context = try TLSContext(
      .client, operation: operation, resumesSessions: resumesSessions)
    guard (certificateFile == nil) == (keyFile == nil) else {
      throw SecurityError(
        .invalidArgument, operation, "a client certificate needs its key, and a key its certificate"
      )
    }
    if let certificateFile, let keyFile {
      try context.loadIdentity(certificateFile: certificateFile, keyFile: keyFile)
    }
    try context.trust(caFile)
    context.configureClient()
    return context
  }

  /// Throws unless the key is the certificate's, and the certificate one that an authority of
  /// `caFile` vouches for at this moment.
  package static func check(
    certificateFile: String, keyFile: String, caFile: String
  ) throws(SecurityError) {
    let operation = "checking the certificate file \(certificateFile)"
    let context = try TLSContext(.server, operation: operation)
    try context.loadIdentity(certificateFile: certificateFile, keyFile: keyFile)
    try context.trust(caFile)
    ErrorQueue.clear()
    guard
      unsafe SSL_CTX_ctrl(
        context.handle, SSL_CTRL_BUILD_CERT_CHAIN, Int(SSL_BUILD_CHAIN_FLAG_UNTRUSTED), nil) == 1
    else {
      throw SecurityError(
        .malformedCertificate, operation,
        "no authority in \(caFile) vouches for it now: it is of another, not valid yet, or over"
          + " (\(ErrorQueue.drain().text))")
    }
  }
}

// Each is called once, before the context is shared.
extension TLSContext {
  private func configureProtocol() {
    mustSucceed(
      unsafe citycode_set_protocol_min(handle, TLS1_2_VERSION), "SSL_CTX_set_min_proto_version")
    mustSucceed(
      unsafe SSL_CTX_set_cipher_list(handle, "ECDHE+AESGCM:ECDHE+CHACHA20"),
      "SSL_CTX_set_cipher_list")
    mustSucceed(
      unsafe SSL_CTX_set_ciphersuites(
        handle, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"),
      "SSL_CTX_set_ciphersuites")
    mustSucceed(
      unsafe citycode_set_groups(handle, "X25519:P-256:P-384"), "SSL_CTX_set1_groups_list")
    _ = unsafe SSL_CTX_set_options(handle, citycode_options)
    // Gives back the record buffers of a session that has nothing in flight: 34 KiB each.
    unsafe citycode_set_mode(handle, Int(SSL_MODE_RELEASE_BUFFERS))
    unsafe citycode_set_certificate_list_max(handle, Self.certificateListByteCountMax)
    unsafe SSL_CTX_set_verify_depth(handle, 4)
    unsafe SSL_CTX_set_default_passwd_cb(handle, refusePassphrase)
    _ = unsafe SSL_CTX_set_timeout(handle, Self.ticketLifetimeSeconds)
  }

  private func configureServer() {
    // Tickets hold the whole session, so the server need not: no memory, no lock between loops.
    unsafe citycode_set_session_cache_mode(handle, Int(SSL_SESS_CACHE_OFF))
    mustSucceed(unsafe SSL_CTX_set_num_tickets(handle, 1), "SSL_CTX_set_num_tickets")
    let name = Array("citycode".utf8)
    mustSucceed(
      unsafe SSL_CTX_set_session_id_context(handle, name, UInt32(name.count)),
      "SSL_CTX_set_session_id_context")
    unsafe SSL_CTX_set_client_hello_cb(handle, requireALPN, nil)
    unsafe SSL_CTX_set_alpn_select_cb(handle, selectH2, nil)
  }

  private func configureClient() {
    unsafe SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nil)
    unsafe citycode_set_session_cache_mode(
      handle, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
    let offer: [UInt8] = [2] + Array("h2".utf8)
    // This one call of OpenSSL returns 0 for success.
    precondition(unsafe SSL_CTX_set_alpn_protos(handle, offer, UInt32(offer.count)) == 0)
  }

  private func loadIdentity(certificateFile: String, keyFile: String) throws(SecurityError) {
    let reading = "reading the certificate file \(certificateFile)"
    _ = try PlainFile.read(
      path: certificateFile, byteCountMax: PEM.byteCountMax, operation: reading)
    ErrorQueue.clear()
    guard unsafe SSL_CTX_use_certificate_chain_file(handle, certificateFile) == 1 else {
      throw SecurityError(
        .malformedCertificate, reading,
        "it is not a chain of PEM certificates, leaf first (\(ErrorQueue.drain().text))")
    }
    var bytes = try SecretFile.read(path: keyFile, byteCountMax: PEM.byteCountMax)
    defer { wipe(&bytes) }
    let key = unsafe try PEM.privateKey(bytes.span, operation: "reading the key file \(keyFile)")
    // The context takes its own reference.
    defer { unsafe EVP_PKEY_free(key) }
    ErrorQueue.clear()
    guard unsafe SSL_CTX_use_PrivateKey(handle, key) == 1,
      unsafe SSL_CTX_check_private_key(handle) == 1
    else {
      throw SecurityError(
        .keyMismatch, "loading \(keyFile)",
        "it is not the key of \(certificateFile) (\(ErrorQueue.drain().text))")
    }
  }

  private func trust(_ caFile: String) throws(SecurityError) {
    let operation = "reading the CA file \(caFile)"
    _ = try PlainFile.read(path: caFile, byteCountMax: PEM.byteCountMax, operation: operation)
    ErrorQueue.clear()
    guard unsafe SSL_CTX_load_verify_locations(handle, caFile, nil) == 1 else {
      throw SecurityError(
        .malformedCertificate, operation,
        "it holds no PEM certificates (\(ErrorQueue.drain().text))")
    }
  }

  private func requestClientCertificates(of caFile: String) throws(SecurityError) {
    try trust(caFile)
    // The names tell a client with several certificates which to show. The context owns the list.
    unsafe SSL_CTX_set_client_CA_list(handle, SSL_load_client_CA_file(caFile))
    unsafe SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nil)
  }
}

/// Refuses a client that offers no application protocol at all: the ALPN callback is not asked
/// then.
private func requireALPN(
  _ session: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?, _: UnsafeMutableRawPointer?
) -> Int32 {
  var start: UnsafePointer<UInt8>?
  var count = 0
  let present = unsafe SSL_client_hello_get0_ext(
    session, UInt32(TLSEXT_TYPE_application_layer_protocol_negotiation), &start, &count)
  if present == 1 { return SSL_CLIENT_HELLO_SUCCESS }
  unsafe alert?.pointee = Int32(SSL_AD_NO_APPLICATION_PROTOCOL)
  return SSL_CLIENT_HELLO_ERROR
}

/// Picks `h2` from the client's offer (length-prefixed names) or ends the handshake with
/// `no_application_protocol` (RFC 7301 §3.2).
private func selectH2(
  _: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
  _ chosenCount: UnsafeMutablePointer<UInt8>?, _ offer: UnsafePointer<UInt8>?, _ count: UInt32,
  _: UnsafeMutableRawPointer?
) -> Int32 {
  guard let offer = unsafe offer else { return SSL_TLSEXT_ERR_ALERT_FATAL }
  var index = 0
  while index < Int(count) {
    let length = unsafe Int(offer[index])
    guard index + 1 + length <= Int(count) else { break }
    let isH2 = unsafe length == 2 && offer[index + 1] == 0x68 && offer[index + 2] == 0x32
    if isH2 {
      unsafe chosen?.pointee = offer + index + 1
      unsafe chosenCount?.pointee = 2
      return SSL_TLSEXT_ERR_OK
    }
    index += 1 + length
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL
}
