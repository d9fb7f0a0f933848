/// A throw-away CA that names the services of a world, made with the `openssl` command.
package struct CertificateAuthority: Sendable {
  package let certificateFile: String
  private let keyFile: String

  /// Makes the CA's key and certificate in `directory`.
  package init(directory: String) async throws {
    try Files.makeDirectory(directory)
    certificateFile = "\(directory)/ca.pem"
    keyFile = "\(directory)/ca.key"
    try await Command.require(
      "openssl",
      Self.request(keyFile: keyFile, certificateFile: certificateFile)
        + [
          "-subj", "/CN=CityCode throw-away CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        ])
  }

  /// Makes a key and a certificate at `path`.key and `path`.pem that names `principal`, a URI, as
  /// client and loopback as server.
  package func issue(principal: String, path: String) async throws {
    try await Command.require(
      "openssl",
      Self.request(keyFile: "\(path).key", certificateFile: "\(path).pem")
        + [
          "-CA", certificateFile, "-CAkey", keyFile, "-subj",
          "/CN=\(principal.split(separator: "/")[1])",
          "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,URI:\(principal)",
          "-addext", "basicConstraints=critical,CA:FALSE",
          "-addext", "extendedKeyUsage=serverAuth,clientAuth",
        ])
  }

  private static func request(keyFile: String, certificateFile: String) -> [String] {
    [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
      "30",
      "-sha256", "-keyout", keyFile, "-out", certificateFile,
    ]
  }
}
