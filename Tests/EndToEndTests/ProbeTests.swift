import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct ProbeTests {
    @Test("P-93: knowledge too old turns readiness off in its time, before scans are stale_cache")
    func frozenIssuer() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
        plan.settings["verifier"] = ["stale_after_seconds": "3", "status_age_max_seconds": "8"]
      } body: { world in
        let works = Operator(world)
        let (_, code) = try await world.resident()
        let point = try world.home.point()
        try await eventually("ready", within: .seconds(20)) {
          try await works.probe("/readyz", of: "verifier").status == 200
        }
        world.home.issuer.send(.stop)
        let frozen = ContinuousClock.now
        var first: Duration?
        try await eventually("not ready", within: .seconds(20)) {
          let isReady = try await works.probe("/readyz", of: "verifier").status == 200
          let age = try #require(try await point.scan(code).json["age_ms"]?.integer)
          // While it is ready its knowledge is fresh, by the verifier's own word a moment later.
          if isReady { #expect(age < 3_000 + 2_000) }
          first = first ?? (isReady ? nil : ContinuousClock.now - frozen)
          return !isReady
        }
        // The issuer wrote last a second before it froze, at most.
        #expect(try #require(first) > .seconds(1))
        // Out of the load balancer, but right: the second limit is not reached yet.
        let scan = try await point.scan(code)
        let age = try #require(scan.json["age_ms"]?.integer)
        #expect(age > 3_000 && (scan.outcome == "accepted") == (age <= 8_000), "\(age) ms")
        let verbose = try await works.probe("/readyz?verbose", of: "verifier").body
        #expect(verbose.contains("[-] status_cache: its knowledge is "), "\(verbose)")
        #expect(verbose.contains("[+] epoch_keys ok") && verbose.hasSuffix("not ready\n"))
        let json = try JSONParser.parse(
          Array(try await works.probe("/readyz?format=json", of: "verifier").body.utf8))
        #expect(json["ready"]?.bool == false && json["checks"]?["certificates"]?.string == "ok")
        try await eventually("stale_cache", within: .seconds(20)) {
          try await point.scan(code).outcome == "stale_cache"
        }
        #expect(try await works.probe("/livez", of: "verifier").status == 200)
        world.home.issuer.send(.proceed)
        try await eventually("ready again", within: .seconds(20)) {
          try await works.probe("/readyz", of: "verifier").status == 200
        }
        try await point.scan(code).expected("accepted", "with fresh knowledge")
      }
    }

    @Test("P-93: a frozen relay makes its host not ready, a frozen issuer the relays too")
    func frozenRelay() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer"]
        plan.people = 200
      } body: { world in
        let stale = ["stale_after_seconds": "4"]
        let host = try await world.addHost(settings: ["verifier": stale, "relay": stale])
        let works = Operator(world, of: host)
        try await host.relay.start()
        try await host.verifier.start()
        // Followers hear at once of changes, of "nothing new" only when their wait is over.
        let handles = try await world.handles(count: 4)
        let stop = StopFlag()
        let writes = WriteLoad(site: world.home, handles: handles)
        async let written = writes.run { stop.isRaised }
        do {
          for service in ["relay", "verifier"] {
            try await eventually("\(service) is ready", within: .seconds(30)) {
              try await works.probe("/readyz", of: service).status == 200
            }
          }
          #expect(try await works.probe("/startupz", of: "relay") == (200, "ok\n"))
          host.relay.send(.stop)
          try await eventually("the host is not ready", within: .seconds(30)) {
            let ready = try await works.probe("/readyz", of: "verifier")
            return ready.status == 503 && ready.body.contains("status_cache: its knowledge is")
          }
          host.relay.send(.proceed)
          try await eventually("the host is ready again", within: .seconds(30)) {
            try await works.probe("/readyz", of: "verifier").status == 200
          }
          world.home.issuer.send(.stop)
          for (service, words) in [("relay", "feed: "), ("verifier", "status_cache: ")] {
            try await eventually("\(service) is not ready", within: .seconds(40)) {
              let ready = try await works.probe("/readyz", of: service)
              return ready.status == 503 && ready.body.contains(words)
            }
          }
          world.home.issuer.send(.proceed)
          try await eventually("the relay is ready again", within: .seconds(60)) {
            try await works.probe("/readyz", of: "relay").status == 200
          }
        } catch {
          world.home.issuer.send(.proceed)
          stop.set()
          _ = try? await written
          throw error
        }
        stop.set()
        _ = try await written
      }
    }
  }
}
