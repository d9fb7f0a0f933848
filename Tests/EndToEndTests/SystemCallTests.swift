import Server
import Testing
import World

@testable import issuer

extension EndToEnd {
  /// The method of Tessera: one run counts the system calls that change files; then each is failed
  /// once, and what is left must be whole.
  @Suite(.enabled(if: System.exists("/usr/bin/strace")))
  struct SystemCallTests {
    /// All calls in turn, or some of them spread evenly.
    private static let isTorture = System.environment["CITYCODE_TORTURE"] != nil
    private static let casesMax = isTorture ? Int.max : 12

    @Test("P-03: whichever call of an `issuer compute` fails, there is a whole generation or none")
    func compute() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer"]
        plan.people = 300
      } body: { world in
        let records = "\(world.directory)/records"
        try await Command.require(
          world.programs.path(of: "issuer"),
          ["sample-records", "--records", "400", "--people", "300", "--out", records])
        let arguments = [
          "compute", "--plan", "\(world.programs.root)/deploy/plans/city-2020.yaml", "--records",
          records, "--rejects", "\(world.directory)/rejects.csv", "--config",
          "\(world.home.directory)/issuer.json",
        ]
        let tracer = Tracer(world)
        let cases = try await tracer.cases(of: arguments, max: Self.casesMax)
        var failed = 0
        for fault in cases {
          let ending = try await tracer.run(arguments, fault)
          if ending == .exited(0) { continue }
          failed += 1
          #expect(ending == .exited(1) || ending == fault.expectedEnding, "\(fault): \(ending)")
          let list = try await world.issuer("generations", "list", "--json")
          #expect(list.hasSucceeded && !list.output.contains("\"damage\""), "\(fault)")
        }
        print("P-03: \(cases.count) calls of a computation failed, \(failed) ended it")
        #expect(failed > 0)
        let last = try await Command.run(world.programs.path(of: "issuer"), arguments)
        #expect(last.hasSucceeded, "\(last.error)")
        let building = Files.names(in: "\(world.home.directory)/data/generations")
        #expect(!building.contains { $0.contains("building") })
      }
    }

    private static func activation(_ world: World, _ number: UInt32) -> [String] {
      ["activate", "\(number)", "--config", "\(world.home.directory)/issuer.json"]
    }

    @Test("P-03: whichever call of an `issuer activate` fails, it has happened or not, and no half")
    func activate() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer"]
        plan.people = 1_000
      } body: { world in
        let watch = try await Survivors(world)
        let tracer = Tracer(world)
        let first = try await watch.compute()
        await world.home.issuer.stop()
        // By `write` threads wake each other here, too, and no disk makes that fail.
        let cases = try await tracer.cases(
          of: Self.activation(world, first), max: Self.casesMax, leavingOut: ["write", "writev"])
        try await world.home.issuer.start()
        world.home.forgetClients()
        var failed = 0
        for fault in cases {
          let number = try await watch.compute()
          await world.home.issuer.stop()
          let ending = try await tracer.run(Self.activation(world, number), fault)
          if ending != .exited(0) { failed += 1 }
          var endings: [Spawn.Ending] = [.exited(0), .exited(1), .exited(64), fault.expectedEnding]
          // Calls are numbered by thread: the first that libdispatch's own makes is to open
          // /proc/PID/stat, without which it traps. That is an end like a kill.
          if fault.call == "openat", fault.number == 1 { endings.append(.signalled(4)) }
          #expect(endings.contains(ending), "\(fault): \(ending)")
          world.home.forgetClients()
          try await world.home.issuer.start()
          try await watch.check(acknowledged: ending == .exited(0) ? number : nil, "\(fault)")
        }
        print("P-03: \(cases.count) calls of an activation failed, \(failed) ended it")
        #expect(failed > 0)
      }
    }

    @Test("P-03: whichever call of a serving issuer fails as it activates, it lives and is whole")
    func serving() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer"]
        plan.people = 1_000
      } body: { world in
        let watch = try await Survivors(world)
        let tracer = Tracer(world)
        // The issuer's beats make calls too, so more than one activation's are counted.
        let first = try await watch.compute()
        let counts = try await tracer.attached(to: world.home.issuer, nil) {
          _ = try await world.issuer(Self.activation(world, first))
        }
        let cases = Fault.some(of: counts, max: Self.casesMax).filter { $0.kind != .kill }
        for fault in cases {
          let number = try await watch.compute()
          var isDone = false
          _ = try await tracer.attached(to: world.home.issuer, fault) {
            let answer = try await world.issuer(Self.activation(world, number), timeoutSeconds: 30)
            isDone = answer.hasSucceeded
            await watch.write()
          }
          #expect(world.home.issuer.isAlive, "\(fault) ended the issuer")
          let ending = await world.home.issuer.stop()
          #expect(ending == .exited(0), "\(fault)")
          world.home.forgetClients()
          try await world.home.issuer.start()
          try await watch.check(acknowledged: isDone ? number : nil, "\(fault)")
        }
        print("P-03: \(cases.count) calls of a serving issuer failed while it activated")
        #expect(cases.count > 3)
      }
    }
  }
}
