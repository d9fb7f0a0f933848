import Synchronization
import Testing
import World

extension EndToEnd {
  @Suite struct RollingRestartTests {
    @Test(
      "P-90: two verifiers on one address are restarted in turn under load, and nothing is lost")
    func rolling() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
        plan.settings["verifier"] = ["share_port": "true"]
      } body: { world in
        let home = world.home
        let works = Operator(world)
        let handles = try await world.handles(count: 100)
        let codes = try await world.sampleCodes(count: 100, of: handles)
        let second = try Self.secondVerifier(world)
        try await second.start()
        let gates = Gates(home, codes: codes)
        async let running: Void = gates.run()
        var pids: Set<Int32> = []
        do {
          for _ in 0..<2 {
            for daemon in [home.verifier, second] {
              try await gates.waitForScans(more: 200)
              pids.insert(try #require(daemon.processID))
              #expect(await daemon.stop() == .exited(0))
              // The other one has all of the address's clients now.
              try await gates.waitForScans(more: 200)
              try await daemon.start()
            }
          }
          try await gates.waitForScans(more: 200)
        } catch {
          gates.stop()
          await running
          await second.stop()
          throw error
        }
        gates.stop()
        await running
        #expect(gates.faults == [])
        #expect(pids.count == 4)
        let count = gates.count
        print(
          "P-90: 4 restarts under load, \(count) scans on \(gates.connections) connections, 0 lost")
        #expect(count > 1_800)
        _ = try await works.probe("/readyz", of: "verifier")
        await second.stop()
      }
    }

    /// On the addresses of the first one, with a journal and an admin port of its own.
    private static func secondVerifier(_ world: World) throws -> Daemon {
      let home = world.home
      let file = "\(home.directory)/verifier-2.json"
      let settings = Files.text(home.verifier.configurationFile)
      let admin = try Ports.choose()
      try Files.write(
        settings.replacing("\(home.directory)/journal", with: "\(home.directory)/journal-2")
          .replacing("127.0.0.1:\(home.ports["verifier"]!.admin)", with: "127.0.0.1:\(admin)"),
        to: file)
      return Daemon(
        name: "310000-verifier-2", service: "verifier", configurationFile: file,
        directory: world.directory, programs: world.programs)
    }

    @Test("without share_port a second verifier on the same address is refused by its port")
    func alone() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
        plan.people = 100
      } body: { world in
        let second = try Self.secondVerifier(world)
        do {
          try await second.start()
          await second.stop()
          Issue.record("the second one started")
        } catch let error as WorldError {
          #expect(error.message.contains("is in use by another process"), "\(error.message)")
        }
      }
    }
  }
}

/// Gates that scan without a pause, each on a connection of its own; a connection that is told to
/// go away is followed by another, as HTTP/2 wants it.
private final class Gates: Sendable {
  private struct State {
    var count = 0
    var isOver = false
    var faults: [String] = []
  }

  static let gates = 8
  private let site: Site
  private let codes: [String]
  private let state = Mutex(State())

  init(_ site: Site, codes: [String]) {
    self.site = site
    self.codes = codes
  }

  var count: Int { state.withLock { $0.count } }
  var faults: [String] { state.withLock { $0.faults } }
  var connections: Int { Self.gates }

  func stop() { state.withLock { $0.isOver = true } }

  func waitForScans(more: Int) async throws {
    let before = count
    try await eventually("\(more) more scans", within: .seconds(60)) {
      count >= before + more || !faults.isEmpty
    }
  }

  func run() async {
    await withTaskGroup { group in
      for gate in 0..<Self.gates { group.addTask { await self.scan(gate) } }
    }
  }

  private func scan(_ gate: Int) async {
    let token = site.credentials.token(.point)
    guard let client = try? site.newClient("verifier", token: token) else { return }
    defer { client.close() }
    let point = Point(client: client)
    var number = gate
    while !state.withLock({ $0.isOver }) {
      number += Self.gates
      do {
        try await point.scan(codes[number % codes.count], scene: "health_gate")
          .expected("accepted", "a scan during a restart")
        state.withLock { $0.count += 1 }
      } catch {
        state.withLock { $0.faults.append("gate \(gate): \(error)") }
        return
      }
    }
  }
}
