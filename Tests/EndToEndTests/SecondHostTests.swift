import Testing
import World

extension EndToEnd {
  @Suite struct SecondHostTests {
    @Test("a second host fills its empty cache from the feed, follows it, and serves scans")
    func secondHost() async throws {
      try await withWorld { world in
        let handles = try await world.handles(count: 50)
        let codes = try await world.sampleCodes(count: 50, of: handles)
        _ = try await world.home.commission().set("yellow", of: handles[1])

        let host = try await world.addHost()
        try await host.relay.start()
        try await host.verifier.start()
        try await eventually("the second host is ready", within: .seconds(15)) {
          try await isReady(host.verifier, host, world)
        }
        #expect(
          try await host.point().scanAll(Array(codes.prefix(3)))
            == ["accepted", "colour", "accepted"])

        // What changes from now on comes through the log.
        for round in 0..<3 {
          _ = try await world.home.commission().set("red", of: handles[2], reason: round)
          try await eventually("red arrives at the second host", within: .seconds(2)) {
            try await host.point().scan(codes[2]).outcome == "colour"
          }
          _ = try await world.home.commission().set("green", of: handles[2], reason: round)
          try await eventually("green arrives at the second host", within: .seconds(2)) {
            try await host.point().scan(codes[2]).outcome == "accepted"
          }
        }

        // With the issuer gone, the second host goes on alone.
        await world.home.issuer.kill()
        #expect(try await host.point().scan(codes[4]).outcome == "accepted")
      }
    }

    @Test("a relay killed at any moment goes on exactly where its cache says")
    func resumes() async throws {
      try await withWorld { world in
        let handles = try await world.handles(count: 20)
        let codes = try await world.sampleCodes(count: 20, of: handles)
        let host = try await world.addHost()
        try await host.relay.start()
        try await host.verifier.start()
        try await eventually("the second host is ready", within: .seconds(15)) {
          try await isReady(host.verifier, host, world)
        }
        var colours = Array(repeating: "green", count: 20)
        for _ in 0..<10 {
          async let killed: Void = killLater(host)
          for _ in 0..<12 {
            let index = Int.random(in: 0..<20)
            colours[index] = colours[index] == "green" ? "red" : "green"
            _ = try await world.home.commission().set(colours[index], of: handles[index])
          }
          try await killed
          try await host.relay.start()
        }
        let wanted = colours.map { $0 == "green" ? "accepted" : "colour" }
        try await eventually("the second host knows all changes", within: .seconds(5)) {
          try await host.point().scanAll(codes) == wanted
        }
        // Nothing was taken twice, skipped or believed wrongly on the way.
        #expect(!Files.text(host.relay.logFile).contains("the feed was refused"))
      }
    }

    private func killLater(_ host: Site) async throws {
      try await Task.sleep(for: .milliseconds(Int.random(in: 0...120)))
      await host.relay.kill()
    }

    private func isReady(_ daemon: Daemon, _ site: Site, _ world: World) async throws -> Bool {
      try await Command.run(
        world.programs.path(of: daemon.service),
        ["health", "--admin-url", site.adminURL(daemon.service)]
      ).hasSucceeded
    }
  }
}
