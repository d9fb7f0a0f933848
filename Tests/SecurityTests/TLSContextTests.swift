import Foundation
import Testing

@testable import Security

@Suite struct TLSContextTests {
  let authority = TestAuthority.shared
  let directory = TestDirectory.make()

  private func serverFailure(certificate: String, key: String, ca: String? = nil) -> SecurityError?
  {
    failure { () throws(SecurityError) in
      _ = try TLSContext.server(certificateFile: certificate, keyFile: key, clientCAFile: ca)
    }
  }

  private func file(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
    let path = "\(directory)/\(name)"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    try TestDirectory.setMode(mode, of: path)
    return path
  }

  @Test("missing files are named, whichever it is")
  func missing() {
    let good = (authority.certificate("server"), authority.key("server"))
    for error in [
      serverFailure(certificate: "/none/c.pem", key: good.1),
      serverFailure(certificate: good.0, key: "/none/k.pem"),
      serverFailure(certificate: good.0, key: good.1, ca: "/none/ca.pem"),
      failure { () throws(SecurityError) in _ = try TLSContext.client(caFile: "/none/ca.pem") },
    ] {
      #expect(error?.code == .missingFile)
      #expect(error?.operation.contains("/none/") == true)
    }
  }

  @Test("files that are not PEM are named, whichever it is")
  func malformed() throws {
    let good = (authority.certificate("server"), authority.key("server"))
    let bad = try file("bad.pem", "-----BEGIN CERTIFICATE-----\nnonsense\n")
    #expect(serverFailure(certificate: bad, key: good.1)?.code == .malformedCertificate)
    #expect(serverFailure(certificate: good.0, key: bad)?.code == .malformedKey)
    let error = serverFailure(certificate: good.0, key: good.1, ca: bad)
    #expect(error?.code == .malformedCertificate && error?.operation.contains(bad) == true)
  }

  @Test("a key of another certificate is refused")
  func mismatch() {
    let error = serverFailure(
      certificate: authority.certificate("server"), key: authority.key("client"))
    #expect(error?.code == .keyMismatch)
    #expect(error?.description.contains(authority.certificate("server")) == true)
  }

  @Test("a key file that everybody can read is refused")
  func exposed() throws {
    let key = try String(contentsOfFile: authority.key("server"), encoding: .utf8)
    let open = try file("open.key", key, mode: 0o644)
    let error = serverFailure(certificate: authority.certificate("server"), key: open)
    #expect(error?.code == .exposedFile)
  }

  @Test("a key with passphrase is refused without asking anybody")
  func passphrase() {
    let locked = "\(directory)/locked.key"
    let made = Command.run(
      "openssl",
      ["pkey", "-in", authority.key("server"), "-aes256", "-passout", "pass:x", "-out", locked])
    #expect(made.status == 0)
    let error = serverFailure(certificate: authority.certificate("server"), key: locked)
    #expect(error?.code == .malformedKey)
  }

  @Test("a client certificate without key is refused, and the other way round")
  func halfIdentity() {
    let ca = authority.certificate("ca")
    let certificate = authority.certificate("client")
    let key = authority.key("client")
    for error in [
      failure { () throws(SecurityError) in
        _ = try TLSContext.client(caFile: ca, certificateFile: certificate)
      },
      failure { () throws(SecurityError) in _ = try TLSContext.client(caFile: ca, keyFile: key) },
    ] {
      #expect(error?.code == .invalidArgument)
    }
  }
}
