import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct HomeScanTests {
    @Test("home scans go on with the issuer and both relays killed")
    func goOn() async throws {
      try await withWorld { world in
        let handles = try await world.handles(count: 100)
        let codes = try await world.sampleCodes(count: 300, of: handles)
        await world.home.issuer.kill()
        await world.home.relay.kill()
        await world.partner.relay.kill()
        for code in codes.prefix(50) {
          try await world.home.point().scan(code).expected("accepted", "a scan alone")
        }
        let outcomes = try await world.home.point().scanAll(codes)
        #expect(outcomes == Array(repeating: "accepted", count: 300))

        // The verifier needs nobody to start, either.
        try await world.home.verifier.restart()
        world.home.forgetClients()
        try await world.home.point().scan(codes[0]).expected("accepted", "a scan after a restart")
      }
    }

    @Test("a scan that was answered is in the journal after the verifier's SIGKILL")
    func journalSurvives() async throws {
      try await withWorld { world in
        let (_, code) = try await world.resident()
        let scan = try await world.home.point().scan(code).expected("accepted", "the scan")
        // Scenes that do not consume the code are answered at most 50 ms before the commit.
        try await Task.sleep(for: .milliseconds(60))
        await world.home.verifier.kill()
        try await world.home.verifier.start()
        world.home.forgetClients()
        let entry = try await world.home.point().journalEntry(scan.string("receipt"))
        #expect(entry.status == 200)
        #expect(entry.json["outcome"]?.string == "accepted")
        #expect(entry.json["point"]?.string == "gate-1")
      }
    }
  }
}
