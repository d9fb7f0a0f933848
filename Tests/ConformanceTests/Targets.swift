import Foundation
import RawHTTP2

/// The servers under test, started on first use and ended with this process.
func targets() async throws -> [ConformanceTarget] { try await Servers.shared.all() }

/// Those that promise limits.
func limitedTargets() async throws -> [ConformanceTarget] {
  try await targets().filter { $0.limits != nil }
}

/// Debian's nghttpd as a control: it keeps every requirement but one, and no limits.
private actor Servers {
  static let shared = Servers()

  private var started: Task<[ConformanceTarget], any Error>?
  private var lifelines: [Pipe] = []

  func all() async throws -> [ConformanceTarget] {
    let task = started ?? Task { try await start() }
    started = task
    return try await task.value
  }

  private func start() async throws -> [ConformanceTarget] {
    let directory = FileManager.default.temporaryDirectory.appending(
      path: "conformance-\(ProcessInfo.processInfo.processIdentifier)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    try Data("a body of more than five bytes\n".utf8).write(
      to: directory.appending(path: "index.html"))
    let port = UInt16.random(in: 20_000..<30_000)
    try startChild([
      "nghttpd", "--no-tls", "--address=127.0.0.1", "-d", directory.path, "\(port)",
    ])
    let control = ConformanceTarget(
      name: "nghttpd in the clear", endpoint: Endpoint(address: "127.0.0.1", port: port),
      knownFailures: ["http2/5.1.1/2"])
    try await waitUntilUp(control.endpoint)
    return [control]
  }

  /// Starts a server that ends when this process does, however it ends: the shell waits for the end
  /// of its standard input, which is a pipe only this process holds.
  private func startChild(_ command: [String]) throws {
    let child = Process()
    child.executableURL = URL(filePath: "/bin/sh")
    child.arguments = ["-c", "\"$@\" & child=$!; read -r line; kill $child", "sh"] + command
    let input = Pipe()
    child.standardInput = input
    child.standardOutput = FileHandle.nullDevice
    try child.run()
    lifelines.append(input)
  }

  private func waitUntilUp(_ endpoint: Endpoint) async throws {
    for _ in 0..<100 {
      if (try? RawConnection(opening: endpoint)) != nil { return }
      try await Task.sleep(for: .milliseconds(50))
    }
    _ = try RawConnection(opening: endpoint)
  }
}
