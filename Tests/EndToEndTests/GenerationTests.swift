import Codes
import HTTP2
import JSON
import Server
import Testing
import World

extension EndToEnd {
  @Suite struct GenerationTests {
    @Test(
      "P-24, P-17: activations and rollbacks under load lose no scan, mix nothing, lose no change")
    func underLoad() async throws {
      try await withWorld { plan in
        plan.people = 20_000
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
      } body: { world in
        let handles = try await world.handles(count: 66)
        let codes = try await world.sampleCodes(count: 64, of: Array(handles[2...]))
        let host = try await world.addHost()
        try await host.relay.start()
        try await host.verifier.start()
        try await eventually("the second host serves", within: .seconds(30)) {
          try await host.point().scan(codes[0]).outcome == "accepted"
        }
        let watches = [world.home, host].map { GenerationWatch($0, codes: codes) }
        let changes = WriteLoad(site: world.home, handles: Array(handles[0..<2]))
        async let watching: Void = withTaskGroup { group in
          for watch in watches { group.addTask { await watch.run() } }
        }
        async let written = changes.run(until: { watches[0].found.isOver || Task.isCancelled })
        var (order, waits) = ([Int64(0)], [Double]())
        for round in 0..<6 {
          let number = try world.compute(
            [.yellow, .red, .green][round % 3], reason: UInt8(round + 1))
          waits.append(try await world.switching("activate", "\(number)"))
          order.append(Int64(round + 1))
          try await Self.seen(order, by: watches[1])
          waits.append(try await world.switching("rollback"))
          order.append(order[order.count - 2])
          waits.append(try await world.switching("activate", "\(number)"))
          order.append(Int64(round + 1))
          try await Self.seen(order, by: watches[1])
        }
        for watch in watches { watch.end() }
        await watching
        let count = try await written
        try await changes.check()
        for (watch, name) in zip(watches, ["home", "second host"]) {
          let found = watch.found
          print("P-24: \(name): \(found.batches * 64) scans, \(found.seen.count) switches seen")
          #expect(found.lost.isEmpty, "\(name): \(found.lost.count), \(found.lost.prefix(2))")
          #expect(found.mixed.isEmpty, "\(name): \(found.mixed.prefix(5))")
          #expect(Self.isPart(found.seen, of: order), "\(name) saw \(found.seen) of \(order)")
        }
        let median = waits.sorted()[waits.count / 2]
        print(
          "P-24: \(count) changes meanwhile waited \(median) ms for a switch, or \(waits.max()!)")
        #expect(watches[0].found.seen.count > order.count / 2)
        #expect(count > 10)
        #expect(waits.count == 18 && median < 1_000)
      }
    }

    /// Waits until a host shows the last of `order`.
    private static func seen(_ order: [Int64], by watch: GenerationWatch) async throws {
      try await eventually("the second host shows generation \(order.last!)", within: .seconds(60))
      {
        watch.found.seen.last == order.last || !watch.found.lost.isEmpty
      }
    }

    /// Whether `seen` is `order` with some left out.
    private static func isPart(_ seen: [Int64], of order: [Int64]) -> Bool {
      var rest = order[...]
      for number in seen {
        guard let index = rest.firstIndex(of: number) else { return false }
        rest = rest[index...]
      }
      return true
    }

