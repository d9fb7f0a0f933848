import Foundation
import Testing

@testable import Security

@Suite struct CertificateDatesTests {
  private static let authority = TestAuthority.shared

  @Test("the dates are those the certificate was made with")
  func dates() throws {
    let expired = try CertificateDates.read(path: Self.authority.certificate("expired-server"))
    #expect(expired.count == 1 && expired[0].subject == "/CN=expired-server")
    // 2020-01-01T00:00:00Z and a day later.
    #expect(expired[0].notBefore == 1_577_836_800 && expired[0].notAfter == 1_577_923_200)
    let now = Int64(Date().timeIntervalSince1970)
    let fresh = try CertificateDates.read(path: Self.authority.certificate("server"))[0]
    #expect(fresh.notBefore <= now && now < fresh.notAfter)
  }

  @Test("all certificates of a file are read in its order, keys between them passed over")
  func chain() throws {
    let path = "\(Self.authority.directory)/dates-chain.pem"
    let files = [
      Self.authority.certificate("server"), Self.authority.key("server"),
      Self.authority.certificate("ca"),
    ]
    let text = try files.map { try String(contentsOfFile: $0, encoding: .utf8) }.joined()
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try CertificateDates.read(path: path).map(\.subject) == ["/CN=server", "/CN=ca"])
  }

  @Test("a file without a certificate is refused by its name")
  func none() throws {
    for path in [Self.authority.key("server"), "/nowhere/server.pem"] {
      let error = try #require(throws: SecurityError.self) {
        try CertificateDates.read(path: path)
      }
      #expect(error.description.contains(path))
    }
  }

  @Test("a certificate is good for its key, its authority and this moment, or is refused")
  func check() throws {
    func check(_ name: String, key: String? = nil, ca: String = "ca") -> SecurityError.Code? {
      do throws(SecurityError) {
        try TLSContext.check(
          certificateFile: Self.authority.certificate(name),
          keyFile: Self.authority.key(key ?? name), caFile: Self.authority.certificate(ca))
        return nil
      } catch {
        return error.code
      }
    }
    #expect(check("server") == nil)
    #expect(check("client") == nil)
    #expect(check("server", key: "client") == .keyMismatch)
    #expect(check("server", ca: "other-ca") == .malformedCertificate)
    #expect(check("expired-server") == .malformedCertificate)
  }
}
