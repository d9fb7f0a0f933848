import Foundation
import Testing

@testable import Security

@Suite struct TLSResumptionTests {
  @Test("a second session resumes the first, keeps its principal, and a third the second")
  func resumes() throws {
    let client = try TLSPair.clientContext("client")
    let server = try TLSPair.serverContext()
    var digest: Digest?
    for round in 0..<3 {
      let pair = try TLSPair(client: client, server: server)
      #expect(pair.handshake() == TLSPair.Outcome())
      #expect(pair.client.isResumed == (round > 0) && pair.server.isResumed == (round > 0))
      #expect(pair.server.peerPrincipal == TestAuthority.principal)
      if round == 0 { digest = pair.server.peerCertificateDigest }
      #expect(pair.server.peerCertificateDigest == digest)
      #expect(pair.client.peerCertificateDigest != nil)
      #expect(try pair.sendToClient([1, 2]) == [1, 2])
    }
  }

  @Test("a ticket is used once and never for another server name")
  func oncePerName() throws {
    let client = try TLSPair.clientContext()
    let server = try TLSPair.serverContext()
    _ = try TLSPair(client: client, server: server).handshake()
    let other = try TLSPair(client: client, server: server, serverName: "issuer.test")
    #expect(other.handshake() == TLSPair.Outcome())
    #expect(!other.clientIsResumed)
    let first = try TLSPair(client: client, server: server)
    let second = try TLSPair(client: client, server: server)
    #expect(first.handshake() == TLSPair.Outcome() && second.handshake() == TLSPair.Outcome())
    #expect(first.client.isResumed && !second.client.isResumed)
  }

  @Test("a client context that does not resume makes a full handshake every time")
  func fullOnly() throws {
    let authority = TLSPair.authority
    let client = try TLSContext.client(
      caFile: authority.certificate("ca"), resumesSessions: false)
    let server = try TLSPair.serverContext()
    for _ in 0..<3 {
      let pair = try TLSPair(client: client, server: server)
      #expect(pair.handshake() == TLSPair.Outcome())
      #expect(!pair.clientIsResumed && !pair.serverIsResumed)
      #expect(try pair.sendToClient([1, 2]) == [1, 2])
    }
  }

  @Test("servers resume each other's sessions when they share a ticket secret, and only then")
  func sharedSecret() throws {
    let secret = SecureRandom.bytes(32)
    let client = try TLSPair.clientContext("client")
    let one = try TLSPair.serverContext(ticketSecret: secret)
    let two = try TLSPair.serverContext(ticketSecret: secret)
    let stranger = try TLSPair.serverContext(ticketSecret: SecureRandom.bytes(32))
    _ = try TLSPair(client: client, server: one).handshake()
    let resumed = try TLSPair(client: client, server: two)
    #expect(resumed.handshake() == TLSPair.Outcome())
    #expect(resumed.serverIsResumed)
    #expect(resumed.server.peerPrincipal == TestAuthority.principal)
    let full = try TLSPair(client: client, server: stranger)
    #expect(full.handshake() == TLSPair.Outcome())
    #expect(!full.serverIsResumed)
    #expect(full.server.peerPrincipal == TestAuthority.principal)
    let short = failure { () throws(SecurityError) in
      _ = try TLSContext.server(
        certificateFile: TestAuthority.shared.certificate("server"),
        keyFile: TestAuthority.shared.key("server"), ticketSecret: repeated(1, 31))
    }
    #expect(short?.code == .wrongSize)
  }

  @Test("a server refuses to resume for a client whose certificate expired in the meantime")
  func expiresMeanwhile() throws {
    let end = Date(timeIntervalSinceNow: 3)
    TestAuthority.shared.makeLeaf(
      "brief-client", by: "ca", names: "URI:\(TestAuthority.principal)", purpose: "clientAuth",
      startDate: "20200101000000Z", endDate: Self.asn1(end))
    let client = try TLSPair.clientContext("brief-client")
    let server = try TLSPair.serverContext()
    #expect(try TLSPair(client: client, server: server).handshake() == TLSPair.Outcome())
    Thread.sleep(until: end.addingTimeInterval(1.2))
    let late = try TLSPair(client: client, server: server)
    #expect(late.handshake().serverError?.code == .peerCertificateRejected)
    #expect(!late.serverIsEstablished)
  }

  private static func asn1(_ date: Date) -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "UTC")
    formatter.dateFormat = "yyyyMMddHHmmss'Z'"
    return formatter.string(from: date)
  }
}
