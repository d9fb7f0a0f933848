import Foundation
import RawHTTP2
import World

/// The servers under test, started on first use and ended with this process.
func targets() async throws -> [ConformanceTarget] { try await Servers.shared.all() }

/// Those that promise limits.
func limitedTargets() async throws -> [ConformanceTarget] {
  try await targets().filter { $0.limits != nil }
}

/// A server that already runs, for aiming the suite by hand:
/// `CITYCODE_TARGET=127.0.0.1:8443`, with `CITYCODE_TARGET_CA=ca.pem` when it speaks TLS and
/// `CITYCODE_TARGET_LIMITS=anonymous` (or `partner`) when it promises limits.
private func namedTarget() -> ConformanceTarget? {
  let environment = ProcessInfo.processInfo.environment
  guard let place = environment["CITYCODE_TARGET"], let colon = place.lastIndex(of: ":"),
    let port = UInt16(place[place.index(after: colon)...])
  else { return nil }
  let tls = environment["CITYCODE_TARGET_CA"].map { Endpoint.TLS(caFile: $0) }
  let limits: [String: TargetLimits] = ["anonymous": .anonymous, "partner": .partner]
  return ConformanceTarget(
    name: place, endpoint: Endpoint(address: String(place[..<colon]), port: port, tls: tls),
    limits: environment["CITYCODE_TARGET_LIMITS"].flatMap { limits[$0] },
    processID: environment["CITYCODE_TARGET_PID"].flatMap { Int32($0) })
}

/// The three services, over h2c and TLS; and Debian's nghttpd as a control: it keeps every
/// requirement but one, and no limits.
private actor Servers {
  static let shared = Servers()

  private var started: Task<[ConformanceTarget], any Error>?
  private var lifelines: [Pipe] = []
  /// Ends the services with this process, however it ends.
  private var watcher: Watcher?

  func all() async throws -> [ConformanceTarget] {
    let task = started ?? Task { try await start() }
    started = task
    return try await task.value
  }

  private func start() async throws -> [ConformanceTarget] {
    if let target = namedTarget() { return [target] }
    return try await services() + control()
  }

  /// A path of each service that takes a body, and answers GET with a problem document.
  private static let paths = [
    "issuer": "/v1/holders", "verifier": "/v1/scans", "relay": "/v1/foreign-scans",
  ]

  private func services() async throws -> [ConformanceTarget] {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "citycode-conformance-\(ProcessInfo.processInfo.processIdentifier)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    var plan = World.Plan(directory: directory)
    plan.people = 100
    plan.regions = ["310000"]
    let world = try await World(plan)
    watcher = try Watcher(directory: directory)
    try await world.load()
    try await world.start()
    var targets: [ConformanceTarget] = []
    for (service, path) in Self.paths.sorted(by: { $0.key < $1.key }) {
      let ports = world.home.ports[service]!
      let process = world.home.daemon(service).processID
      let tls = Endpoint.TLS(caFile: world.certificateFile)
      for (port, name, tls) in [
        (ports.h2c, "\(service) over h2c", nil), (ports.https, "\(service) over TLS", tls),
      ] {
        targets.append(
          ConformanceTarget(
            name: name,
            endpoint: Endpoint(address: "127.0.0.1", port: UInt16(port), tls: tls, path: path),
            limits: .anonymous, processID: process))
      }
    }
    return targets
  }

  private func control() async throws -> [ConformanceTarget] {
    let places = ["/usr/bin/nghttpd", "/usr/sbin/nghttpd"]
    guard let program = places.first(where: FileManager.default.isExecutableFile) else { return [] }
    // Any folder will do; this one is always there.
    let folder = URL(filePath: #filePath).deletingLastPathComponent().path
    let port = try Loopback.freePort()
    try startChild([program, "--no-tls", "--address=127.0.0.1", "-d", folder, "\(port)"])
    let control = ConformanceTarget(
      name: "nghttpd in the clear",
      endpoint: Endpoint(address: "127.0.0.1", port: port, path: "/Targets.swift"),
      knownFailures: ["http2/5.1.1/2"])
    try await waitUntilUp(control.endpoint)
    return [control]
  }

  /// Starts a server that ends when this process does, however it ends: the shell waits for the end
  /// of its standard input, which is a pipe only this process holds. SIGKILL, because the threads
  /// that start processes block the other signals and children inherit that; for the same reason
  /// the shell does not wait for the server, of whose end it would never hear.
  private func startChild(_ command: [String]) throws {
    let child = Process()
    child.executableURL = URL(filePath: "/bin/sh")
    let script = "\"$@\" & child=$!; read -r line; kill -KILL $child"
    child.arguments = ["-c", script, "sh"] + command
    let input = Pipe()
    child.standardInput = input
    child.standardOutput = FileHandle.nullDevice
    child.standardError = FileHandle.nullDevice
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
