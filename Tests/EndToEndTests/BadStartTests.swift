import Testing
import World

extension EndToEnd {
  @Suite struct BadStartTests {
    /// One mistake: what is set over a good configuration, and what the message must name.
    private struct Mistake {
      let service: String
      let settings: [String]
      let words: [String]

      init(_ service: String, _ settings: String..., says words: String...) {
        self.service = service
        self.settings = settings
        self.words = words
      }
    }

    @Test("P-91: each of forty bad configurations is refused at the start with one clear line")
    func mistakes() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.people = 100
      } body: { world in
        let files = try await Files91(world)
        var count = 0
        for mistake in Self.texts + files.wrongFiles + files.whileRunning {
          try await expectOneLine(world, mistake.service, mistake.settings, mistake.words)
          count += 1
        }
        await world.stop()
        for mistake in files.whileStopped {
          try await expectOneLine(world, mistake.service, mistake.settings, mistake.words)
          count += 1
        }
        #expect(count >= 40)
        print("P-91: \(count) bad configurations refused")
      }
    }

    /// Values that cannot be.
    private static var texts: [Mistake] {
      [
        Mistake("verifier", "stale_afer_seconds=3", says: "stale_afer", "Did you mean stale_after"),
        Mistake("verifier", "conections_max=9", says: "Did you mean connections_max?"),
        Mistake("issuer", "loops=many", says: "loops", "whole number from 0 to 256"),
        Mistake("relay", "drain_seconds=-1", says: "drain_seconds", "0 to 600"),
        Mistake("verifier", "share_port=yes", says: "share_port", "true or false"),
        Mistake("verifier", "region=", says: "region is not set", "CITYCODE_VERIFIER_REGION"),
        Mistake("verifier", "region=31", says: "six digits"),
        Mistake("relay", "listen=nonsense", says: "\"nonsense\"", "host:port"),
        Mistake("relay", "listen=127.0.0.1:70000", says: "127.0.0.1:70000", "host:port"),
        Mistake("relay", "listen=203.0.113.7:0", says: "203.0.113.7 is not an address of this"),
        Mistake("relay", "listen_h2c=0.0.0.0:0", says: "listen_h2c", "h2c_anywhere=true"),
        Mistake("verifier", "log_level=loud", says: "log_level", "warning"),
        Mistake("verifier", "degradation_level=D9", says: "degradation_level", "D3"),
        Mistake("verifier", "partners=33", says: "partners", "\"33\""),
        Mistake("verifier", "relay_url=ftp://relay:1", says: "ftp://relay:1", "https://host:port"),
        Mistake("relay", "partners=330000", says: "330000=https://host:port"),
        Mistake("relay", "follow_url=https://issuer", says: "https://issuer", "host:port"),
        Mistake("issuer", "code_lifetime_seconds=5", says: "code_lifetime_seconds", "15 to 3825"),
        Mistake("verifier", "journal_directory=", says: "journal_directory is not set"),
      ]
    }

    /// Files made wrong for this test.
    private struct Files91 {
      let world: World
      let directory: String
      private var home: Site { world.home }

      init(_ world: World) async throws {
        self.world = world
        directory = "\(world.directory)/wrong"
        try Files.makeDirectory("\(directory)/no-scenes")
        try Files.makeDirectory("\(directory)/bad-scenes")
        try Files.makeDirectory("\(directory)/same-scenes")
        try Files.write("", to: "\(directory)/empty")
        try Files.write("{\"principals\": [", to: "\(directory)/cut.json")
        try Files.write(
          #"{"principals": [{"name": "a", "grants": ["scan"]}]}"#, to: "\(directory)/grant.json")
        try Files.write(
          #"{"principals": [{"name": "a", "grants": []}, {"name": "a", "grants": []}]}"#,
          to: "\(directory)/twice.json")
        try Files.write("short", to: "\(directory)/short")
        let scene = #"{"name": "a", "number": 1, "colours": ["green"], "kinds": ["resident"]"#
        try Files.write(scene + #", "colour": 1}"#, to: "\(directory)/bad-scenes/a.json")
        try Files.write(scene + "}", to: "\(directory)/same-scenes/a.json")
        try Files.write(
          scene.replacing("\"a\"", with: "\"b\"") + "}", to: "\(directory)/same-scenes/b.json")
        let key = "\(directory)/readable.key"
        try Files.write(Files.bytes("\(world.home.directory)/verifier.key"), to: key)
        Spawn.setMode(key, 0o644)
        for name in ["region-secret", "pepper"] {
          let path = "\(directory)/readable-\(name)"
          try Files.write(Files.bytes("\(world.home.directory)/secrets/\(name)"), to: path)
          Spawn.setMode(path, 0o640 | 0o004)
        }
        try await makeCertificate("over", from: "20200101000000Z", to: "20200102000000Z")
        try await makeCertificate("early", from: "20900101000000Z", to: "20910102000000Z")
      }

      private func makeCertificate(_ name: String, from: String, to end: String) async throws {
        let path = "\(directory)/\(name)"
        try Files.write("", to: "\(path).index")
        try Files.write(
          """
          [ca]
          default_ca = own
          [own]
          new_certs_dir = \(directory)
          database = \(path).index
          rand_serial = yes
          default_md = sha256
          policy = policy
          [policy]
          commonName = supplied

          """, to: "\(path).cnf")
        try await Command.require(
          "openssl",
          [
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", "\(path).key", "-out", "\(path).csr", "-subj", "/CN=\(name)",
          ])
        try await Command.require(
          "openssl",
          [
            "ca", "-batch", "-notext", "-selfsign", "-config", "\(path).cnf", "-keyfile",
            "\(path).key", "-in", "\(path).csr", "-out", "\(path).pem", "-startdate", from,
            "-enddate", end,
          ])
      }

      var wrongFiles: [Mistake] {
        let own = "\(home.directory)/verifier"
        return [
          Mistake(
            "verifier", "certificate_file=/nowhere/a.pem", says: "/nowhere/a.pem", "no such file"),
          Mistake(
            "verifier", "certificate_file=\(own).key", says: "\(own).key", "PEM certificates"),
          Mistake("verifier", "key_file=\(home.directory)/issuer.key", says: "not the key of"),
          Mistake("verifier", "key_file=/nowhere/a.key", says: "/nowhere/a.key", "create or mount"),
          Mistake(
            "verifier", "key_file=\(directory)/readable.key", says: "readable.key", "chmod 0600"),
          Mistake("verifier", "key_file=\(directory)", says: "not a regular file"),
          Mistake(
            "verifier", "certificate_file=\(directory)/over.pem", "key_file=\(directory)/over.key",
            says: "certificate_file: /CN=over ended"),
          Mistake(
            "verifier", "certificate_file=\(directory)/early.pem",
            "key_file=\(directory)/early.key", says: "/CN=early begins", "clock"),
          Mistake("verifier", "client_ca_file=\(directory)/empty", says: "empty", "PEM"),
          Mistake(
            "verifier", "grants_file=/nowhere/g.json", says: "grants_file", "/nowhere/g.json"),
          Mistake("verifier", "grants_file=\(directory)/cut.json", says: "cut.json", "JSON"),
          Mistake(
            "verifier", "grants_file=\(directory)/grant.json", says: "unknown grant \"scan\""),
          Mistake("verifier", "grants_file=\(directory)/twice.json", says: "name a stands twice"),
          Mistake("verifier", "ticket_secret_file=\(directory)/short", says: "32 or more"),
          Mistake("verifier", "scenes_directory=\(directory)/no-scenes", says: "holds no .json"),
          Mistake("verifier", "scenes_directory=/nowhere", says: "scenes_directory", "/nowhere"),
          Mistake(
            "verifier", "scenes_directory=\(directory)/bad-scenes", says: "a.json", "\"colour\""),
          Mistake("verifier", "scenes_directory=\(directory)/same-scenes", says: "stands twice"),
          Mistake(
            "relay", "follow_url=https://127.0.0.1:1", "sealer_public_key_file=\(own).pem",
            says: "sealer_public_key_file", "\(own).pem"),
        ]
      }

      /// What a second process of a host does wrong.
      var whileRunning: [Mistake] {
        let port = home.ports["issuer"]!.https
        return [
          Mistake("relay", "listen=127.0.0.1:\(port)", says: "port \(port)", "in use"),
          Mistake("relay", "admin_listen=127.0.0.1:\(port)", says: "port \(port)", "in use"),
          Mistake("verifier", says: "\(home.directory)/journal", "end that one first"),
          Mistake("issuer", says: "\(home.directory)/cache", "end that one first"),
          Mistake(
            "relay", "follow_url=https://127.0.0.1:1", says: "cache_directory",
            "\(home.directory)/cache"),
        ]
      }

      var whileStopped: [Mistake] {
        [
          Mistake("issuer", "region_secret_file=/nowhere/s", says: "/nowhere/s", "create or mount"),
          Mistake("issuer", "region_secret_file=\(directory)/short", says: "64 hexadecimal digits"),
          Mistake(
            "issuer", "region_secret_file=\(directory)/readable-region-secret", says: "chmod 0600"),
          Mistake("issuer", "pepper_file=\(directory)/readable-pepper", says: "chmod 0600"),
          Mistake("issuer", "sealer_key_file=\(home.directory)/issuer.key", says: "Ed25519"),
          Mistake("issuer", "data_directory=/sys/citycode", says: "/sys/citycode"),
          Mistake("issuer", "region=440000", says: "440000", "310000"),
          Mistake("verifier", "region=440000", says: "440000", "310000"),
        ]
      }
    }
  }
}

/// Starts `service` with `settings` over its own; it must end at once, and say in one line of its
/// own what is wrong.
private func expectOneLine(
  _ world: World, _ service: String, _ settings: [String], _ words: [String]
) async throws {
  let configuration = world.home.daemon(service).configurationFile
  // Beside the service that may be running: any ports but its own.
  let all = ["admin_listen=127.0.0.1:0", "listen=127.0.0.1:0", "listen_h2c="] + settings
  let result = try await Command.run(
    world.programs.path(of: service),
    ["serve", "--config", configuration] + all.flatMap { ["--set", $0] }, timeoutSeconds: 20)
  let place: Comment = "\(service) \(settings): \(result.ending) \(result.error)"
  #expect(result.ending == .exited(64) || result.ending == .exited(1), place)
  #expect(result.output == "", place)
  // Beside it, what a service logs on its way there.
  let lines = result.error.split(separator: "\n").filter { !$0.contains(" warning \(service) ") }
  #expect(lines.count == 1 && lines.first?.hasPrefix("\(service): ") == true, place)
  for word in words { #expect(result.error.contains(word), place) }
}
