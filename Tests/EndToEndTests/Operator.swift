import Foundation
import Synchronization
import Testing
import World

/// What an operator does to running services.
struct Operator {
  let world: World
  let site: Site

  init(_ world: World, of site: Site? = nil) {
    self.world = world
    self.site = site ?? world.home
  }

  /// Runs `issuer keys rotate` with `arguments`; what it printed.
  @discardableResult
  func rotate(_ arguments: String...) async throws -> String {
    try await Command.require(
      world.programs.path(of: "issuer"), ["keys", "rotate"] + arguments)
  }

  /// Sends SIGHUP and waits until everything, or nothing because of a fault, has been taken over.
  func reload(_ service: String, refused: Bool = false) async throws {
    let name = "citycode_reloads_total{result=\"\(refused ? "refused" : "done")\"}"
    let before = try await metric(name, of: service)
    site.daemon(service).send(.hangUp)
    try await eventually("\(service) has reloaded, refused: \(refused)", within: .seconds(20)) {
      try await metric(name, of: service) > before
    }
  }

  /// The sum of the series of a metric whose text begins with `name`.
  func metric(_ name: String, of service: String) async throws -> Double {
    let text = try await Command.require(
      "curl", ["-sS", "--http1.1", site.adminURL(service) + "/metrics"])
    return text.split(separator: "\n").filter { $0.hasPrefix(name) }
      .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
  }

  /// A probe of the admin port: its status, 0 without an answer, and its body.
  func probe(_ path: String, of service: String) async throws -> (status: Int, body: String) {
    let result = try await Command.run(
      "curl",
      [
        "-sS", "--http1.1", "--max-time", "5", "-w", "\n%{http_code}",
        site.adminURL(service) + path,
      ])
    let status = result.output.split(separator: "\n").last.map(String.init) ?? ""
    return (Int(status) ?? 0, String(result.output.dropLast(status.count + 1)))
  }

  /// The serial number of the certificate that `service` shows to a new connection.
  func servedSerial(_ service: String) async throws -> String {
    let script = """
      echo | openssl s_client -connect 127.0.0.1:\(site.ports[service]!.https) -alpn h2 \
        2>/dev/null | openssl x509 -noout -serial
      """
    return try await Command.require("sh", ["-c", script])
  }

  func serial(of file: String) async throws -> String {
    try await Command.require("openssl", ["x509", "-noout", "-serial", "-in", file])
  }
}

/// Issues codes and scans them, by several tasks at once, and checks every answer.
final class CodeLoad: Sendable {
  private struct State {
    var issuing: APIClient
    var scanning: APIClient
    var isOver = false
    /// Scans of each task.
    var scans: [Int]
    var faults: [String] = []
  }

  private let handles: [String]
  private let state: Mutex<State>

  init(_ site: Site, handles: [String], tasks: Int = 6) throws {
    self.handles = handles
    state = Mutex(
      State(
        issuing: try site.client("issuer", as: .channel),
        scanning: try site.client("verifier", as: .point),
        scans: Array(repeating: 0, count: tasks)))
  }

  var scanCount: Int { state.withLock { $0.scans.reduce(0, +) } }
  var faults: [String] { state.withLock { $0.faults } }

  /// Works until `stop`.
  func run() async {
    let count = state.withLock { $0.scans.count }
    await withTaskGroup { group in
      for task in 0..<count { group.addTask { await self.work(task) } }
    }
  }

  func stop() { state.withLock { $0.isOver = true } }

  /// Has all tasks use other clients, and returns when no request of the old ones is under way.
  func use(issuing: APIClient? = nil, scanning: APIClient? = nil) async throws {
    let before = state.withLock { state in
      if let issuing { state.issuing = issuing }
      if let scanning { state.scanning = scanning }
      return state.scans
    }
    // A round that began before the change is the next one that ends.
    try await eventually("all have moved on", within: .seconds(60)) {
      let now = state.withLock { $0.scans }
      return zip(before, now).allSatisfy { $1 >= $0 + 2 } || !faults.isEmpty
    }
  }

  private func work(_ task: Int) async {
    var round = 0
    while true {
      let (issuing, scanning, isOver) = state.withLock { ($0.issuing, $0.scanning, $0.isOver) }
      if isOver { return }
      let handle = handles[(task + round) % handles.count]
      round += 1
      do {
        let channel = Channel(client: issuing, seen: Trace())
        let code = try await channel.code(of: handle, .init(lifetimeSeconds: 60 + round % 3 * 900))
        try await Point(client: scanning).scan(code, scene: "health_gate")
          .expected("accepted", "a scan under load")
        state.withLock { $0.scans[task] += 1 }
      } catch {
        state.withLock { $0.faults.append("\(error)") }
        return
      }
    }
  }
}
