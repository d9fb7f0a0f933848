import Foundation
import RawHTTP2
import Testing
import World

extension EndToEnd {
  @Suite struct EdgeTests {
    private func withVerifier(
      _ settings: [String: String] = [:],
      body: (World, _ token: String, _ code: String) async throws -> Void
    ) async throws {
      try await withWorld { plan in
        plan.people = 200
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
        plan.settings["verifier"] = settings
      } body: { world in
        let (_, code) = try await world.resident()
        try await body(world, world.home.credentials.token(.point), code)
      }
    }

    @Test("P-37: with 256 descriptors accepting pauses, open connections go on, and it recovers")
    func fewDescriptors() async throws {
      try await withVerifier { world, token, code in
        let verifier = world.home.verifier
        await verifier.stop()
        try await verifier.start(descriptorsMax: 256)
        #expect(Files.text(verifier.logFile).contains("raise ulimit -n"))
        let process = try #require(verifier.processID)
        let clear = world.verifierEndpoint(isTLS: false)
        let gate = try HonestScanner(of: clear, token: token, code: code)
        gate.scan()
        // More than there are descriptors: the kernel's queue takes the rest.
        var crowd = try (0..<400).map { _ in try RawConnection(to: clear) }
        for _ in 0..<20 { gate.scan() }
        #expect(gate.report.failed == 0, "\(gate.report.lastFault)")
        try await eventually("accepting pauses", within: .seconds(5)) {
          try await world.verifierMetric("citycode_accept_pauses_total") > 0
        }
        #expect(try await world.verifierMetric("citycode_connections ") <= 180)
        let used = try await Self.leastUse(of: process)
        #expect(used < 0.5, "\(used) s of processor time in a second with nothing to do")
        crowd.removeAll()
        try await recovers(world, token, code)
        #expect(gate.report.failed == 0 && verifier.processID == process)
      }
    }

    @Test("P-37: a process out of descriptors serves what is open, does not spin, and recovers")
    func noDescriptors() async throws {
      try await withVerifier { world, token, code in
        let process = try #require(world.home.verifier.processID)
        let clear = world.verifierEndpoint(isTLS: false)
        let gate = try HonestScanner(of: clear, token: token, code: code)
        gate.scan()
        try await Self.limitDescriptors(of: process, to: "1")
        var crowd = try (0..<20).map { _ in try RawConnection(to: clear) }
        for _ in 0..<20 { gate.scan() }
        let used = try await Self.leastUse(of: process)
        gate.scan()
        #expect(gate.report.failed == 0, "\(gate.report.lastFault)")
        #expect(used < 0.5, "\(used) s of processor time in a second with nothing to do")
        try await Self.limitDescriptors(of: process, to: "1024")
        crowd.removeAll()
        try await recovers(world, token, code)
      }
    }

    /// Processor seconds in the idlest of three seconds: what spins does so all the time, and what
    /// was still to be done at first is done then.
    private static func leastUse(of process: Int32) async throws -> Double {
      var least = Double.infinity
      for _ in 0..<3 where least >= 0.5 {
        let before = try #require(ProcessFacts.processorSeconds(of: process))
        try await Task.sleep(for: .seconds(1))
        let after = try #require(ProcessFacts.processorSeconds(of: process))
        least = min(least, after - before)
      }
      return least
    }

    private static func limitDescriptors(of process: Int32, to soft: String) async throws {
      try await Command.require("prlimit", ["--pid", "\(process)", "--nofile=\(soft):"])
    }

    /// A new connection is served.
    private func recovers(_ world: World, _ token: String, _ code: String) async throws {
      try await eventually("a new connection is served", within: .seconds(10)) {
        let endpoint = world.verifierEndpoint(isTLS: true)
        let report = try? await onThread {
          try HonestScanner.run(of: endpoint, token: token, code: code, times: 1)
        }
        return report?.accepted == 1
      }
    }

