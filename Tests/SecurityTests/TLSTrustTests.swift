import Foundation
import Testing

@testable import Security

/// Who is let in, and as whom.
@Suite struct TLSTrustTests {
  @Test("the principal is the first URI of the client's verified certificate")
  func principal() throws {
    let pair = try TLSPair(
      client: TLSPair.clientContext("client"), server: TLSPair.serverContext())
    #expect(pair.handshake() == TLSPair.Outcome())
    #expect(pair.server.peerPrincipal == TestAuthority.principal)
    let path = TestAuthority.shared.certificate("client")
    let fingerprint = Command.run(
      "openssl", ["x509", "-in", path, "-noout", "-fingerprint", "-sha256"])
    let expected = fingerprint.output.split(separator: "=").last?
      .filter(\.isHexDigit).lowercased()
    #expect(pair.server.peerCertificateDigest?.hex == expected)
    #expect(pair.client.peerPrincipal == nil, "the server's certificate has no URI")
    #expect(pair.client.peerCertificateDigest != nil)
  }

  @Test("a client without certificate is let in without principal")
  func anonymous() throws {
    let pair = try TLSPair(client: TLSPair.clientContext(), server: TLSPair.serverContext())
    #expect(pair.handshake() == TLSPair.Outcome())
    #expect(pair.server.peerPrincipal == nil && pair.server.peerCertificateDigest == nil)
  }

  @Test("a verified certificate without URI gives no principal")
  func noURI() throws {
    let pair = try TLSPair(
      client: TLSPair.clientContext("plain-client"), server: TLSPair.serverContext())
    #expect(pair.handshake() == TLSPair.Outcome())
    #expect(pair.server.peerPrincipal == nil && pair.server.peerCertificateDigest != nil)
  }

  @Test("a server without client authority asks for no certificate")
  func asksNothing() throws {
    let pair = try TLSPair(
      client: TLSPair.clientContext("client"), server: TLSPair.serverContext(clientCA: nil))
    #expect(pair.handshake() == TLSPair.Outcome())
    #expect(pair.server.peerPrincipal == nil && pair.server.peerCertificateDigest == nil)
  }

  @Test(
    "a client certificate that does not verify ends the handshake",
    arguments: [
      ("foreign-client", "unable to get local issuer certificate"),
      ("expired-client", "certificate has expired"),
      ("wrong-purpose", "certificate purpose"),
      ("other-ca", "self-signed certificate"),
    ])
  func refusedClients(name: String, reason: String) throws {
    let pair = try TLSPair(client: TLSPair.clientContext(name), server: TLSPair.serverContext())
    let outcome = pair.handshake()
    #expect(outcome.serverError?.code == .peerCertificateRejected)
    #expect(outcome.serverError?.detail.contains(reason) == true, "\(outcome)")
    #expect(outcome.clientError?.code == .refusedByPeer, "\(outcome)")
    #expect(!pair.server.isEstablished && pair.server.peerPrincipal == nil)
  }

  @Test("a client refuses a server of an authority it does not trust")
  func wrongAuthority() throws {
    let pair = try TLSPair(
      client: TLSPair.clientContext(ca: "other-ca"), server: TLSPair.serverContext())
    let outcome = pair.handshake()
    #expect(outcome.clientError?.code == .peerCertificateRejected)
    #expect(outcome.serverError?.code == .refusedByPeer)
    #expect(!pair.client.isEstablished && !pair.server.isEstablished)
  }

  @Test("a client refuses an expired server")
  func expiredServer() throws {
    let pair = try TLSPair(
      client: TLSPair.clientContext(), server: TLSPair.serverContext(certificate: "expired-server"))
    let outcome = pair.handshake()
    #expect(outcome.clientError?.code == .peerCertificateRejected)
    #expect(outcome.clientError?.detail == "certificate has expired")
  }

  @Test("a client refuses a certificate made for clients")
  func clientAsServer() throws {
    let pair = try TLSPair(
      client: TLSPair.clientContext(), server: TLSPair.serverContext(certificate: "client"),
      serverName: "gate.test")
    #expect(pair.handshake().clientError?.code == .peerCertificateRejected)
  }

  @Test(
    "a server proves any of its names and addresses",
    arguments: ["localhost", "issuer.test", "ISSUER.test", "127.0.0.1", "::1"])
  func names(name: String) throws {
    let pair = try TLSPair(
      client: TLSPair.clientContext(), server: TLSPair.serverContext(), serverName: name)
    #expect(pair.handshake() == TLSPair.Outcome())
  }

  @Test(
    "a server does not pass for another name or address",
    arguments: ["verifier.test", "sub.issuer.test", "test", "127.0.0.2", "::2", "10.0.0.1"])
  func otherNames(name: String) throws {
    let pair = try TLSPair(
      client: TLSPair.clientContext(), server: TLSPair.serverContext(), serverName: name)
    let outcome = pair.handshake()
    #expect(outcome.clientError?.code == .peerCertificateRejected)
    #expect(outcome.clientError?.detail.contains("mismatch") == true, "\(outcome)")
  }

  @Test(
    "refuses to connect to what is neither a name nor an address",
    arguments: ["", "a b", "a\0b", "ä.test", String(repeating: "a", count: 254)])
  func impossibleNames(name: String) throws {
    let context = try TLSPair.clientContext()
    let error = failure { () throws(SecurityError) in
      _ = try TLSSession(client: context, serverName: name)
    }
    #expect(error?.code == .invalidArgument)
  }
}

/// The two sides must both want `h2`.
@Suite struct TLSProtocolTests {
  /// The extension as it stands in the client's first message: type 16, one name `h2`.
  private static let alpn: [UInt8] = [0, 16, 0, 5, 0, 3, 2, 0x68, 0x32]

  private func refusal(replacing replacement: [UInt8]) throws -> TLSPair.Outcome {
    let pair = try TLSPair(client: TLSPair.clientContext(), server: TLSPair.serverContext())
    _ = try pair.client.advanceHandshake()
    var hello = pair.clientOutput()
    let start = try #require(
      hello.indices.first { hello[$0...].starts(with: Self.alpn) })
    hello.replaceSubrange(start..<(start + replacement.count), with: replacement)
    pair.server.receive(hello.span)
    return pair.handshake()
  }

  @Test("a server refuses a client that offers only other protocols, by the right alert")
  func otherProtocol() throws {
    let outcome = try refusal(replacing: [0, 16, 0, 5, 0, 3, 2, 0x68, 0x33])
    #expect(outcome.serverError?.code == .noApplicationProtocol)
    #expect(outcome.clientError?.code == .noApplicationProtocol)
    #expect(outcome.clientError?.detail.contains("alert 120") == true, "\(outcome)")
  }

  @Test("a server refuses a client that offers no protocol, by the right alert")
  func noProtocol() throws {
    let outcome = try refusal(replacing: [0x7a, 0x7a])
    #expect(outcome.serverError?.code == .noApplicationProtocol)
    #expect(outcome.clientError?.code == .noApplicationProtocol)
  }
}
