import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct PopulationTests {
    @Test(
      "loading twice changes nothing; what cannot be taken is in the rejects file with its line")
    func rejects() async throws {
      try await withIssuer { world in
        let sample = try await Command.require(
          world.programs.path(of: "issuer"),
          ["sample", "--people", "200", "--seed", "9", "--region", "310000"])
        let lines = sample.split(separator: "\n").map(String.init)
        var bad = lines
        bad.insert("resident_id,110105194912310021,resident,张三,13800000000,,", at: 3)
        bad.insert("library_card,77,resident,李四,13800000000,,", at: 10)
        bad.append(lines[1])
        let path = "\(world.directory)/people.csv"
        let rejects = "\(world.directory)/rejects.csv"
        try Files.write(bad.joined(separator: "\n") + "\n", to: path)

        let first = try await load(world, [path])
        #expect(first.hasSucceeded, "\(first.error)")
        let named = Files.text(rejects)
        #expect(named.contains("\n4,bad_check_digit,"))
        #expect(named.contains("\n11,bad_document_type,"))

        let second = try await load(world, [path])
        #expect(second.hasSucceeded, "\(second.error)")
        #expect(first.output + first.error != second.output + second.error)

        try await world.start()
        let person = try Person.rows(sample)[5]
        #expect(try await world.home.channel().registration(person).status == 200)
      }
    }

    @Test("a file that cannot be read at all is refused with line and cure")
    func refusals() async throws {
      try await withIssuer { world in
        let path = "\(world.directory)/people.csv"
        func refuses(_ bytes: [UInt8], _ saying: String...) async throws {
          try Files.write(bytes, to: path)
          let result = try await load(world, [path])
          #expect(!result.hasSucceeded)
          for part in saying {
            #expect(result.error.contains(part), "\(result.error)")
          }
        }
        let header = "document_type,document_number,kind,name,phone,guardian_type,guardian_number\n"
        try await refuses([], "header_missing")
        try await refuses(Array("name,phone\n".utf8), "missing_column", "document_type")
        try await refuses(Array(("colour," + header).utf8), "unknown_column", "colour")
        try await refuses(Array(("kind," + header).utf8), "duplicate_column", "kind")
        // 张三 in GBK.
        let gbk =
          Array((header + "taiwan_permit,12345678,visitor,").utf8)
          + [0xD5, 0xC5, 0xC8, 0xFD] + Array(",13800000000,,\n".utf8)
        try await refuses(gbk, "gb18030")
        let read = try await load(world, [path, "--encoding", "gb18030"])
        #expect(read.hasSucceeded, "\(read.error)")
        let missing = try await load(world, ["/nowhere/people.csv"])
        #expect(!missing.hasSucceeded && missing.error.contains("/nowhere/people.csv"))
      }
    }

    /// A world of one issuer, which is stopped.
    private func withIssuer(_ body: (World) async throws -> Void) async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer"]
        plan.people = 100
      } body: { world in
        await world.stop()
        try await body(world)
      }
    }

    private func load(_ world: World, _ arguments: [String]) async throws -> Command.Result {
      try await Command.run(
        world.programs.path(of: "issuer"),
        ["load"] + arguments + [
          "--config", world.home.issuer.configurationFile, "--rejects",
          "\(world.directory)/rejects.csv",
        ])
    }
  }
}
