import Testing
import World

extension EndToEnd {
  @Suite struct LeastPrivilegeTests {
    /// A user and its own group; `shared` is the group of those who use the status cache.
    private struct User {
      static let shared = 61_000
      let number: Int

      /// Put before a command, it runs as this user; `copies` holds the programs, as the place they
      /// were built in may be closed to others.
      func becoming(_ copies: String, _ program: String) -> [String] {
        command + ["sh", "-c", "shift; exec '\(copies)/\(program)' \"$@\"", "sh"]
      }

      var command: [String] {
        ["setpriv", "--reuid=\(number)", "--regid=\(number)", "--groups=\(Self.shared)"]
          + ["--inh-caps=-all", "--bounding-set=-all"]
      }

      func run(_ script: String) async throws -> Command.Result {
        try await Command.run("setpriv", command.dropFirst() + ["sh", "-c", script])
      }
    }

    @Test(
      "P-59: a verifier of its own user answers scans, and can neither write the cache nor read")
    func separateUsers() async throws {
      guard try await Command.require("id", ["-u"]) == "0\n" else {
        return print("P-59: not tested, only root can become other users")
      }
      let (issuer, verifier) = (User(number: 61_001), User(number: 61_002))
      var plan = World.Plan(directory: "/tmp/citycode-world-\(Scratchpad.next())")
      plan.regions = ["310000"]
      plan.services = ["issuer", "verifier"]
      plan.people = 50
      let world = try await World(plan)
      let watcher = try Watcher(directory: world.directory)
      do {
        try await world.load()
        try await give(world, issuer, verifier)
        let copies = "\(world.directory)/bin"
        try await world.home.issuer.start(under: issuer.becoming(copies, "issuer"))
        try await world.home.verifier.start(under: verifier.becoming(copies, "verifier"))
        try await check(world, verifier)
      } catch {
        Issue.record("\(error); the world's logs are in \(world.directory)/logs")
      }
      await world.stop()
      await watcher.dismiss()
      try await Files.removeDirectory(world.directory)
    }

    /// Gives everybody what is theirs, as a package's installation would.
    private func give(_ world: World, _ issuer: User, _ verifier: User) async throws {
      let home = world.home.directory
      let (i, v, shared) = (issuer.number, verifier.number, User.shared)
      let script = """
        set -e
        mkdir '\(world.directory)/bin' '\(home)/journal'
        cp '\(world.programs.path(of: "issuer"))' '\(world.programs.path(of: "verifier"))' \
          '\(world.directory)/bin'
        cp -r '\(world.programs.scenes)' '\(world.directory)/scenes'
        chmod -R go+rX '\(world.directory)/bin' '\(world.directory)/scenes' '\(world.directory)/ca'
        chmod 0711 '\(world.directory)' '\(home)'
        chmod 0600 '\(world.directory)/ca/ca.key'
        chown -R \(i):\(i) '\(home)/data' '\(home)/secrets' '\(home)'/issuer*
        chown -R \(v):\(v) '\(home)/journal' '\(home)'/verifier*
        chown -R \(i):\(shared) '\(home)/cache' && chmod 2750 '\(home)/cache'
        chgrp \(shared) '\(home)/ticket-secret' && chmod 0640 '\(home)/ticket-secret'
        sed -i 's|"scenes_directory":"[^"]*"|"scenes_directory":"\(world.directory)/scenes"|' \
          '\(home)/verifier.json'
        chown \(v):\(v) '\(home)/verifier.json'
        """
      try await Command.require("sh", ["-c", script])
    }

    private func check(_ world: World, _ verifier: User) async throws {
      let home = world.home.directory
      let (_, code) = try await world.resident()
      #expect(try await world.home.point().scan(code).outcome == "accepted")
      let status = Files.text("/proc/\(world.home.verifier.processID ?? 0)/status")
      #expect(status.contains("Uid:\t\(verifier.number)\t\(verifier.number)"))
      #expect(status.contains("CapEff:\t0000000000000000"))
      // It may read what a scan needs ...
      #expect(try await verifier.run("cat '\(home)/cache/data.mdb' > /dev/null").hasSucceeded)
      // ... and nothing else.
      for attempt in [
        ": >> '\(home)/cache/data.mdb'", "rm -f '\(home)/cache/data.mdb'",
        ": > '\(home)/cache/epoch-keys'", "touch '\(home)/cache/new'",
        "cat '\(home)/secrets/region-secret'", "cat '\(home)/secrets/pepper'",
        "cat '\(home)/secrets/sealer.pem'", "cat '\(home)/data/data.mdb'", "ls '\(home)/data'",
        "cat '\(home)/issuer.key'",
      ] {
        let result = try await verifier.run(attempt)
        #expect(!result.hasSucceeded, "the verifier's user can \(attempt)")
        #expect(result.error.contains("Permission denied"), "\(attempt): \(result.error)")
      }
    }
  }
}