    @Test("a connection of age is told by two GOAWAYs, and its last request is answered")
    func age() async throws {
      let settings = [
        "connection_age_seconds": "2", "stranger_connection_age_seconds": "1",
        "connection_age_jitter_percent": "0",
      ]
      try await withVerifier(settings) { world, _, _ in
        let endpoint = world.verifierEndpoint(isTLS: true)
        try await onThread {
          let connection = try RawConnection(opening: endpoint)
          func goAway(_ last: UInt32) throws {
            try connection.expect("GOAWAY(\(last))", within: .seconds(4)) { event in
              if case .goAway(last, .noError) = event { true } else { false }
            }
          }
          try goAway(0x7FFF_FFFF)
          connection.send(.headers(1, connection.block()))
          #expect(try connection.expectResponse(on: 1).status == 405)
          try goAway(1)
          try connection.expectClosed(within: .seconds(2))
        }
      }
    }

    @Test("openssl resumes its session after a restart, not with a ticket that was tampered with")
    func tickets() async throws {
      try await withVerifier { world, _, _ in
        try await Scratchpad.withDirectory { directory in
          let file = "\(directory)/session.pem"
          let verifier = world.home.verifier
          func connect(_ arguments: [String]) async throws -> String {
            // `Q` on a line of its own ends s_client once the ticket has come.
            let command =
              "(sleep 0.5; echo Q) | openssl s_client -connect 127.0.0.1:"
              + "\(world.home.ports["verifier"]!.https) -CAfile \(world.certificateFile)"
              + " -alpn h2 -cert \(world.home.directory)/issuer.pem"
              + " -key \(world.home.directory)/issuer.key " + arguments.joined(separator: " ")
            return try await Command.run("sh", ["-c", command]).output
          }
          #expect(try await connect(["-sess_out", file]).contains("New, TLSv1.3"))
          await verifier.stop()
          try await verifier.start()
          #expect(try await connect(["-sess_in", file]).contains("Reused, TLSv1.3"))

          let tampered = try Self.tamper(try await Self.der(file), ticketOf: directory)
          let full = try await connect(["-sess_in", tampered])
          #expect(full.contains("New, TLSv1.3") && !full.contains("Reused"))

          Spawn.removeFile("\(world.home.directory)/ticket-secret")
          try Files.write(
            Array(repeating: 7, count: 32), to: "\(world.home.directory)/ticket-secret")
          await verifier.stop()
          try await verifier.start()
          #expect(try await connect(["-sess_in", file]).contains("New, TLSv1.3"))
          let counted = try await world.verifierMetric(
            "citycode_tls_handshakes_total{result=\"full\"}")
          #expect(counted == 1)
        }
      }
    }

    /// The bytes of a session that `openssl s_client -sess_out` wrote.
    private static func der(_ file: String) async throws -> [UInt8] {
      let lines = Files.text(file).split(separator: "\n").filter { !$0.hasPrefix("-") }
      return Array(try #require(Data(base64Encoded: lines.joined())))
    }

    /// A session file whose ticket, field [10] of SSL_SESSION, has one bit turned in its middle.
    private static func tamper(_ der: [UInt8], ticketOf directory: String) throws -> String {
      var changed = der
      // Context tag 10, constructed, then an OCTET STRING; lengths of two bytes each.
      let start = try #require(
        der.indices.first { index in
          index + 8 < der.count && der[index] == 0xAA && der[index + 1] & 0xF0 == 0x80
            && der[index + 2 + Int(der[index + 1] & 0x0F)] == 0x04
        })
      let header = 4 + 2 * Int(der[start + 1] & 0x0F)
      changed[start + header + 64] ^= 1
      let text = Data(changed).base64EncodedString(options: .lineLength64Characters)
      let file = "\(directory)/tampered.pem"
      try Files.write(
        "-----BEGIN SSL SESSION PARAMETERS-----\n\(text)\n"
          + "-----END SSL SESSION PARAMETERS-----\n", to: file)
      return file
    }
  }
}
