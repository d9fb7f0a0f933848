import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct MapFullTests {
    @Test("P-07: with the LMDB map full, writes fail with 507 and reads and scans go on")
    func mapFull() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
        plan.people = 200
        plan.settings["issuer"] = ["map_size_mib": "3"]
        plan.settings["verifier"] = ["map_size_mib": "3"]
      } body: { world in
        let (handle, code) = try await world.resident()
        var refusals: [Answer] = []
        var written = 0
        // Sealing frees some pages, so the first refusals are not the last word.
        while refusals.count < 200, written < 100_000 {
          let answers = try await writeMany(world, handle, 200)
          written += answers.count { $0.status == 200 }
          refusals = answers.filter { $0.status != 200 }
        }
        #expect(refusals.count == 200)
        #expect(refusals.allSatisfy { $0.status == 507 })
        #expect(refusals.first?.json["type"]?.string == "urn:citycode:problem:map_full")
        #expect(written > 100)
        let refused = try await MetricsPage(of: "issuer", at: world.home)[
          "citycode_requests_refused_total", "reason=\"map_full\""]
        #expect(try #require(refused) >= 200)

        // Reading goes on, and the scan shows the last colour that was acknowledged.
        #expect(try await world.home.channel().status(of: handle)["colour"]?.string == "green")
        #expect(try await world.home.point().scan(code).outcome == "accepted")
        let health = try await Command.run(
          world.programs.path(of: "issuer"),
          ["health", "--admin-url", world.home.adminURL("issuer")])
        #expect(!health.hasSucceeded && health.output.contains("map_size_mib"))
      }
    }

    private func writeMany(
      _ world: World, _ handle: String, _ count: Int
    ) async throws -> [Answer] {
      let commission = try world.home.commission()
      return try await withThrowingTaskGroup(of: Answer.self) { group in
        for number in 0..<count {
          group.addTask {
            try await commission.answer(
              setting: "green", of: handle, reason: number % 200,
              idempotencyKey: "\(number)-\(UInt64.random(in: 0 ... .max))")
          }
        }
        var answers: [Answer] = []
        for try await answer in group { answers.append(answer) }
        return answers
      }
    }
  }
}
