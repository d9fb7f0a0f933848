import JSON
import Server
import Testing
import World

extension EndToEnd {
  @Suite struct SharingTests {
    @Test("P-16: a verifier in another PID namespace is refused, with the rule and the cure")
    func pidNamespace() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.people = 100
      } body: { world in
        let home = world.home
        let free = ["admin_listen=127.0.0.1:0", "listen=127.0.0.1:0", "listen_h2c="]
        let settings = (free + ["journal_directory=\(home.directory)/journal-2"])
          .flatMap { ["--set", $0] }
        let serve =
          [world.programs.path(of: "verifier"), "serve", "--config"]
          + [home.verifier.configurationFile] + settings
        let isRoot = try await Command.require("id", ["-u"]) == "0\n"
        let refused = try await Command.run(
          "unshare", [isRoot ? "-pf" : "-Urpf", "--kill-child"] + serve, timeoutSeconds: 10)
        #expect(refused.ending != .exited(0))
        #expect(refused.output == "", "it never says that it is ready")
        for part in ["PID namespace", "shareProcessNamespace", "\(home.directory)/cache"] {
          #expect(refused.error.contains(part), "\(refused.error)")
        }
        // Those who share it go on.
        let (_, code) = try await world.resident()
        try await home.point().scan(code).expected("accepted", "the scan afterwards")
      }
    }

    @Test("a second issuer, and a load beside a running one, are refused by name")
    func oneWriter() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer"]
        plan.people = 100
      } body: { world in
        let issuer = world.programs.path(of: "issuer")
        let configuration = world.home.issuer.configurationFile
        let free = ["admin_listen=127.0.0.1:0", "listen=127.0.0.1:0", "listen_h2c="]
        let second = try await Command.run(
          issuer, ["serve", "--config", configuration] + free.flatMap { ["--set", $0] },
          timeoutSeconds: 10)
        #expect(second.ending == .exited(1) || second.ending == .exited(64))
        #expect(second.error.contains("\(world.home.directory)/"), "\(second.error)")
        let load = try await Command.run(
          issuer,
          [
            "load", "/dev/null", "--config", configuration, "--rejects",
            "\(world.directory)/rejects.csv",
          ], timeoutSeconds: 10)
        #expect(load.ending == .exited(1))
        #expect(load.error.contains("the issuer is running"), "\(load.error)")
        let (handle, _) = try await world.resident()
        _ = try await world.home.commission().set("yellow", of: handle)
      }
    }

    @Test("P-13: an issuer that halts in the middle of writing stops no scan")
    func haltedWriter() async throws {
      try await withWorld { world in
        let handles = try await world.handles(count: 32)
        let codes = try await world.sampleCodes(count: 32, of: handles)
        let client = try world.home.newClient(
          "issuer", token: world.home.credentials.token(.authority))
        let writer = Task {
          while !Task.isCancelled {
            for handle in handles.prefix(16) {
              _ = try? await Commission(client: client).answer(setting: "green", of: handle)
            }
          }
        }
        let point = try world.home.point()
        var ages: [Int64] = []
        for round in 0..<8 {
          try await Task.sleep(for: .milliseconds(Int.random(in: 20...120)))
          world.home.issuer.send(.stop)
          let before = try await point.scan(codes[round]).json["age_ms"]?.integer ?? 0
          for _ in 0..<4 {
            #expect(
              try await point.scanAll(codes) == Array(repeating: "accepted", count: codes.count))
            try await Task.sleep(for: .milliseconds(50))
          }
          let scan = try await point.scan(codes[round])
          ages.append((scan.json["age_ms"]?.integer ?? 0) - before)
          world.home.issuer.send(.proceed)
        }
        writer.cancel()
        await writer.value
        client.close()
        // The age of the knowledge rose by the time that the issuer stood still.
        #expect(ages.allSatisfy { $0 >= 190 }, "\(ages)")
      }
    }
  }
}
