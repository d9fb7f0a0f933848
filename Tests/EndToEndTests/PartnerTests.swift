import Testing
import World

extension EndToEnd {
  @Suite struct PartnerTests {
    /// `foreign_timeout_milliseconds`, and what the machine may need on top of it.
    private static let limit = Duration.milliseconds(2_000 + 500)

    @Test("a partner that is down gives region_unreachable at once, and comes back by itself")
    func down() async throws {
      try await withWorld { world in
        let (_, code) = try await world.resident()
        let abroad = try world.partner.point()
        try await abroad.scan(code).expected("accepted", "the scan abroad")
        await world.home.relay.kill()
        for _ in 0..<5 {
          let scan = try await abroad.scan(code)
          #expect(scan.outcome == "region_unreachable")
          #expect(scan.duration < Self.limit)
        }
        try await world.home.relay.start()
        try await eventually("the partner is reached again", within: .seconds(6)) {
          try await abroad.scan(code).outcome == "accepted"
        }
      }
    }

    @Test("a partner that hangs gives region_unreachable within the stated time, never a hang")
    func hangs() async throws {
      try await withWorld { world in
        let (_, code) = try await world.resident()
        let abroad = try world.partner.point()
        for daemon in [world.home.verifier, world.home.relay, world.partner.relay] {
          try await abroad.scan(code).expected("accepted", "the scan before \(daemon.name) hangs")
          daemon.send(.stop)
          async let first = abroad.scan(code)
          async let second = abroad.scan(code)
          for scan in try await [first, second] {
            #expect(scan.outcome == "region_unreachable", "with \(daemon.name) halted")
            #expect(scan.duration < Self.limit, "with \(daemon.name) halted")
          }
          daemon.send(.proceed)
          try await eventually("\(daemon.name) is reached again", within: .seconds(6)) {
            try await abroad.scan(code).outcome == "accepted"
          }
        }
      }
    }
  }
}
