import HTTP2
import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct TraceTests {
    private static let traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let caller = "00f067aa0ba902b7"

    private func scan(
      _ code: String, at site: Site, traceparent: [String] = []
    ) async throws -> Answer {
      try await site.client("verifier", as: .point).send(
        .post, "/v1/scans", type: "text/plain",
        headers: traceparent.map { HeaderField("traceparent", text: $0) },
        body: Array(code.utf8))
    }

    private func withLoggingWorld(
      _ oneIn: [String: String], _ body: (World) async throws -> Void
    ) async throws {
      try await withWorld { plan in
        for (service, number) in oneIn {
          plan.settings[service] = ["log_requests_one_in": number]
        }
      } body: {
        try await body($0)
      }
    }

    /// The lines of the four services that a scan abroad passes, in its order.
    private func linesOnRoad(
      of world: World, where isMeant: (RequestLine) -> Bool
    ) async throws -> [RequestLine] {
      let daemons = [
        world.partner.verifier, world.partner.relay, world.home.relay, world.home.verifier,
      ]
      var lines: [RequestLine] = []
      try await eventually("every service on the road has its line", within: .seconds(5)) {
        lines = daemons.compactMap { RequestLine.all(of: $0).first(where: isMeant) }
        return lines.count == daemons.count
      }
      return lines
    }

    @Test("a scan abroad is one trace through both regions' verifiers and relays")
    func road() async throws {
      try await withLoggingWorld(["verifier": "1", "relay": "1"]) { world in
        let (_, code) = try await world.resident()
        let answer = try await scan(
          code, at: world.partner, traceparent: ["00-\(Self.traceID)-\(Self.caller)-00"])
        #expect(answer.json["outcome"]?.string == "accepted")
        let lines = try await linesOnRoad(of: world) { $0.traceID == Self.traceID }
        #expect(lines.map(\.parentID) == [Self.caller] + lines.dropLast().map(\.requestID))
        #expect(Set(lines.map(\.requestID)).count == 4)
        #expect(
          lines.map(\.route) == [
            "POST /v1/scans", "POST /v1/foreign-scans", "POST /v1/partner-scans", "POST /v1/scans",
          ])
        #expect(lines.allSatisfy { $0.status == 200 && $0.microseconds > 0 })
        #expect(lines[0].principal == "people-square")

        // Without one, or with what is none, the first service that logs begins the trace.
        for bad in [[], ["00-\(Self.traceID)-\(Self.caller)-01x"], ["nonsense"]] {
          let known = Set(RequestLine.all(of: world.partner.verifier).map(\.traceID))
          #expect(try await scan(code, at: world.partner, traceparent: bad).status == 200)
          var begun = ""
          try await eventually("the scan has its line", within: .seconds(5)) {
            begun =
              RequestLine.all(of: world.partner.verifier)
              .first { !known.contains($0.traceID) }?.traceID ?? ""
            return begun != ""
          }
          let lines = try await linesOnRoad(of: world) { $0.traceID == begun }
          #expect(lines.map(\.parentID) == [""] + lines.dropLast().map(\.requestID))
        }
      }
    }

    @Test("services that log nothing pass the trace on as it came")
    func passesOn() async throws {
      try await withLoggingWorld(["relay": "1"]) { world in
        let (_, code) = try await world.resident()
        _ = try await scan(
          code, at: world.partner, traceparent: ["00-\(Self.traceID)-\(Self.caller)-01"])
        var line: RequestLine?
        try await eventually("the relay has its line", within: .seconds(5)) {
          line = RequestLine.all(of: world.partner.relay).first { $0.traceID == Self.traceID }
          return line != nil
        }
        #expect(line?.parentID == Self.caller)
        // Two fields of the name contradict each other: neither counts.
        _ = try await scan(
          code, at: world.partner,
          traceparent: ["1", "2"].map {
            "00-\(String(repeating: $0, count: 32))-\(Self.caller)-01"
          })
        try await eventually("the relay has both lines", within: .seconds(5)) {
          RequestLine.all(of: world.partner.relay).count == 2
        }
        #expect(RequestLine.all(of: world.partner.relay).last?.parentID == "")
        #expect(RequestLine.all(of: world.partner.verifier).isEmpty)
      }
    }

    @Test("of traces one in so many is logged, the same in every run, and those that are sampled")
    func sampling() async throws {
      try await withLoggingWorld(["verifier": "100"]) { world in
        let (_, code) = try await world.resident()
        func traceparent(_ number: Int, _ flags: String) -> [String] {
          let low = String(number, radix: 16)
          return [
            "00-\(String(repeating: "a", count: 16))"
              + "\(String(repeating: "0", count: 16 - low.count))\(low)-\(Self.caller)-\(flags)"
          ]
        }
        for number in 1...300 {
          _ = try await scan(code, at: world.home, traceparent: traceparent(number, "00"))
        }
        _ = try await scan(code, at: world.home, traceparent: traceparent(999, "01"))
        // Lines come in the order of the answers: after the last one none is missing.
        try await eventually("the sampled one is logged", within: .seconds(5)) {
          RequestLine.all(of: world.home.verifier).contains { $0.traceID.hasSuffix("3e7") }
        }
        #expect(
          RequestLine.all(of: world.home.verifier).map { Int($0.traceID.suffix(8), radix: 16) }
            == [100, 200, 300, 999])
      }
    }

    @Test("P-58: of a thousand requests whose every part is marked no line shows a mark")
    func secrets() async throws {
      try await withWorld { plan in
        for service in plan.services {
          plan.settings[service] = ["log_requests_one_in": "1", "log_level": "trace"]
        }
      } body: { world in
        let (_, code) = try await world.resident()
        let mark = "MARK7Q"
        for number in 0..<250 { try await provoke(world, code, "\(mark)\(number)") }
        let tally = ["verifier": 500, "issuer": 250]
        for (service, count) in tally {
          try await eventually("the \(service)'s lines are there", within: .seconds(10)) {
            RequestLine.all(of: world.home.daemon(service)).count >= count
          }
        }
        for daemon in world.sites.flatMap(\.daemons) {
          let log = Files.text(daemon.logFile)
          #expect(!log.contains(mark) && !log.contains(code), "\(daemon.name)")
          #expect(!log.contains(world.home.credentials.token(.point)))
        }
      }
    }

    /// Four requests whose secret parts all carry the mark.
    private func provoke(_ world: World, _ code: String, _ mark: String) async throws {
      let point = try world.home.client("verifier", as: .point)
      let tracestate = HeaderField("tracestate", text: "vendor=\(mark)")
      let scan = try await point.send(
        .post, "/v1/scans?code=\(mark)", type: "text/plain",
        headers: [tracestate, HeaderField("x-code", text: mark)], body: Array(mark.utf8))
      #expect(scan.json["outcome"]?.string == "malformed")
      _ = try await point.send(.post, "/v1/scans", headers: [tracestate]) { json in
        json.field("code", code)
        json.field("business_number", mark)
        json.field("purpose", mark)
      }
      let channel = try world.home.client("issuer", as: .channel)
      let registration = try await channel.send(.post, "/v1/holders?number=\(mark)") { json in
        json.field(
          "document",
          object: {
            $0.field("type", "resident_id")
            $0.field("number", mark)
          })
        json.field("kind", "resident")
      }
      #expect(registration.status == 400)
      let stranger = try world.home.newClient("verifier", token: mark)
      #expect(try await stranger.send(.post, "/v1/scans", body: Array(mark.utf8)).status == 403)
      stranger.close()
    }
  }
}

