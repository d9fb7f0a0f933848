internal import COpenSSL

/// What a session knows of its peer from the peer's verified certificate.
struct PeerIdentity {
  /// A principal longer than this is no principal.
  static let principalByteCountMax = 512

  var principal: String?
  var digest: Digest?
  var isExpired = false

  /// Reads the certificate the peer proved to own, also of a resumed session. Without one, or with
  /// one that was not verified, all is empty.
  init(of session: OpaquePointer) {
    guard let certificate = unsafe SSL_get0_peer_certificate(session),
      unsafe SSL_get_verify_result(session) == Int(X509_V_OK),
      unsafe SSL_get_verify_mode(session) & SSL_VERIFY_PEER != 0
    else { return }
    unsafe isExpired = X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0
    unsafe principal = Self.firstURI(of: certificate)
    var sum = Digest()
    unsafe withUnsafeMutableBytes(of: &sum.words) { target in
      let start = unsafe target.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
      mustSucceed(unsafe X509_digest(certificate, EVP_sha256(), start, nil), "X509_digest")
    }
    digest = sum
  }

  /// Makes the session accept only a certificate for `name`.
  static func expect(_ name: String, in session: OpaquePointer) throws(SecurityError) {
    let operation = "connecting by TLS to \(name)"
    let bytes = name.utf8
    guard (1...253).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw SecurityError(.invalidArgument, operation, "it is neither a DNS name nor an address")
    }
    // Refused if it is not an address; then it must be a name. Names go into SNI, addresses not.
    if unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name) == 1 { return }
    ErrorQueue.clear()
    unsafe SSL_set_hostflags(session, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    guard unsafe SSL_set1_host(session, name) == 1,
      unsafe citycode_set_server_name(session, name) == 1
    else {
      throw SecurityError(.invalidArgument, operation, ErrorQueue.drain().text)
    }
  }

  private static func firstURI(of certificate: OpaquePointer) -> String? {
    guard
      let names = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil)
    else { return nil }
    let stack = OpaquePointer(names)
    defer { unsafe GENERAL_NAMES_free(stack) }
    for index in 0..<(unsafe OPENSSL_sk_num(stack)) {
      guard let raw = unsafe OPENSSL_sk_value(stack, index) else { continue }
      let name = unsafe raw.assumingMemoryBound(to: GENERAL_NAME.self)
      guard unsafe name.pointee.type == GEN_URI,
        let uri = unsafe name.pointee.d.uniformResourceIdentifier
      else { continue }
      let count = unsafe Int(ASN1_STRING_length(uri))
      let bytes = unsafe UnsafeBufferPointer(start: ASN1_STRING_get0_data(uri), count: count)
      // A NUL or control character inside would let one name pass for another.
      guard (1...principalByteCountMax).contains(count),
        unsafe bytes.allSatisfy({ (0x21...0x7e).contains($0) })
      else { return nil }
      return unsafe String(decoding: bytes, as: UTF8.self)
    }
    return nil
  }
}
