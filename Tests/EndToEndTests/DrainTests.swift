import HTTP2
import JSON
import RawHTTP2
import Synchronization
import Testing
import World

extension EndToEnd {
  @Suite struct DrainTests {
    @Test("SIGTERM: /readyz says no, new clients are served for a while, then two GOAWAYs, then 0")
    func drain() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
        plan.people = 100
        plan.settings["verifier"] = ["drain_delay_seconds": "4"]
      } body: { world in
        let works = Operator(world)
        let home = world.home
        let (_, code) = try await world.resident()
        let endpoint = world.verifierEndpoint(isTLS: false)
        async let frames = onThread { () -> [Int] in
          let connection = try RawConnection(opening: endpoint)
          var lastStreams: [Int] = []
          while lastStreams.count < 2 {
            let event = try connection.expect("GOAWAY", within: .seconds(60)) {
              if case .goAway = $0 { true } else { false }
            }
            if case .goAway(let last, _) = event { lastStreams.append(Int(last)) }
          }
          return lastStreams
        }
        try await eventually("the raw client is connected", within: .seconds(20)) {
          try await works.metric("citycode_connections ", of: "verifier") > 0
        }
        home.verifier.send(.terminate)
        try await eventually("readiness is off", within: .seconds(20)) {
          let ready = try await works.probe("/readyz", of: "verifier")
          return ready.status == 503
            && ready.body.contains("accepting: the service is shutting down")
        }
        // A load balancer that has not seen it yet sends somebody.
        let client = try home.newClient("verifier", token: home.credentials.token(.point))
        try await Point(client: client).scan(code).expected("accepted", "during the delay")
        #expect(try await frames == [0x7FFF_FFFF, 0], "a notice, then the end")
        client.close()
        // Its signal comes when all is drained.
        #expect(await home.verifier.stop() == .exited(0))
      }
    }

    @Test("a second SIGTERM ends it at once, and every acknowledged scan is in the journal")
    func hurried() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
        plan.settings["verifier"] = [
          "drain_seconds": "600", "drain_delay_seconds": "600",
          // Long, so that what was answered lies in memory when the signals come.
          "journal_commit_milliseconds": "1000",
        ]
      } body: { world in
        let home = world.home
        let handles = try await world.handles(count: 200)
        let codes = try await world.sampleCodes(count: 200, of: handles)
        let answered = AnsweredScans(codes: codes)
        async let scanning: Void = answered.scan(at: home)
        try await eventually("scans are answered", within: .seconds(60)) {
          answered.all.count > 60
        }
        let works = Operator(world)
        home.verifier.send(.terminate)
        try await eventually("it drains", within: .seconds(20)) {
          try await works.probe("/readyz", of: "verifier").status == 503
        }
        // Within 15 seconds, or it is killed.
        #expect(await home.verifier.stop() == .exited(0))
        await scanning
        #expect(Files.text(home.verifier.logFile).contains("told to stop again"))

        try await home.verifier.start()
        home.forgetClients()
        let point = try home.point()
        var once = 0
        for (receipt, outcome) in answered.all {
          let entry = try await point.journalEntry(receipt)
          #expect(entry.status == 200, "\(receipt), answered \(outcome), is not in the journal")
          #expect(entry.json["outcome"]?.string == outcome)
          if entry.json["scene"]?.string == "transit", outcome == "accepted" { once += 1 }
        }
        #expect(once > 0 && answered.all.count > 60)
        // What counted once counts no more.
        for code in codes.prefix(1) {
          try await point.scan(code, scene: "transit").expected("replayed", "after the restart")
        }
        // It would drain for ten minutes.
        await home.verifier.kill()
        print("\(answered.all.count) scans acknowledged before the second SIGTERM, all there")
      }
    }
  }
}

/// Scans codes at gates and in buses until the connection is cut, and remembers what was answered.
private final class AnsweredScans: Sendable {
  private static let tasks = 4
  private let codes: [String]
  private let receipts = Mutex<[String: String]>([:])

  init(codes: [String]) { self.codes = codes }

  /// Outcomes by receipt.
  var all: [String: String] { receipts.withLock { $0 } }

  func scan(at site: Site) async {
    await withTaskGroup { group in
      for task in 0..<Self.tasks { group.addTask { await self.scan(task, site) } }
    }
  }

  private func scan(_ task: Int, _ site: Site) async {
    guard let point = try? site.point() else { return }
    var number = task
    while true {
      let scene = task % 2 == 0 ? "transit" : "health_gate"
      guard let scan = try? await point.scan(codes[number % codes.count], scene: scene)
      else { return }
      receipts.withLock { $0[scan.string("receipt")] = scan.outcome }
      number += Self.tasks
    }
  }
}
