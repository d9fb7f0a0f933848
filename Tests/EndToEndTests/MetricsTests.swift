import Testing
import World

extension EndToEnd {
  @Suite struct MetricsTests {
    @Test("every page shows what METRICS.md promises of its service, and nothing else")
    func table() async throws {
      try await withWorld { world in
        let table = MetricsTable(Files.text("\(world.programs.root)/deploy/monitoring/METRICS.md"))
        #expect(table.rows.count > 30)
        let follower = try await world.addHost()
        try await follower.relay.start()
        let (_, code) = try await world.resident()
        try await world.partner.point().scan(code).expected("accepted", "the scan abroad")
        var shown: [String: Set<String>] = [:]
        for (site, service) in [
          (world.home, "issuer"), (world.home, "verifier"), (world.home, "relay"),
          (follower, "relay"),
        ] {
          let page = try await MetricsPage(of: service, at: site)
          for (name, type) in page.types {
            let row = try #require(table.rows[name], "METRICS.md does not have \(name)")
            #expect(row.type == type, "\(name)")
            #expect(row.services.contains(service), "\(name) is shown by the \(service)")
            if let labels = page.labels[name] { #expect(labels == row.labels, "\(name)") }
          }
          shown[service, default: []].formUnion(page.types.keys)
        }
        for (name, row) in table.rows where !table.notShown.contains(name) {
          for service in row.services {
            #expect(shown[service]?.contains(name) == true, "the \(service) does not show \(name)")
          }
        }
      }
    }

    @Test(
      "promtool finds no fault in any page",
      .enabled(if: ToolPath.has("promtool"), "deploy/check.sh installs promtool"))
    func lint() async throws {
      try await withWorld { world in
        let (_, code) = try await world.resident()
        try await world.home.point().scan(code).expected("accepted", "a scan to count")
        let follower = try await world.addHost()
        try await follower.relay.start()
        let daemons = world.sites.map { ($0, $0.daemons) } + [(follower, [follower.relay])]
        for (site, daemons) in daemons {
          for daemon in daemons {
            let file = "\(world.directory)/\(daemon.name).metrics"
            try Files.write(try await MetricsPage(of: daemon.service, at: site).text, to: file)
            let lint = try await Command.run(
              "sh", ["-c", "promtool check metrics < \"$1\"", "sh", file])
            #expect(lint.hasSucceeded, "\(daemon.name): \(lint.output)\(lint.error)")
          }
        }
      }
    }

    @Test("scans, codes, partners and times are counted as they happen, by scene and by route")
    func figures() async throws {
      try await withWorld { world in
        let (_, code) = try await world.resident()
        for _ in 0..<5 { _ = try await world.home.point().scan(code) }
        _ = try await world.home.point().scan("no code", scene: "transit")
        try await world.partner.point().scan(code).expected("accepted", "the scan abroad")

        let verifier = try await MetricsPage(of: "verifier", at: world.home)
        let scans = "citycode_scans_total"
        #expect(verifier[scans, "outcome=\"accepted\",scene=\"health_gate\""] == 6)
        #expect(verifier[scans, "outcome=\"malformed\",scene=\"transit\""] == 1)
        #expect(verifier[scans, "outcome=\"forged\",scene=\"pool\""] == 0)
        let duration = "citycode_request_duration_seconds"
        let route = "route=\"POST /v1/scans\""
        #expect(verifier["\(duration)_count", route] == 7)
        #expect(verifier["\(duration)_bucket", "\(route),le=\"+Inf\""] == 7)
        #expect(try #require(verifier["\(duration)_sum", route]) > 0)
        #expect(verifier["citycode_http_requests_total", "class=\"2xx\""] == 7)

        let issuer = try await MetricsPage(of: "issuer", at: world.home)
        #expect(issuer["citycode_codes_issued_total"] == 1)
        #expect(issuer["\(duration)_count", "route=\"POST /v1/codes\""] == 1)
        let age = try #require(issuer["citycode_generation_age_seconds"])
        #expect(age > 0 && age < 600, "the population was loaded a moment ago")
        for page in [verifier, issuer] {
          let keys = try #require(page["citycode_key_expiry_seconds", "key=\"epoch_keys\""])
          #expect(keys > 23 * 3_600 && keys < 26 * 3_600)
          for key in ["certificate", "client_ca"] {
            let left = try #require(page["citycode_key_expiry_seconds", "key=\"\(key)\""])
            #expect(left > 3_600, "\(key)")
          }
        }
        try await eventually("all that was scanned is durable", within: .seconds(5)) {
          try await MetricsPage(of: "verifier", at: world.home)["citycode_journal_backlog"] == 0
        }
        try await eventually("the cache is level with the log", within: .seconds(5)) {
          let name = "citycode_feed_position"
          let end = try await MetricsPage(of: "issuer", at: world.home)[name]
          return try await MetricsPage(of: "verifier", at: world.home)[name] == end
        }
      }
    }

    @Test("what is under way is in flight, and a partner that is gone is counted as unreachable")
    func partners() async throws {
      try await withWorld { world in
        let (_, code) = try await world.resident()
        let abroad = try world.partner.point()
        try await abroad.scan(code).expected("accepted", "the scan abroad")
        func partner(_ result: String) async throws -> Double? {
          try await MetricsPage(of: "relay", at: world.partner)[
            "citycode_partner_requests_total", "partner=\"310000\",result=\"\(result)\""]
        }
        func inFlight() async throws -> Double? {
          try await MetricsPage(of: "verifier", at: world.partner)["citycode_in_flight"]
        }
        #expect(try await partner("answered") == 1)
        #expect(try await partner("unreachable") == 0)
        world.home.relay.send(.stop)
        async let halted = abroad.scan(code)
        try await eventually("the scan is under way", within: .seconds(5)) {
          try await inFlight() == 1
        }
        #expect(try await halted.outcome == "region_unreachable")
        world.home.relay.send(.proceed)
        try await eventually("nothing is under way", within: .seconds(5)) {
          try await inFlight() == 0
        }
        try await eventually("the failure is counted", within: .seconds(5)) {
          try await partner("unreachable") == 1
        }
        let page = try await MetricsPage(of: "verifier", at: world.partner)
        let name = "citycode_request_duration_seconds"
        let route = "route=\"POST /v1/scans\""
        #expect(page["\(name)_count", route] == 2)
        // It waited for the relay longer than any scan that is answered here.
        #expect(page["\(name)_bucket", "\(route),le=\"1.0\""] == 1)
        #expect(try #require(page["\(name)_sum", route]) > 1)
      }
    }

    @Test("a follower says how far behind it is, and its lag grows while the issuer is gone")
    func follower() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
      } body: { world in
        let host = try await world.addHost()
        try await host.relay.start()
        func page() async throws -> MetricsPage { try await MetricsPage(of: "relay", at: host) }
        let (handle, _) = try await world.resident()
        _ = try await world.home.commission().set("yellow", of: handle)
        try await eventually("the follower is level", within: .seconds(20)) {
          let end = try await MetricsPage(of: "issuer", at: world.home)["citycode_feed_position"]
          let follower = try await page()
          return follower["citycode_feed_position"] == end
            && follower["citycode_feed_lag_seconds"].map { $0 < 30 } == true
        }
        // Nothing happens, so nothing is heard; the next change is.
        func lag() async throws -> Double {
          try #require(try await page()["citycode_feed_lag_seconds"])
        }
        try await eventually("a second passes", within: .seconds(20)) { try await lag() > 1 }
        _ = try await world.home.commission().set("green", of: handle)
        try await eventually("the lag falls", within: .seconds(5)) { try await lag() < 1 }
        await world.home.issuer.kill()
        let before = try await lag()
        try await eventually("the lag grows", within: .seconds(10)) {
          try await lag() > before + 1
        }
      }
    }
  }
}

