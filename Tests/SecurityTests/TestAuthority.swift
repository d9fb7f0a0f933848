import Foundation

@testable import Security

/// Certificates for the tests, made once by the `openssl` command in a temporary directory: two
/// authorities, a server, and clients good, expired, foreign and of the wrong purpose.
final class TestAuthority: Sendable {
  static let shared = TestAuthority()
  static let principal = "citycode://310000/point/metro-7"

  let directory: String

  private init() {
    directory = TestDirectory.make()
    makeAuthority("ca")
    makeAuthority("other-ca")
    makeLeaf(
      "server", by: "ca", names: "DNS:localhost,DNS:issuer.test,IP:127.0.0.1,IP:::1",
      purpose: "serverAuth")
    makeLeaf(
      "client", by: "ca", names: "DNS:gate.test,URI:\(Self.principal),URI:citycode://second",
      purpose: "clientAuth")
    makeLeaf("plain-client", by: "ca", names: "DNS:gate.test", purpose: "clientAuth")
    makeLeaf(
      "foreign-client", by: "other-ca", names: "URI:\(Self.principal)", purpose: "clientAuth")
    makeLeaf("wrong-purpose", by: "ca", names: "URI:\(Self.principal)", purpose: "serverAuth")
    makeLeaf(
      "expired-client", by: "ca", names: "URI:\(Self.principal)", purpose: "clientAuth",
      startDate: "20200101000000Z", endDate: "20200102000000Z")
    makeLeaf(
      "expired-server", by: "ca", names: "DNS:localhost", purpose: "serverAuth",
      startDate: "20200101000000Z", endDate: "20200102000000Z")
  }

  func certificate(_ name: String) -> String { "\(directory)/\(name).pem" }
  func key(_ name: String) -> String { "\(directory)/\(name).key" }

  private func makeAuthority(_ name: String) {
    run([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
      "-keyout", key(name), "-out", certificate(name), "-days", "30", "-subj", "/CN=\(name)",
    ])
    write("", to: "\(directory)/\(name).index")
  }

  func makeLeaf(
    _ name: String, by authority: String, names: String, purpose: String,
    startDate: String? = nil, endDate: String? = nil
  ) {
    run([
      "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
      "-keyout", key(name), "-out", "\(directory)/\(name).csr", "-subj", "/CN=\(name)",
    ])
    write(
      """
      [ca]
      default_ca = authority
      [authority]
      new_certs_dir = \(directory)
      database = \(directory)/\(authority).index
      rand_serial = yes
      default_md = sha256
      policy = policy
      x509_extensions = leaf
      unique_subject = no
      [policy]
      commonName = supplied
      [leaf]
      basicConstraints = critical,CA:FALSE
      extendedKeyUsage = \(purpose)
      subjectAltName = \(names)
      """, to: "\(directory)/\(name).cnf")
    var arguments = [
      "ca", "-batch", "-notext", "-config", "\(directory)/\(name).cnf",
      "-cert", certificate(authority), "-keyfile", key(authority),
      "-in", "\(directory)/\(name).csr", "-out", certificate(name),
    ]
    if let startDate, let endDate {
      arguments += ["-startdate", startDate, "-enddate", endDate]
    } else {
      arguments += ["-days", "20"]
    }
    run(arguments)
  }

  private func run(_ arguments: [String]) {
    let result = Command.run("openssl", arguments)
    precondition(result.status == 0, "openssl \(arguments[0]) failed: \(result.errors)")
  }

  private func write(_ text: String, to path: String) {
    precondition(FileManager.default.createFile(atPath: path, contents: Data(text.utf8)))
  }
}

/// A directory of the test run's own, removed when the process ends.
enum TestDirectory {
  static func make() -> String {
    let path = NSTemporaryDirectory() + "citycode-security-\(UUID().uuidString)"
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    Cleaner.shared.add(path)
    return path
  }

  static func setMode(_ mode: Int, of path: String) throws {
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
  }

  private final class Cleaner: @unchecked Sendable {
    static let shared = Cleaner()
    private let lock = NSLock()
    private var paths: [String] = []

    private init() {
      atexit {
        for path in Cleaner.shared.paths { try? FileManager.default.removeItem(atPath: path) }
      }
    }

    func add(_ path: String) { lock.withLock { paths.append(path) } }
  }
}

/// Runs a command and waits for it.
enum Command {
  static func run(
    _ name: String, _ arguments: [String]
  ) -> (status: Int32, output: String, errors: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [name] + arguments
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = FileHandle.nullDevice
    do { try process.run() } catch { return (127, "", "\(error)") }
    let outputData = output.fileHandleForReading.readDataToEndOfFile()
    let errorData = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (
      process.terminationStatus, String(decoding: outputData, as: UTF8.self),
      String(decoding: errorData, as: UTF8.self)
    )
  }
}
