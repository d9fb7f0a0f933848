import Codes
import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct StalenessTests {
    @Test("P-29: every answer says how old its knowledge is, and too old is stale_cache, not green")
    func staleness() async throws {
      try await withWorld { plan in
        plan.settings["verifier"] = ["status_age_max_seconds": "3"]
      } body: { world in
        let (_, code) = try await world.resident()
        let point = try world.home.point()
        let fresh = try await point.scan(code).expected("accepted", "a scan with fresh knowledge")
        #expect(try #require(fresh.json["age_ms"]?.integer) < 3_000)
        #expect(
          CityTime(rfc3339: fresh.string("as_of")) != nil
            || Instant(rfc3339: fresh.string("as_of")) != nil)

        // The source of changes halts: knowledge ages, and the answers say so.
        world.home.issuer.send(.stop)
        let start = ContinuousClock.now
        var ages: [Int64] = []
        var staleAt: Duration?
        while ContinuousClock.now - start < .seconds(6) {
          let scan = try await point.scan(code)
          let age = try #require(scan.json["age_ms"]?.integer)
          ages.append(age)
          if scan.outcome == "stale_cache" {
            staleAt = staleAt ?? (ContinuousClock.now - start)
            #expect(age >= 3_000)
          } else {
            #expect(scan.outcome == "accepted")
            #expect(age <= 3_000 && staleAt == nil, "accepted with knowledge of \(age) ms")
          }
          try await Task.sleep(for: .milliseconds(50))
        }
        #expect(ages == ages.sorted())
        #expect(try #require(staleAt) < .milliseconds(3_500))

        world.home.issuer.send(.proceed)
        try await eventually("knowledge is fresh again", within: .seconds(3)) {
          try await point.scan(code).outcome == "accepted"
        }
      }
    }
  }
}
