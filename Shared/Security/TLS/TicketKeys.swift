internal import COpenSSL
internal import Glibc
internal import Synchronization

/// The keys of a server's session tickets (RFC 5077 §4): one for each hour, derived by HKDF, so
/// that all processes with the same secret have the same keys without talking to each other, and
/// a restart changes nothing.
///
/// Tickets are made with the key of the hour and accepted under it and the two before: a ticket
/// made in the last second of an hour then lives the two hours it was promised
/// (`TLSContext.ticketLifetimeSeconds`), and none lives longer than three. The next hour's key is
/// accepted too: it is that of a host whose clock is ahead.
///
/// A ticket holds the client's certificate, which is not verified again when a session resumes.
/// So the authority's file goes into the derivation: whoever takes an authority out of it takes
/// back every ticket that was made under it.
@safe
package final class TicketKeys: Sendable {
  /// The fewest bytes a secret may have.
  package static let secretByteCountMin = 32
  static let olderAccepted: Int64 = 2

  /// What one hour's tickets are marked, encrypted and signed with.
  struct Key {
    let hour: Int64
    /// 16 bytes of name, 32 of AES-256, 32 of HMAC-SHA-256.
    let bytes: [UInt8]
    static let nameByteCount = 16
    static let byteCount = 80
    static let cipherKey = 16..<48
    static let macKey = 48..<80
  }

  private let secret: [UInt8]
  private let authority: Digest
  private let scope: [UInt8]
  private let hour: @Sendable () -> Int64
  /// The newest hour's key first. A handshake takes a thousand times longer than this lock.
  private let cached = Mutex<[Key]>([])

  /// The hours since 1970 by the wall clock.
  package static let currentHour: @Sendable () -> Int64 = { Int64(time(nil)) / 3_600 }

  /// Without a `secret` a random one. Keys of different `scope` have nothing in common.
  init(
    secret: [UInt8]?, scope: String, clientCAFile: String?, hour: @escaping @Sendable () -> Int64
  ) throws(SecurityError) {
    if let secret, secret.count < Self.secretByteCountMin {
      throw SecurityError(
        .wrongSize, "setting the ticket secret",
        "it needs at least \(Self.secretByteCountMin) bytes")
    }
    self.secret = secret ?? SecureRandom.bytes(Self.secretByteCountMin)
    self.scope = Array(scope.utf8)
    self.hour = hour
    var content: [UInt8] = []
    if let clientCAFile {
      content = try PlainFile.read(
        path: clientCAFile, byteCountMax: PEM.byteCountMax,
        operation: "reading the CA file \(clientCAFile)"
      ).bytes
    }
    authority = SHA256.hash(content.span)
  }

  /// Has `context`, which must keep this object alive, use these keys.
  func install(in context: TLSContext) {
    let own = unsafe Unmanaged.passUnretained(self).toOpaque()
    mustSucceed(
      unsafe SSL_CTX_set_ex_data(context.handle, Self.dataIndex, own), "SSL_CTX_set_ex_data")
    mustSucceed(
      unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(context.handle, useTicketKey),
      "SSL_CTX_set_tlsext_ticket_key_evp_cb")
  }

  /// The index that OpenSSL leaves to applications (SSL_CTX_set_app_data).
  private static let dataIndex: Int32 = 0

  fileprivate static func of(_ session: OpaquePointer) -> TicketKeys? {
    guard let context = unsafe SSL_get_SSL_CTX(session),
      let data = unsafe SSL_CTX_get_ex_data(context, dataIndex)
    else { return nil }
    return unsafe Unmanaged<TicketKeys>.fromOpaque(data).takeUnretainedValue()
  }

  /// The key that new tickets are made with.
  func current() -> Key { keys()[1] }

  /// The key of this name, if it is accepted still.
  func accepted(named name: Span<UInt8>) -> Key? {
    for key in keys() {
      let bytes = key.bytes
      if constantTimeEqual(bytes.span.extracting(0..<Key.nameByteCount), name) { return key }
    }
    return nil
  }

  func isCurrent(_ key: Key) -> Bool { key.hour >= hour() }

  private func keys() -> [Key] {
    let now = hour()
    return cached.withLock { keys in
      if keys.first?.hour != now + 1 {
        keys = (-Self.olderAccepted...1).reversed().map { derive(now + $0) }
      }
      return keys
    }
  }

  private func derive(_ hour: Int64) -> Key {
    var info = Array("citycode tls tickets".utf8) + [0] + scope + [0]
    for shift in stride(from: 56, through: 0, by: -8) {
      info.append(UInt8(truncatingIfNeeded: hour >> Int64(shift)))
    }
    var salt: [UInt8] = []
    authority.append(to: &salt)
    let secret = secret
    let bytes = HKDF.derive(
      secret: secret.span, salt: salt.span, info: info.span, byteCount: Key.byteCount)
    return Key(hour: hour, bytes: bytes)
  }
}

/// SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 0 is "no such key, shake hands in full", 1 "resume",
/// 2 "resume and give a new ticket".
private func useTicketKey(
  _ session: OpaquePointer?, _ name: UnsafeMutablePointer<UInt8>?,
  _ vector: UnsafeMutablePointer<UInt8>?, _ cipher: OpaquePointer?, _ mac: OpaquePointer?,
  _ isMaking: Int32
) -> Int32 {
  guard let session = unsafe session, let name = unsafe name, let vector = unsafe vector,
    let cipher = unsafe cipher, let mac = unsafe mac, let keys = unsafe TicketKeys.of(session)
  else { return -1 }
  if isMaking == 1 {
    let key = keys.current()
    for index in 0..<TicketKeys.Key.nameByteCount { unsafe name[index] = key.bytes[index] }
    guard unsafe RAND_bytes(vector, EVP_MAX_IV_LENGTH) == 1 else { return -1 }
    return unsafe start(cipher, mac, key, vector, isMaking: 1) ? 1 : -1
  }
  let named = unsafe Array(UnsafeBufferPointer(start: name, count: TicketKeys.Key.nameByteCount))
  guard let key = keys.accepted(named: named.span) else { return 0 }
  guard unsafe start(cipher, mac, key, vector, isMaking: 0) else { return -1 }
  // A client of TLS 1.3 uses a ticket once (RFC 8446 §C.4), so it always gets the next one.
  let isOnce = unsafe SSL_version(session) == TLS1_3_VERSION
  return isOnce || !keys.isCurrent(key) ? 2 : 1
}

/// AES-256-CBC and HMAC-SHA-256 over name, vector and ciphertext, as RFC 5077 §4 recommends.
private func start(
  _ cipher: OpaquePointer, _ mac: OpaquePointer, _ key: TicketKeys.Key,
  _ vector: UnsafeMutablePointer<UInt8>, isMaking: Int32
) -> Bool {
  let cipherKey = Array(key.bytes[TicketKeys.Key.cipherKey])
  guard
    unsafe EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nil, cipherKey, vector, isMaking) == 1
  else { return false }
  var macKey = Array(key.bytes[TicketKeys.Key.macKey])
  return unsafe macKey.withUnsafeMutableBytes {
    unsafe citycode_set_sha256_mac_key(mac, $0.baseAddress, $0.count) == 1
  }
}
