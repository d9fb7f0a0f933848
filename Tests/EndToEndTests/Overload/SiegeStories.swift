import Foundation
import RawHTTP2
import Testing
import World

extension EndToEnd {
  @Suite struct SiegeStories {
    /// A world of one region with a verifier that many clients of one address may call.
    private func withVerifier(
      _ settings: [String: String] = [:],
      body: (World, _ token: String, _ code: String) async throws -> Void
    ) async throws {
      try await withWorld { plan in
        plan.people = 200
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
        plan.settings["verifier"] = settings
      } body: { world in
        let (_, code) = try await world.resident()
        try await body(world, world.home.credentials.token(.point), code)
      }
    }

    @Test("P-36: open connections keep their p99 while handshakes storm in beyond their rate")
    func handshakeStorm() async throws {
      let settings = ["handshakes_per_second": "100", "handshake_wait_milliseconds": "300"]
      try await withVerifier(settings) { world, token, code in
        let endpoint = world.verifierEndpoint(isTLS: true)
        let quiet = try await onThread {
          try HonestScanner.run(of: endpoint, token: token, code: code, times: 300)
        }
        let stop = StopFlag()
        async let honest = onThread {
          try HonestScanner.run(of: endpoint, token: token, code: code, until: stop)
        }
        try await Task.sleep(for: .milliseconds(300))
        let begin = ContinuousClock.now
        for _ in 0..<4 {
          // Its exit status says that connections were refused, which is what is wanted.
          _ = try await Command.run(
            "h2load", ["-n", "500", "-c", "500", world.home.url("verifier") + "/v1/scans"])
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        stop.set()
        let report = try await honest
        let full = try await world.verifierMetric("citycode_tls_handshakes_total{result=\"full\"}")
        let refused = try await world.verifierMetric(
          "citycode_tls_handshakes_total{result=\"refused\"}")
        print(
          "P-36: \(full) full, \(refused) refused in \(seconds) s, p99 \(quiet.p99), \(report.p99)")
        #expect(report.failed == 0, "\(report.lastFault)")
        #expect(report.accepted > 100)
        #expect(report.p99 <= max(quiet.p99 * 10, .milliseconds(250)))
        #expect(refused > 100, "what exceeds the rate is refused")
        #expect(full > 100, "what does not is served")
        #expect(full <= 100 * (seconds + 2) + 50, "no more than the rate begin")
      }
    }

    @Test("P-45: honest gates succeed beside rapid resets and clients that stop halfway")
    func attackDuringPeak() async throws {
      try await withVerifier { world, token, code in
        let endpoint = world.verifierEndpoint(isTLS: true)
        let attack = Attack(on: world)
        let stop = StopFlag()
        async let one = onThread {
          try HonestScanner.run(of: endpoint, token: token, code: code, until: stop)
        }
        async let two = onThread {
          try HonestScanner.run(of: endpoint, token: token, code: code, pause: 0, until: stop)
        }
        async let attacked = attack.run(slowClients: 300, until: stop)
        try await Task.sleep(for: .seconds(6))
        stop.set()
        let (first, second, siege) = try await (one, two, attacked)
        print(
          "P-45: \(first.accepted)+\(second.accepted), p99 \(first.p99) \(second.p99), \(siege)")
        for report in [first, second] {
          #expect(report.accepted > 200)
          #expect(report.perMille >= 999, "\(report.failed) failed: \(report.lastFault)")
        }
        #expect(siege.resetsSent > 5_000 && siege.connectionsLost > 4 && siege.slowClients >= 300)
      }
    }

    @Test("P-38: the verifier stays alive and below 512 MB under flood, slow clients and load")
    func memoryCap() async throws {
      let cap = 512 << 20
      try await withVerifier { world, token, code in
        let endpoint = world.verifierEndpoint(isTLS: true)
        let process = try #require(world.home.verifier.processID)
        let group = MemoryGroup(limitBytes: cap, processID: process)
        print("P-38: the cap is \(group == nil ? "watched only" : "a control group's")")
        let stop = StopFlag()
        async let honest = onThread {
          try HonestScanner.run(of: endpoint, token: token, code: code, pause: 0, until: stop)
        }
        async let attacked = Attack(on: world).run(slowClients: 600, until: stop)
        try await Task.sleep(for: .seconds(6))
        let resident = ProcessFacts.memory("VmHWM", of: process)
        stop.set()
        await group?.leave(process)
        let peak = try #require(resident)
        let (report, siege) = try await (honest, attacked)
        print("P-38: peak \(peak >> 20) MB, \(report.accepted) scans, \(siege)")
        #expect(peak < cap, "\(peak >> 20) MB")
        #expect(report.perMille >= 999, "\(report.failed) failed: \(report.lastFault)")
        #expect(world.home.verifier.processID == process)
        let after = try await onThread {
          try HonestScanner.run(of: endpoint, token: token, code: code, times: 20)
        }
        #expect(after.failed == 0)
      }
    }
  }
}

/// A control group (v1) with a memory limit, where this user may make one.
private struct MemoryGroup {
  private let path: String

  /// Puts the process into a group of its own; `nil` when that is not allowed here.
  init?(limitBytes: Int, processID: Int32) {
    path = "/sys/fs/cgroup/memory/citycode-\(Scratchpad.next())"
    let isMade: Void? = try? FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: false)
    guard isMade != nil else { return nil }
    guard Self.write("\(limitBytes)", "\(path)/memory.limit_in_bytes"),
      Self.write("\(processID)", "\(path)/cgroup.procs")
    else { return nil }
  }

  /// Puts the process back and removes the group.
  func leave(_ processID: Int32) async {
    _ = Self.write("\(processID)", "/sys/fs/cgroup/memory/cgroup.procs")
    _ = try? await Command.run("rmdir", [path])
  }

  private static func write(_ text: String, _ file: String) -> Bool {
    guard let handle = FileHandle(forWritingAtPath: file) else { return false }
    defer { try? handle.close() }
    return (try? handle.write(contentsOf: Data(text.utf8))) != nil
  }
}