    @Test("P-03: killed at any moment, an activation or rollback has happened or not, and no half")
    func killed() async throws {
      try await withWorld { plan in
        plan.people = 20_000
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
      } body: { world in
        let handles = try await world.handles(count: 65)
        let codes = try await world.sampleCodes(count: 64, of: Array(handles[1...]))
        var position = 0
        let start = ContinuousClock.now
        var kills = 0
        var done = 0
        while kills < 40, kills < 16 || ContinuousClock.now - start < .seconds(45) {
          let number = try world.compute(kills % 2 == 0 ? .yellow : .red, reason: UInt8(kills + 1))
          position += 1
          _ = try await world.home.commission().set("green", of: handles[0], reason: position)
          let whileServing = kills % 3 != 2
          if whileServing {
            async let answered = world.issuer("activate", "\(number)")
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...160)))
            await world.home.issuer.kill()
            done += try await answered.hasSucceeded ? 1 : 0
          } else {
            await world.home.issuer.kill()
            try await Self.runKilled(
              world, kills % 2 == 0 ? ["rollback"] : ["activate", "\(number)"])
          }
          world.home.forgetClients()
          try await world.home.issuer.start()
          kills += 1
          try await Self.check(world, codes, handles[0], position, last: number)
        }
        print("P-03: \(kills) kills while switching, \(done) of them after it was done")
      }
    }

    /// Starts the command and kills it.
    private static func runKilled(_ world: World, _ arguments: [String]) async throws {
      let process = try Spawn.start(
        world.programs.path(of: "issuer"),
        arguments + ["--config", "\(world.home.directory)/issuer.json"],
        streams: .init(output: .null, error: .null))
      try await Task.sleep(for: .milliseconds(Int.random(in: 0...120)))
      Spawn.send(.kill, to: process)
      _ = try await Command.ending(of: process, within: .seconds(10))
    }

    /// Everybody shows the generation that the issuer says is in force; the change by hand stays.
    private static func check(
      _ world: World, _ codes: [String], _ handle: String, _ position: Int, last: UInt32
    ) async throws {
      let inForce = try await world.generationInForce()
      let statuses = try await world.home.commission().statuses(of: [handle])
      #expect(statuses[0]["reason"]?.integer == Int64(position))
      let client = try world.home.client("verifier", as: .point)
      let answer = try await client.send(
        .post, "/v1/scans/batch", type: "text/plain",
        body: Array(codes.joined(separator: "\n").utf8), timeoutMilliseconds: 60_000)
      let reasons = Set((answer.json["answers"]?.array ?? []).map { $0["reason"]?.integer })
      // Generation N was made with the reason N.
      #expect(reasons == [inForce])
      #expect(inForce <= Int64(last))
    }

    @Test("what there is, what it would change, and orders that are refused")
    func listing() async throws {
      try await withWorld { plan in
        plan.people = 1_000
        plan.regions = ["310000"]
        plan.services = ["issuer"]
      } body: { world in
        let none = try await world.issuer("rollback")
        #expect(!none.hasSucceeded && none.error.contains("nothing to go back to"))
        let unknown = try await world.issuer("activate", "9")
        #expect(!unknown.hasSucceeded && unknown.error.contains("there is no generation 9"))
        try world.compute(.red, reason: 1)
        try world.compute(.green, reason: 2)
        let list = try await world.issuer("generations")
        #expect(list.output.contains("from plan end-to-end"), "\(list.error)")
        #expect(list.output.contains("would change 1000 colours now: 1000 green to red"))
        #expect(list.output.contains("would change no colour now"))
        _ = try await world.switching("activate", "1")
        let json = try JSONParser.parse(
          Array(try await world.issuer("generations", "list", "--json").output.utf8))
        #expect(json["in_force"]?.integer == 1 && json["may_roll_back"]?.bool == true)
        let second = json["generations"]?.array?.last
        #expect(second?["changes"]?["red_to_green"]?.integer == 1_000)
        #expect(second?["counts"]?["green"]?.integer == 1_000)

        let file = "\(world.directory)/colours.csv"
        let export = try await world.issuer("generations", "export", "1", "--out", file)
        #expect(export.hasSucceeded, "\(export.error)")
        let lines = Files.text(file).split(separator: "\n")
        #expect(lines.count == 1_001 && lines[0] == "serial,colour,reason,valid_until")
        #expect(lines[1_000] == "1000,red,1,2040-01-01T00:00:00Z")

        // The commands do the work themselves while nobody serves.
        await world.home.issuer.stop()
        let back = try await world.issuer("rollback")
        #expect(back.output.contains("no computed generation is in force"), "\(back.error)")
        try await world.home.issuer.start()
        #expect(try await world.generationInForce() == 0)
        #expect(Files.text(world.home.issuer.logFile).contains("generation") == true)
      }
    }
  }
}
