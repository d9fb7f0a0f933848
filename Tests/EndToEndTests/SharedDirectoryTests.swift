import JSON
import Server
import Storage
import Testing
import World

extension EndToEnd {
  /// Mistakes with directories: two issuers on one, and programs of different versions.
  @Suite struct SharedDirectoryTests {
    @Test("P-92: a second issuer on the same directories is refused by name, the first goes on")
    func secondIssuer() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer"]
        plan.people = 50
      } body: { world in
        let home = world.home
        let (handle, _) = try await world.resident()
        let other = "\(world.directory)/other"
        try Files.makeDirectory(other)
        let ports = ["listen=127.0.0.1:0", "listen_h2c=", "admin_listen=127.0.0.1:0"]
        // With the cache of another host it still is the same log.
        for settings in [[], ["cache_directory=\(other)"], ["data_directory=\(other)"]] {
          let result = try await Command.run(
            world.programs.path(of: "issuer"),
            ["serve", "--config", "\(home.directory)/issuer.json"]
              + (ports + settings).flatMap { ["--set", $0] })
          #expect(!result.hasSucceeded)
          #expect(
            result.error.contains("process \(home.issuer.processID ?? 0) is its writer"),
            "\(result.error)")
        }
        _ = try await home.commission().set("red", of: handle)
        #expect(home.issuer.isAlive)
      }
    }

    /// Writes a record of the format by hand, as another version of the program would.
    private func record(_ text: String, _ name: String, in directory: String) throws {
      let environment = try Environment(directory: directory)
      let meta = try environment.table("meta")
      try environment.write { transaction throws(StorageError) in
        try transaction.put(meta, key: Array(name.utf8).span, value: Array(text.utf8).span)
      }
    }

    private func start(_ world: World, _ service: String) async throws -> Command.Result {
      try await Command.run(
        world.programs.path(of: service),
        ["serve", "--config", "\(world.home.directory)/\(service).json"], timeoutSeconds: 10)
    }

    @Test(
      "P-90: what a newer version wrote is refused with the cure, what an older wrote made anew")
    func formats() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
        plan.people = 50
      } body: { world in
        let home = world.home
        let (handle, code) = try await world.resident()
        _ = try await home.commission().set("yellow", of: handle)
        await world.stop()

        try record("9", "format", in: "\(home.directory)/data")
        let issuer = try await start(world, "issuer")
        #expect(issuer.error.contains("format 9") && issuer.error.contains("the registry"))
        #expect(issuer.error.contains("before the upgrade"), "\(issuer.error)")
        try record("1", "format", in: "\(home.directory)/data")
        let older = try await start(world, "issuer")
        #expect(older.error.contains("format 1") && older.error.contains("load the population"))
        try record("2", "format", in: "\(home.directory)/data")

        try record("9", "format", in: "\(home.directory)/journal")
        let verifier = try await start(world, "verifier")
        #expect(verifier.error.contains("format 9") && verifier.error.contains("the scan journal"))
        try record("1", "format", in: "\(home.directory)/journal")

        try record("9 310000", "region", in: "\(home.directory)/cache")
        for service in ["issuer", "verifier"] {
          let result = try await start(world, service)
          #expect(!result.hasSucceeded && result.error.contains("the status cache"))
          #expect(result.error.contains("empty the directory"), "\(result.error)")
        }

        // An older one: the verifier starts, and serves once the issuer has made the cache anew.
        try record("1 310000", "region", in: "\(home.directory)/cache")
        try await home.verifier.start()
        #expect(try await home.point().scan(code).outcome != "accepted")
        try await home.issuer.start()
        try await eventually("the verifier serves", within: .seconds(10)) {
          try await home.point().scan(code).outcome == "colour"
        }
      }
    }
  }
}
