import Foundation
import Testing

@testable import Security

@Suite struct CertificateFileTests {
  private let authority = TestAuthority.shared

  @Test("the end of a certificate is read as openssl reads it")
  func end() throws {
    let now = Int64(Date().timeIntervalSince1970)
    // The authority was made with 30 days a moment ago.
    let end = try CertificateFile.firstEnd(path: authority.certificate("ca"))
    #expect(abs(end - now - 30 * 86_400) < 3_600)
    // Ends 2020-01-02T00:00:00Z.
    let expired = try CertificateFile.firstEnd(path: authority.certificate("expired-client"))
    #expect(expired == 1_577_923_200)
  }

  @Test("of several certificates the first end counts, wherever it stands")
  func several() throws {
    let files = ["ca", "expired-client", "other-ca"]
    let texts = try files.map {
      try String(contentsOfFile: authority.certificate($0), encoding: .utf8)
    }
    let path = "\(authority.directory)/bundle-\(UUID().uuidString).pem"
    try texts.joined(separator: "# a comment between them\n").write(
      toFile: path, atomically: true, encoding: .utf8)
    #expect(try CertificateFile.firstEnd(path: path) == 1_577_923_200)
  }

  @Test("a file without certificates, or none, is an error that names it")
  func refuses() throws {
    for (path, code): (String, SecurityError.Code) in [
      (authority.key("ca"), .malformedCertificate), ("/nowhere.pem", .missingFile),
    ] {
      let error = #expect(throws: SecurityError.self) {
        try CertificateFile.firstEnd(path: path)
      }
      #expect(error?.code == code && error?.description.contains(path) == true)
    }
  }
}
