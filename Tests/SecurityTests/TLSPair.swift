import Testing

@testable import Security

/// A client and a server session joined in memory.
final class TLSPair {
  static let authority = TestAuthority.shared

  var client: TLSSession
  var server: TLSSession
  /// How many bytes cross at once; nil is all.
  var pieceByteCount: Int?

  // `#expect` cannot look into noncopyable values.
  var clientIsResumed: Bool { client.isResumed }
  var serverIsResumed: Bool { server.isResumed }
  var serverIsEstablished: Bool { server.isEstablished }
  var serverWantsOutput: Bool { server.wantsOutput }
  var clientWantsOutput: Bool { client.wantsOutput }

  init(client: TLSContext, server: TLSContext, serverName: String = "localhost") throws {
    self.client = try TLSSession(client: client, serverName: serverName)
    self.server = TLSSession(server: server)
  }

  static func serverContext(
    certificate: String = "server", clientCA: String? = "ca", ticketSecret: [UInt8]? = nil
  ) throws -> TLSContext {
    try TLSContext.server(
      certificateFile: authority.certificate(certificate), keyFile: authority.key(certificate),
      clientCAFile: clientCA.map { authority.certificate($0) }, ticketSecret: ticketSecret)
  }

  static func clientContext(_ certificate: String? = nil, ca: String = "ca") throws -> TLSContext {
    try TLSContext.client(
      caFile: authority.certificate(ca),
      certificateFile: certificate.map { authority.certificate($0) },
      keyFile: certificate.map { authority.key($0) })
  }

  /// What each side makes of the handshake, after every alert has been delivered.
  struct Outcome: Equatable {
    var clientError: SecurityError?
    var serverError: SecurityError?
  }

  /// Shakes hands until neither side has anything to send, then reads both sides once.
  func handshake() -> Outcome {
    var outcome = Outcome()
    advance(&outcome)
    var quiet = false
    while !quiet {
      quiet = true
      for piece in pieces(clientOutput()) {
        quiet = false
        server.receive(piece.span)
        advanceServer(&outcome)
      }
      for piece in pieces(serverOutput()) {
        quiet = false
        client.receive(piece.span)
        advanceClient(&outcome)
      }
    }
    return outcome
  }

  private func advance(_ outcome: inout Outcome) {
    advanceClient(&outcome)
    advanceServer(&outcome)
  }

  private func advanceClient(_ outcome: inout Outcome) {
    if outcome.clientError != nil { return }
    do throws(SecurityError) {
      guard try client.advanceHandshake() == .done else { return }
      var nothing: [UInt8] = []
      _ = try client.read(into: &nothing, max: 1 << 20)
    } catch { outcome.clientError = error }
  }

  private func advanceServer(_ outcome: inout Outcome) {
    if outcome.serverError != nil { return }
    do throws(SecurityError) {
      guard try server.advanceHandshake() == .done else { return }
      var nothing: [UInt8] = []
      _ = try server.read(into: &nothing, max: 1 << 20)
    } catch { outcome.serverError = error }
  }

  func clientOutput() -> [UInt8] {
    var bytes: [UInt8] = []
    client.takeOutput(into: &bytes)
    return bytes
  }

  func serverOutput() -> [UInt8] {
    var bytes: [UInt8] = []
    server.takeOutput(into: &bytes)
    return bytes
  }

  private func pieces(_ bytes: [UInt8]) -> [[UInt8]] {
    guard let pieceByteCount else { return bytes.isEmpty ? [] : [bytes] }
    return stride(from: 0, to: bytes.count, by: pieceByteCount).map { start in
      Array(bytes[start..<min(start + pieceByteCount, bytes.count)])
    }
  }

  /// Sends `bytes` from the client and returns what the server reads.
  func sendToServer(_ bytes: [UInt8]) throws -> [UInt8] {
    try client.write(bytes.span)
    server.receive(clientOutput().span)
    var received: [UInt8] = []
    while case .bytes = try server.read(into: &received, max: 1 << 20) {}
    return received
  }

  /// Sends `bytes` from the server and returns what the client reads.
  func sendToClient(_ bytes: [UInt8]) throws -> [UInt8] {
    try server.write(bytes.span)
    client.receive(serverOutput().span)
    var received: [UInt8] = []
    while case .bytes = try client.read(into: &received, max: 1 << 20) {}
    return received
  }
}
