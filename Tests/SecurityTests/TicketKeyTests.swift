import Synchronization
import Testing

@testable import Security

@Suite struct TicketKeyTests {
  /// Hours that pass when the test says so.
  private final class Hours: Sendable {
    private let hour = Atomic<Int64>(500_000)
    func pass(_ count: Int64) { hour.wrappingAdd(count, ordering: .relaxed) }
    var read: @Sendable () -> Int64 { { self.hour.load(ordering: .relaxed) } }
  }

  private func server(
    _ secret: [UInt8]?, _ hours: Hours = Hours(), scope: String = "verifier", ca: String = "ca"
  ) throws -> TLSContext {
    let authority = TestAuthority.shared
    return try TLSContext.server(
      certificateFile: authority.certificate("server"), keyFile: authority.key("server"),
      clientCAFile: authority.certificate(ca), ticketSecret: secret, ticketScope: scope,
      ticketHour: hours.read)
  }

  /// Whether the client's newest ticket was good for `server`; the principal must be known anyway.
  private func resumes(_ client: TLSContext, at server: TLSContext) throws -> Bool {
    let pair = try TLSPair(client: client, server: server)
    #expect(pair.handshake() == TLSPair.Outcome())
    #expect(pair.server.peerPrincipal == TestAuthority.principal)
    return pair.serverIsResumed
  }

  @Test("a ticket is good under the keys of two hours, is renewed on use, and then no more")
  func rotates() throws {
    let hours = Hours()
    let secret = SecureRandom.bytes(32)
    let client = try TLSPair.clientContext("client")
    let server = try server(secret, hours)
    #expect(try !resumes(client, at: server))
    hours.pass(2)
    #expect(try resumes(client, at: server), "two hours old")
    hours.pass(2)
    #expect(try resumes(client, at: server), "renewed two hours ago")
    hours.pass(3)
    #expect(try !resumes(client, at: server), "three hours old")
    hours.pass(-1)
    #expect(try resumes(client, at: server), "made by a host whose clock is an hour ahead")
  }

  @Test("a process started anew with the same secret resumes what the old one began")
  func survivesRestart() throws {
    let hours = Hours()
    let secret = SecureRandom.bytes(40)
    let client = try TLSPair.clientContext("client")
    #expect(try !resumes(client, at: server(secret, hours)))
    #expect(try resumes(client, at: server(secret, hours)))
    hours.pass(1)
    #expect(try resumes(client, at: server(secret, hours)))
  }

  @Test(
    "another secret, another service or another authority makes other keys",
    arguments: ["secret", "scope", "authority", "random"])
  func separates(what: String) throws {
    let secret = SecureRandom.bytes(32)
    let hours = Hours()
    let one = try TicketKeys(
      secret: secret, scope: "verifier", clientCAFile: TestAuthority.shared.certificate("ca"),
      hour: hours.read)
    let other = try TicketKeys(
      secret: what == "secret" ? SecureRandom.bytes(32) : what == "random" ? nil : secret,
      scope: what == "scope" ? "issuer" : "verifier",
      clientCAFile: TestAuthority.shared.certificate(what == "authority" ? "other-ca" : "ca"),
      hour: hours.read)
    let name = Array(one.current().bytes.prefix(16))
    #expect(one.accepted(named: name.span) != nil)
    #expect(other.accepted(named: name.span) == nil)
    #expect(one.current().bytes != other.current().bytes)
  }

  @Test("a ticket made while another authority was trusted is not good any more")
  func followsTrust() throws {
    let secret = SecureRandom.bytes(32)
    let client = try TLSPair.clientContext("client")
    #expect(try !resumes(client, at: server(secret)))
    let changed = try server(secret, ca: "other-ca")
    let pair = try TLSPair(client: client, server: changed)
    #expect(pair.handshake().serverError?.code == .peerCertificateRejected)
    #expect(!pair.serverIsEstablished)
  }

  @Test("a secret below 32 bytes is refused")
  func shortSecret() {
    let short = failure { () throws(SecurityError) in
      _ = try TicketKeys(
        secret: repeated(1, 31), scope: "", clientCAFile: nil, hour: TicketKeys.currentHour)
    }
    #expect(short?.code == .wrongSize)
  }
}
