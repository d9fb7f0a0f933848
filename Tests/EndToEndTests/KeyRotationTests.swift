import Codes
import HTTP2
import Security
import Server
import Testing
import World

extension EndToEnd {
  @Suite struct KeyRotationTests {
    private static let rounds = 4

    @Test("P-53: secret, tokens and certificates are rotated under load, and no answer is wrong")
    func rotations() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
        // The key of tomorrow's codes is there today, so that a code shows it.
        plan.settings["issuer"] = ["epoch_keys_hours_ahead": "40"]
      } body: { world in
        let home = world.home
        let works = Operator(world)
        let handles = try await world.handles(count: 60)
        let channel = try home.channel()
        let tomorrow = WallClock.now().cityTime.advanced(bySeconds: 24 * 3_600).description
        let ahead = try await channel.code(
          of: handles[0], .init(validFrom: tomorrow, lifetimeSeconds: 3_600))
        let early = try await channel.code(of: handles[0], .init(lifetimeSeconds: 3_600))
        let load = try CodeLoad(home, handles: handles)
        async let running: Void = load.run()
        do {
          for round in 0..<Self.rounds {
            try await Self.rotateSecret(works)
            try await Self.rotateToken(works, load, round)
            for service in ["issuer", "verifier"] {
              try await Self.rotateCertificate(works, service, round)
            }
            // Sealed before all rotations, opened after each: early, but authentic.
            let point = Point(client: try Self.pointClient(works))
            try await point.scan(ahead, scene: "health_gate").expected("not_yet_valid", "ahead")
            try await point.scan(early, scene: "health_gate").expected("accepted", "the first code")
            #expect(load.faults.isEmpty)
          }
        } catch {
          load.stop()
          await running
          throw error
        }
        load.stop()
        await running
        #expect(load.faults == [])
        let scans = load.scanCount
        #expect(scans > 100, "the load was none")
        print("P-53: \(Self.rounds) rotations of each key, \(scans) codes issued and scanned")
        try await Self.restart(works, early, ahead, handles)
      }
    }

    private static func rotateSecret(_ works: Operator) async throws {
      let said = try await works.rotate(
        "region-secret", "--config", works.site.issuer.configurationFile)
      #expect(said.contains("takes effect at") && said.contains("SIGHUP"))
      try await works.reload("issuer")
    }

    private static func tokenFile(_ works: Operator) -> String {
      "\(works.site.directory)/new-point-token"
    }

    private static func pointClient(_ works: Operator) throws -> APIClient {
      let token = Files.text(tokenFile(works)).split(separator: "\n").first.map(String.init)
      return try works.site.newClient("verifier", token: token)
    }

    /// The point gets a new token, moves to it, and the old one is taken back.
    private static func rotateToken(
      _ works: Operator, _ load: CodeLoad, _ round: Int
    ) async throws {
      let before =
        round == 0 ? try works.site.client("verifier", as: .point) : try pointClient(works)
      let grants = "\(works.site.directory)/verifier-grants.json"
      try await works.rotate(
        "token", "--grants", grants, "--principal", "people-square", "--out", tokenFile(works))
      try await works.reload("verifier")
      try await load.use(scanning: try pointClient(works))
      #expect(try await before.send(.post, "/v1/scans").status != 403, "both count")
      try await works.rotate(
        "token", "--grants", grants, "--principal", "people-square", "--retire")
      try await works.reload("verifier")
      #expect(try await before.send(.post, "/v1/scans").status == 403, "the old one is gone")
    }

    private static func rotateCertificate(
      _ works: Operator, _ service: String, _ round: Int
    ) async throws {
      let path = "\(works.site.directory)/new-\(service)-\(round)"
      try await works.site.issueCertificate(of: service, path: path)
      let said = try await works.rotate(
        "tls", "--certificate", "\(path).pem", "--key", "\(path).key", "--config",
        works.site.daemon(service).configurationFile)
      #expect(said.contains("SIGHUP"))
      // A client of its own, which gets a ticket with the old certificate.
      let loops = Loops(count: 1)
      defer { loops.shutDown() }
      let tls = try TLSContext.client(caFile: works.world.certificateFile)
      func connect() async throws {
        let client = try APIClient(works.site.url(service), tls: tls, token: nil, on: loops.all[0])
        _ = try await client.get("/")
        client.close()
      }
      try await connect()
      let resumed = "citycode_tls_handshakes_total{result=\"resumed\"}"
      let before = try await works.metric(resumed, of: service)
      try await works.reload(service)
      let serial = try await works.serial(of: "\(path).pem")
      #expect(try await works.servedSerial(service) == serial)
      try await connect()
      #expect(try await works.metric(resumed, of: service) > before, "the ticket is good still")
    }

    /// Started anew on the files as they are now, the services know all that was made before.
    private static func restart(
      _ works: Operator, _ early: String, _ ahead: String, _ handles: [String]
    ) async throws {
      let text = Files.text("\(works.site.directory)/secrets/region-secret")
      #expect(text.hasPrefix("citycode-region-secret 1\n"))
      #expect(
        text.split(separator: "\n").count == 4, "the pending secret is replaced, not piled up")
      try await works.site.issuer.restart()
      try await works.site.verifier.restart()
      works.site.forgetClients()
      let point = Point(client: try pointClient(works))
      try await point.scan(early, scene: "health_gate").expected("accepted", "after the restart")
      try await point.scan(ahead, scene: "health_gate").expected("not_yet_valid", "and ahead")
      #expect(try await works.world.handles(count: handles.count) == handles)
    }

    @Test("a secret that would kill codes is refused by SIGHUP; a certificate of others by rotate")
    func refusals() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer"]
        plan.people = 100
      } body: { world in
        let works = Operator(world)
        let secret = "\(world.home.directory)/secrets/region-secret"
        let whole = Files.bytes(secret)
        let said = try await works.rotate(
          "region-secret", "--leaked", "--config", world.home.issuer.configurationFile)
        #expect(said.contains("Restart the issuer"))
        try await works.reload("issuer", refused: true)
        try Files.write(String(repeating: "ab", count: 32), to: secret)
        try await works.reload("issuer", refused: true)
        try Files.write(whole, to: secret)
        try await works.reload("issuer")
        let log = Files.text(world.home.issuer.logFile)
        #expect(log.contains("of which codes or keys may have been given out"))
        #expect(log.contains("every handle would change"))

        // Of another authority, and with another's key.
        let other = "\(world.directory)/other"
        try await Command.require(
          "openssl",
          [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", "\(other).key", "-out", "\(other).pem", "-subj", "/CN=other",
          ])
        let own = "\(world.home.directory)/issuer"
        let served = Files.bytes("\(own).pem")
        for (certificate, reason) in [(other, "no authority"), (own, "not the key of")] {
          let result = try await Command.run(
            world.programs.path(of: "issuer"),
            [
              "keys", "rotate", "tls", "--certificate", "\(certificate).pem", "--key",
              "\(other).key", "--config", world.home.issuer.configurationFile,
            ])
          #expect(result.ending == .exited(1) && result.error.contains(reason), "\(result.error)")
        }
        #expect(Files.bytes("\(own).pem") == served)
      }
    }
  }
}