/// A request's line in a service's log.
private struct RequestLine {
  let route: String
  let status: Int
  let microseconds: Int
  let principal: String
  let traceID: String
  let requestID: String
  /// Empty when the caller named no call.
  let parentID: String

  /// All of a log that holds JSON: as standard error is no terminal, every one does.
  static func all(of daemon: Daemon) -> [RequestLine] {
    let log = Files.text(daemon.logFile)
    // The last line may be half written.
    return log.prefix(upTo: log.lastIndex(of: "\n") ?? log.startIndex).split(separator: "\n")
      .compactMap { line in
        guard let json = try? JSONParser.parse(Array(line.utf8)) else {
          Issue.record("not JSON: \(line)")
          return nil
        }
        return RequestLine(json)
      }
  }

  private init?(_ json: JSONValue) {
    guard json["message"]?.string == "request", let route = json["route"]?.string,
      let status = json["status"]?.integer,
      let microseconds = json["duration_microseconds"]?.integer,
      let principal = json["principal"]?.string, let traceID = json["trace_id"]?.string,
      let requestID = json["request_id"]?.string
    else { return nil }
    self.route = route
    self.status = Int(status)
    self.microseconds = Int(microseconds)
    self.principal = principal
    self.traceID = traceID
    self.requestID = requestID
    parentID = json["parent_id"]?.string ?? ""
  }
}