/// Where programs are looked for.
enum ToolPath {
  /// Whether a program of this name is in the PATH.
  static func has(_ program: String) -> Bool {
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/bin"]
      .contains { Spawn.exists("\($0)/\(program)") }
  }
}

/// One service's `/metrics`.
struct MetricsPage {
  let text: String
  private(set) var types: [String: String] = [:]
  /// The names of the labels of each metric but `le`.
  private(set) var labels: [String: Set<String>] = [:]
  private var values: [String: Double] = [:]

  init(of service: String, at site: Site) async throws {
    text = try await Command.require(
      "curl", ["-sS", "--http1.1", site.adminURL(service) + "/metrics"])
    for line in text.split(separator: "\n") {
      if line.hasPrefix("# TYPE ") {
        let words = line.split(separator: " ")
        types[String(words[2])] = String(words[3])
      } else if !line.hasPrefix("#"), let space = line.lastIndex(of: " ") {
        let series = String(line[..<space])
        values[series] = Double(line[line.index(after: space)...])
        note(labelsOf: series)
      }
    }
  }

  private mutating func note(labelsOf series: String) {
    var name = String(series.prefix { $0 != "{" })
    for suffix in ["_bucket", "_sum", "_count"] where types[name] == nil {
      if name.hasSuffix(suffix) { name.removeLast(suffix.count) }
    }
    let found = series.matches(of: /(\w+)="/).map { String($0.1) }.filter { $0 != "le" }
    labels[name, default: []].formUnion(found)
  }

  /// The value of a series; `labels` as they stand between the braces.
  subscript(_ name: String, _ labels: String = "") -> Double? {
    values[labels.isEmpty ? name : "\(name){\(labels)}"]
  }
}

/// The table of METRICS.md.
struct MetricsTable {
  struct Row {
    let type: String
    let labels: Set<String>
    let services: Set<String>
  }

  private(set) var rows: [String: Row] = [:]
  /// What the file itself says that no service shows yet.
  private(set) var notShown: Set<String> = []

  init(_ text: String) {
    let letters: [Character: String] = ["I": "issuer", "V": "verifier", "R": "relay"]
    for line in text.split(separator: "\n") where line.hasPrefix("| `") {
      let cells = line.split(separator: "|").map { $0.drop { $0 == " " } }
      func words(_ cell: Substring) -> [String] {
        cell.matches(of: /`(\w+)`/).map { String($0.1) }
      }
      rows[words(cells[0])[0]] = Row(
        type: String(cells[1].prefix { $0 != " " }), labels: Set(words(cells[2])),
        services: Set(cells[3].compactMap { letters[$0] }))
    }
    if let start = text.firstRange(of: "Agreed and not shown yet"),
      let end = text[start.upperBound...].firstRange(of: "\n\n")
    {
      let part = text[start.upperBound..<end.lowerBound]
      notShown = Set(part.matches(of: /`(\w+)`/).map { String($0.1) })
    }
  }
}
