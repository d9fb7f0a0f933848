import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct DiskFullTests {
    @Test("P-06: with the disk full writes fail by name and scans go on; room cures it, no restart")
    func diskFull() async throws {
      var plan = World.Plan(directory: "/tmp/citycode-world-\(Scratchpad.next())")
      plan.regions = ["310000"]
      plan.services = ["issuer", "verifier"]
      plan.people = 200
      let place = "\(plan.directory)/310000/disk"
      let issuer = ["data_directory": "\(place)/data", "cache_directory": "\(place)/cache"]
      plan.settings["issuer"] = issuer.merging(["loops": "1"]) { $1 }
      plan.settings["verifier"] = ["cache_directory": "\(place)/cache", "loops": "1"]
      let world = try await World(plan)
      try Files.makeDirectory(place)
      guard let disk = try await SmallDisk(at: place, mebibytes: 8) else {
        try await Files.removeDirectory(world.directory)
        return print("P-06: not tested, the kernel gives no mount namespace here")
      }
      let watcher = try Watcher(directory: world.directory)
      do {
        try await disk.load(world)
        for daemon in world.home.daemons { try await daemon.start(under: disk.entering) }
        try await story(world, disk)
      } catch {
        Issue.record("\(error); the world's logs are in \(world.directory)/logs")
      }
      await world.stop()
      await watcher.dismiss()
      await disk.end()
      try await Files.removeDirectory(world.directory)
    }

    private func story(_ world: World, _ disk: SmallDisk) async throws {
      let (handle, code) = try await world.resident()
      let point = try world.home.point()
      let commission = try world.home.commission()
      let processes = world.home.daemons.map(\.processID)
      try await disk.fill()
      var refused: [String: Int] = [:]
      var written = 0
      var scans = 0
      var attempts = 0
      // Free pages inside the files take some writes yet, and sealing frees a few more.
      while refused.values.reduce(0, +) < 100, written < 20_000 {
        let answer = try await commission.answer(
          setting: "green", of: handle, reason: written % 200,
          idempotencyKey: "full-\(attempts)")
        if answer.status == 200 {
          written += 1
        } else {
          #expect([503, 507].contains(answer.status), "\(answer.text)")
          #expect(answer.json["detail"]?.string?.isEmpty == false)
          refused[answer.problem ?? "\(answer.status)", default: 0] += 1
        }
        attempts += 1
        if attempts % 10 == 0 {
          _ = try await point.scan(code).expected("accepted", "a scan while the disk is full")
          scans += 1
        }
      }
      print("P-06: \(written) writes went on, then refused: \(refused); \(scans) scans accepted")
      #expect(refused.keys.contains("disk_full"))
      #expect(scans >= 10)
      let health = try await Command.run(
        world.programs.path(of: "issuer"),
        ["health", "--admin-url", world.home.adminURL("issuer")])
      #expect(!health.hasSucceeded && health.output.contains("disk"), "\(health.output)")

      try await disk.free()
      try await eventually("writes are taken again", within: .seconds(10)) {
        try await commission.answer(
          setting: "red", of: handle, reason: 7, idempotencyKey: "freed"
        ).status == 200
      }
      let scan = try await point.scan(code)
      #expect(scan.outcome == "colour")
      #expect(world.home.daemons.map(\.processID) == processes)
      #expect(!world.home.daemons.contains { !$0.isAlive })
      // And what is on that disk is whole.
      for daemon in world.home.daemons {
        await daemon.stop()
        try await daemon.start(under: disk.entering)
      }
      world.home.forgetClients()
      let status = try await world.home.channel().status(of: handle)
      #expect(status["colour"]?.string == "red" && status["reason"]?.integer == 7)
    }
  }
}

/// A small file system of its own, in a mount namespace that processes enter.
private struct SmallDisk {
  private let place: String
  private let holder: Int32
  /// Put before a command, it runs where the disk is.
  let entering: [String]

  /// `nil` where the kernel lets nobody make a mount namespace.
  init?(at place: String, mebibytes: Int) async throws {
    self.place = place
    let isRoot = try await Command.require("id", ["-u"]) == "0\n"
    let unshare = isRoot ? ["-m"] : ["-Urm"]
    guard try await Command.run("unshare", unshare + ["true"]).hasSucceeded else { return nil }
    let mounted = "\(place).mounted"
    holder = try Spawn.start(
      "unshare",
      unshare + [
        "sh", "-c",
        "mount -t tmpfs -o size=\(mebibytes)m tmpfs '\(place)' && touch '\(mounted)'"
          + " && exec sleep 3600",
      ], streams: .init(output: .null, error: .null))
    let target = ["-t", "\(holder)", "-m"] + (isRoot ? [] : ["-U", "--preserve-credentials"])
    entering = ["nsenter"] + target + ["--"]
    try await eventually("the disk is mounted", within: .seconds(10)) { Spawn.exists(mounted) }
  }

  private func run(_ script: String) async throws -> Command.Result {
    try await Command.run(entering[0], entering.dropFirst() + ["sh", "-c", script])
  }

  func load(_ world: World) async throws {
    let issuer = world.programs.path(of: "issuer")
    let result = try await run(
      "'\(issuer)' sample --people \(world.plan.people) --seed 1 --region 310000"
        + " | '\(issuer)' load - --config '\(world.home.directory)/issuer.json'"
        + " --rejects '\(world.directory)/rejects.csv'")
    #expect(result.hasSucceeded, "\(result.error)")
  }

  /// Takes all room that is left.
  func fill() async throws {
    let result = try await run("cat /dev/zero > '\(place)/ballast'")
    #expect(result.error.contains("No space left"), "\(result.error)")
  }

  func free() async throws {
    #expect(try await run("rm '\(place)/ballast'").hasSucceeded)
  }

  func end() async {
    Spawn.send(.kill, to: holder)
    _ = try? await Command.ending(of: holder, within: .seconds(5))
  }
}
