import HTTP2
import JSON
import Security
import Testing
import World

extension EndToEnd {
  /// What a verifier promises when it is asked for more than it can do (P-41 to P-44).
  @Suite struct SurgeTests {
    private func withSurge(
      _ settings: [String: String] = [:],
      _ body: (World, Surge, _ code: String) async throws -> Void
    ) async throws {
      try await withWorld { plan in
        plan.people = 200
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
        plan.settings["verifier"] = settings
      } body: { world in
        let (_, code) = try await world.resident()
        try await Scratchpad.withDirectory { directory in
          try await body(world, try Surge(world, directory: directory, code: code), code)
        }
      }
    }

    /// Gates of one operator: text scans over 16 connections.
    private func gates(_ world: World, connections: Int = 16) -> Surge.Class {
      Surge.Class(
        name: "gates", weight: 1, token: world.home.credentials.token(.point),
        scene: "health_gate", connections: connections)
    }

    /// What was refused was told when to come again; nothing was answered wrongly or not at all.
    private func expectOrder(_ report: Surge.Report) {
      #expect(report.number("refused_without_retry_after") == 0, "\(report.summary)")
      for name in ["wrong", "errors", "lost"] {
        #expect(report.number(name) == 0, "\(name): \(report.summary)")
      }
    }

    @Test(
      "P-41, P-42: at twice the peak goodput stays, also when all who are refused ask thrice more")
    func twiceThePeak() async throws {
      try await withSurge { world, surge, _ in
        let gates = [gates(world)]
        let peak = try await surge.run(gates, rate: nil, seconds: 3)
        let calm = try await surge.run(gates, rate: peak.perSecond * 0.4, seconds: 2)
        let before = surge.residentBytes
        print("peak \(peak.summary)\ncalm \(calm.summary)")
        for retries in [0, 3] {
          let report = try await surge.run(
            gates, rate: peak.perSecond * 2, seconds: 6, retries: retries)
          print("P-41 retries \(retries): \(report.summary) refusals p99 \(report.refusalP99)")
          expectOrder(report)
          // Generator and verifier share what there is: nine tenths are held by OverloadTests,
          // with release builds on a core each. This is against a collapse.
          #expect(report.perSecond >= 0.25 * peak.perSecond, "\(report.summary)")
          let grown = surge.residentBytes - before
          #expect(grown < 48 << 20, "\(grown) bytes more after the surge")

          let after = try await surge.run(gates, rate: peak.perSecond * 0.4, seconds: 6)
          print("after \(after.summary) \(after.secondsP99)")
          let back = try #require(after.secondsP99.dropFirst(4).min())
          #expect(back < max(calm.p99 * 4, .milliseconds(100)), "\(after.secondsP99)")
          expectOrder(after)
        }
      }
    }

    // MARK: P-43

    /// Holds the verifier at a level through its admin port; what it answers.
    private func hold(_ level: String, _ world: World) async throws -> String {
      try await Command.require(
        "curl",
        [
          "-sS", "--http1.1", "-X", "PUT", "--data", level, "-w", "%{http_code}",
          world.home.adminURL("verifier") + "/degradation",
        ])
    }

    /// A batch's answers for a scene.
    private func batch(
      _ texts: [String], _ world: World, scene: String
    ) async throws -> [JSONValue] {
      let answer = try await world.home.point().client.send(
        .post, "/v1/scans/batch", type: "text/plain",
        headers: [HeaderField("citycode-scene", text: scene)],
        body: Array(texts.joined(separator: "\n").utf8)
      ).required("scanning a batch")
      return answer.json["answers"]?.array ?? []
    }

