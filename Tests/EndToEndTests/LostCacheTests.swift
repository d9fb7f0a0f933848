import Testing
import World

extension EndToEnd {
  @Suite struct LostCacheTests {
    @Test("P-04: a status cache that is gone is built again from the log before anything is served")
    func rebuilt() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
      } body: { world in
        let handles = try await world.handles(count: 40)
        let codes = try await world.sampleCodes(count: 40, of: handles)
        _ = try await world.home.commission().set("yellow", of: handles[3])
        _ = try await world.home.commission().killCodes(of: handles[5])
        _ = try await world.home.commission().set("red", of: handles[7])
        await world.home.verifier.kill()
        await world.home.issuer.kill()
        try await Files.removeDirectory("\(world.home.directory)/cache")

        try await world.home.issuer.start()
        try await world.home.verifier.start()
        world.home.forgetClients()
        try await eventually("the verifier serves again", within: .seconds(10)) {
          try await world.home.point().scan(codes[0]).outcome == "accepted"
        }
        var wanted = Array(repeating: "accepted", count: 40)
        wanted[3] = "colour"
        wanted[5] = "killed"
        wanted[7] = "colour"
        #expect(try await world.home.point().scanAll(codes) == wanted)
      }
    }
  }
}
