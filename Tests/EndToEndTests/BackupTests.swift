import Codes
import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct BackupTests {
    @Test("P-09: `issuer backup` under load; `issuer restore` on an empty host; it serves the same")
    func backupAndRestore() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
        plan.people = 1_000
      } body: { world in
        let home = world.home
        let handles = try await world.handles(count: 43)
        let codes = try await world.sampleCodes(count: 40, of: Array(handles[3...]))
        _ = try await home.commission().set("yellow", of: handles[3])
        try world.compute(.green, reason: 1)
        _ = try await home.commission().killCodes(of: handles[5])
        _ = try await world.switching("activate", "1")

        // Each of three writers counts in the reason of its holder.
        let load = WriteLoad(site: home, handles: Array(handles[..<3]))
        let backup = "\(world.directory)/backup"
        let done = Flag()
        async let written = load.run(until: { done.isSet })
        let result = try await world.issuer("backup", backup)
        done.set()
        let count = try await written
        #expect(result.hasSucceeded, "\(result.error)")
        #expect(result.output.contains("It holds no keys") && count > 0, "\(result.output)")
        #expect(Files.names(in: backup).contains("manifest.json"))
        for key in ["region-secret", "pepper", "sealer.pem"] {
          let secret = Files.text("\(home.directory)/secrets/\(key)")
          for name in Files.names(in: backup) {
            #expect(!Files.text("\(backup)/\(name)").contains(secret), "\(name) holds \(key)")
          }
        }
        let before = try await home.point().scanAll(codes)
        #expect(before.contains("accepted") && before.contains("killed"))

        let full = try await world.issuer("restore", backup)
        #expect(!full.hasSucceeded && full.error.contains("is not empty"), "\(full.error)")

        // The disk is lost.
        await home.verifier.kill()
        await home.issuer.kill()
        for name in ["data", "cache"] {
          try await Files.removeDirectory("\(home.directory)/\(name)")
        }
        let restored = try await world.issuer("restore", backup)
        #expect(restored.hasSucceeded, "\(restored.error)")
        try await home.issuer.start()
        try await home.verifier.start()
        home.forgetClients()
        try await eventually("the verifier serves again", within: .seconds(10)) {
          try await home.point().scan(codes[0]).outcome != "stale_cache"
        }
        #expect(try await home.point().scanAll(codes) == before)
        #expect(try await world.generationInForce() == 1)
        // A new holder gets none of the serials that may have been given since.
        let people = try await world.sample(of: home, count: 1_500).dropFirst(1_000)
        let newcomer = people.first { $0.kind == "resident" }!
        let handle = try await home.channel().register(newcomer)
        #expect(try await home.channel().status(of: handle)["colour"]?.string == "green")
      }
    }
  }
}

/// Set once, by any thread.
private final class Flag: Sendable {
  private let lock = Trace()

  var isSet: Bool { !lock.all.isEmpty }

  func set() { lock.note("set") }
}