    @Test("P-43: each level by hand is in every answer and the metric; outcomes and colours stay")
    func levelsByHand() async throws {
      try await withSurge { world, _, code in
        let point = try world.home.point()
        let texts = [code, String(code.dropLast(2)) + "AA", "no code at all"]
        var whole: [Scan] = []
        for text in texts { whole.append(try await point.scan(text)) }
        #expect(whole.map(\.outcome) == ["accepted", "forged", "malformed"])
        let (_, once) = try await world.resident()
        for (number, level) in ["D1", "D2", "D3", "D0"].enumerated() {
          #expect(try await hold(level, world) == "\(level)\n200")
          let members = ["text", "voice", "scene"].prefix([2, 3, 3, 0][number])
          for (text, before) in zip(texts, whole) {
            let scan = try await point.scan(text)
            #expect(scan.outcome == before.outcome && scan.string("level") == level)
            #expect(scan.json["colour"] == before.json["colour"])
            for name in members { #expect(scan.json[name] == nil, "\(name) at \(level)") }
            #expect((scan.json["last_known"] != nil) == (level == "D3"))
          }
          for scene in ["health_gate", "transit"] {
            let answers = try await batch(texts + [once], world, scene: scene)
            #expect(answers.count == 4)
            for answer in answers { #expect(answer["level"]?.string == level, "\(scene)") }
          }
          #expect(
            try await world.verifierMetric("citycode_degradation_level") == [1, 2, 3, 0][number])
        }
        let refused = try await hold("D7", world)
        #expect(refused.hasSuffix("400") && refused.contains("auto, D0"))
      }
    }

    @Test("P-43: D3 answers from old knowledge, marked; without it the same scan is stale_cache")
    func lastKnown() async throws {
      let settings = ["status_age_max_seconds": "2", "degradation_level": "D2"]
      try await withSurge(settings) { world, _, code in
        let point = try world.home.point()
        #expect(try await point.scan(code).expected("accepted", "fresh").string("level") == "D2")
        world.home.issuer.send(.stop)
        defer { world.home.issuer.send(.proceed) }
        try await eventually("knowledge is too old", within: .seconds(6)) {
          try await point.scan(code).outcome == "stale_cache"
        }
        _ = try await hold("D3", world)
        let marked = try await point.scan(code).expected("accepted", "old knowledge at D3")
        #expect(marked.json["last_known"]?.bool == true && marked.string("colour") == "green")
        #expect(try #require(marked.json["age_ms"]?.integer) > 2_000)
        // A code that counts once is answered later: it is marked all the same.
        let claimed = try await point.scan(code, scene: "transit").expected("accepted", "once")
        #expect(claimed.json["last_known"]?.bool == true)
        _ = try await hold("auto", world)
        try await point.scan(code).expected("stale_cache", "old knowledge at D0")
      }
    }

    @Test("P-43: the level rises with the age of the queue, and falls when nobody asks any more")
    func levelsByAge() async throws {
      // At a deadline of two milliseconds any machine is behind.
      try await withSurge(["request_deadline_milliseconds": "2"]) { world, surge, code in
        let metric = "citycode_degradation_level"
        #expect(try await world.verifierMetric(metric) == 0)
        async let run = surge.run([gates(world)], rate: nil, seconds: 2)
        try await eventually("the level rises", within: .seconds(4)) {
          try await world.verifierMetric(metric) > 0
        }
        _ = try await run
        try await eventually("the level falls", within: .seconds(7)) {
          try await world.verifierMetric(metric) == 0
        }
        // Even a single request is late at times, at this deadline.
        try await eventually("a scan at D0", within: .seconds(2)) {
          let scan = try? await world.home.point().scan(code)
          return scan?.outcome == "accepted" && scan?.string("level") == "D0"
        }
      }
    }

    // MARK: P-44

    @Test("P-44: at twice the peak the pool pays for the hospital")
    func priority() async throws {
      try await withSurge { world, surge, _ in
        let tokens = world.home.credentials
        let peak = try await surge.run([gates(world)], rate: nil, seconds: 2)
        let hospital = Surge.Class(
          name: "hospital", weight: 1, token: tokens.token(.hospital), scene: "hospital",
          connections: 4)
        let pool = Surge.Class(
          name: "pool", weight: 9, token: tokens.token(.point), scene: "pool", connections: 16)
        let report = try await surge.run(
          [hospital, pool], rate: peak.perSecond * 2, seconds: 5)
        let (high, low) = (report.of("hospital"), report.of("pool"))
        print("P-44 peak \(peak.summary)\nhigh \(high.summary)\nlow \(low.summary)")
        expectOrder(report)
        // All of it is the most there is: the low may be served for more than half.
        #expect(
          high.ok / high.wanted >= min(0.95, 2 * low.ok / low.wanted), "\(high.summary)")
        #expect(low.ok < 0.9 * low.wanted, "\(low.summary)")
        #expect(high.p99 < .milliseconds(250), "\(high.summary)")
      }
    }

    @Test("P-44: an operator with 20 times the load does not take another's requests")
    func fairness() async throws {
      try await withSurge { world, surge, _ in
        let peak = try await surge.run([gates(world)], rate: nil, seconds: 2)
        let token = "a second operator of the same scenes"
        try await addOperator(token, to: world)
        let restarted = surge.afterRestart()
        let small = Surge.Class(
          name: "small", weight: 1, token: token, scene: "health_gate", connections: 4)
        var large = gates(world)
        (large.name, large.weight) = ("large", 20)
        let report = try await restarted.run(
          [small, large], rate: peak.perSecond * 2, seconds: 5)
        let (few, many) = (report.of("small"), report.of("large"))
        print("P-44 peak \(peak.summary)\nsmall \(few.summary)\nlarge \(many.summary)")
        expectOrder(report)
        #expect(few.ok / few.wanted >= min(0.95, 1.5 * many.ok / many.wanted), "\(few.summary)")
        #expect(many.ok < 0.9 * many.wanted, "\(many.summary)")
      }
    }

    /// Restarts the verifier with one more principal, whose scenes are the point's.
    private func addOperator(_ token: String, to world: World) async throws {
      let path = "\(world.home.directory)/verifier-grants.json"
      let row =
        #"{"name":"second-operator","token_sha256":""#
        + SHA256.hash(Array(token.utf8).span).hex
        + #"","grants":["scans.write"],"scenes":["health_gate"],"point":"gate-9"},"#
      let text = Files.text(path)
      let start = try #require(text.firstIndex(of: "["))
      try Files.write(
        String(text[...start]) + row + String(text[text.index(after: start)...]), to: path)
      await world.home.verifier.stop()
      try await world.home.verifier.start()
    }
  }
}
