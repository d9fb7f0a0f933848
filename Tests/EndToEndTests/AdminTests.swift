import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct AdminTests {
    @Test("the admin port answers probes and Prometheus over HTTP/1.1, and `health` exits 0 or 1")
    func probes() async throws {
      try await withWorld { world in
        let (_, code) = try await world.resident()
        try await world.home.point().scan(code).expected("accepted", "a scan to count")
        for daemon in world.home.daemons {
          let url = world.home.adminURL(daemon.service)
          func get(_ path: String) async throws -> (status: String, body: String) {
            let text = try await Command.require(
              "curl", ["-sS", "--http1.1", "-w", "\n%{http_code}", url + path])
            let status = text.split(separator: "\n").last.map(String.init) ?? ""
            return (status, String(text.dropLast(status.count + 1)))
          }
          for path in ["/livez", "/startupz"] {
            #expect(try await get(path) == ("200", "ok\n"), "\(daemon.name) \(path)")
          }
          let ready = try await get("/readyz?format=json")
          let json = try JSONParser.parse(Array(ready.body.utf8))
          #expect(ready.status == "200" && json["ready"]?.bool == true, "\(ready)")
          #expect(json["checks"]?["accepting"]?.string == "ok")
          let metrics = try await get("/metrics")
          #expect(metrics.status == "200")
          #expect(metrics.body.contains("# TYPE citycode_http_requests_total counter"))
          if daemon.service == "verifier" {
            let labels = "{outcome=\"accepted\",scene=\"health_gate\"}"
            #expect(metrics.body.contains("citycode_scans_total\(labels) 1\n"))
          }
          #expect(try await get("/secret").status == "404")

          let health = [world.programs.path(of: daemon.service), "health", "--admin-url", url]
          let well = try await Command.run(health[0], Array(health.dropFirst()))
          #expect(well.ending == .exited(0) && well.output.hasSuffix("ready\n"))
          await daemon.kill()
          let gone = try await Command.run(health[0], Array(health.dropFirst()))
          #expect(gone.ending == .exited(1) && gone.error.contains(url))
        }
      }
    }

    @Test("a verifier whose knowledge is too old is not ready, and says why")
    func notReady() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.people = 100
        plan.settings["verifier"] = ["status_age_max_seconds": "1"]
      } body: { world in
        await world.home.issuer.kill()
        let arguments = ["health", "--admin-url", world.home.adminURL("verifier")]
        var answer = ""
        try await eventually("the verifier is not ready", within: .seconds(5)) {
          let health = try await Command.run(world.programs.path(of: "verifier"), arguments)
          answer = health.output
          return health.ending == .exited(1)
        }
        #expect(answer.contains("seconds old"), "\(answer)")
      }
    }

    @Test("SIGTERM ends every service with status 0, and it starts again on its data")
    func stops() async throws {
      try await withWorld { world in
        let (_, code) = try await world.resident()
        for daemon in world.home.daemons {
          #expect(await daemon.stop() == .exited(0), "\(daemon.name)")
        }
        for daemon in world.home.daemons { try await daemon.start() }
        world.home.forgetClients()
        try await world.home.point().scan(code).expected("accepted", "the scan afterwards")
      }
    }
  }
}
