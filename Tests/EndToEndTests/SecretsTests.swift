import HTTP2
import Testing
import World

extension EndToEnd {
  @Suite struct SecretsTests {
    @Test("P-58: no log line of a whole run holds a secret, code, token or identity number")
    func secrets() async throws {
      try await withWorld { plan in
        for service in plan.services { plan.settings[service] = ["log_level": "trace"] }
      } body: { world in
        var story = try await Story(world: world) { _ in }
        try await story.play()
        let people = try await world.sample(of: world.home, count: 1_200)
        try await provoke(world, people)

        var needles = people.map(\.document.number) + world.codesSeen
        for site in world.sites {
          needles += Role.allCases.map(site.credentials.token)
          for name in ["region-secret", "pepper", "sealer.pem"] {
            needles += secretLines("\(site.directory)/secrets/\(name)")
          }
          needles += ["issuer", "verifier", "relay"].flatMap {
            secretLines("\(site.directory)/\($0).key")
          }
        }
        #expect(needles.allSatisfy { $0.count >= 8 })
        let file = "\(world.directory)/needles"
        try Files.write(needles.joined(separator: "\n") + "\n", to: file)
        // The search finds what is there ...
        try Files.write("x \(world.codesSeen[0]) y\n", to: "\(world.directory)/planted")
        #expect(try await hits(file, in: ["\(world.directory)/planted"]) != "")
        // ... and nothing in the logs, nor on the command lines and in the environments.
        #expect(try await hits(file, in: ["\(world.directory)/logs"]) == "")
        for daemon in world.sites.flatMap(\.daemons) {
          // The environment may be unreadable, which is as good.
          let process = "/proc/\(daemon.processID ?? 0)"
          let shown = Files.text("\(process)/cmdline") + Files.text("\(process)/environ")
          #expect(shown.contains("serve") && !needles.contains { shown.contains($0) })
        }
        // No identity number and no token is stored either.
        await world.stop()
        for site in world.sites {
          let stores = ["data", "cache", "journal"].map { "\(site.directory)/\($0)" }
          #expect(try await hits(file, in: stores) == "")
        }
      }
    }

    /// Requests that tempt a service to log or repeat what it was sent.
    private func provoke(_ world: World, _ people: [Person]) async throws {
      let code = world.codesSeen[0]
      let number = people[0].document.number
      for service in ["issuer", "verifier", "relay"] {
        let client = try world.home.client(service, as: .nobody)
        for path in ["/v1/scans/\(code)", "/\(number)", "/v1/codes?code=\(code)"] {
          let answer = try await client.send(
            .post, path, type: "application/json", body: Array("{\"code\":\"\(code)\"".utf8))
          #expect(!answer.text.contains(code) && !answer.text.contains(number))
        }
      }
      let body = Array("{\"document\":{\"type\":\"resident_id\",\"number\":\"\(number)\"".utf8)
      let malformed = try await world.home.client("issuer", as: .channel).send(
        .post, "/v1/holders", type: "application/json", body: body)
      #expect(malformed.status == 400)
      #expect(!malformed.text.contains(number))
    }

    /// The lines of a key file that are secret.
    private func secretLines(_ path: String) -> [String] {
      Files.text(path).split(separator: "\n").map(String.init).filter { !$0.hasPrefix("-----") }
        .filter { $0.count >= 8 }
    }

    /// What `grep` finds of the lines of `file` in files and folders.
    private func hits(_ file: String, in places: [String]) async throws -> String {
      let result = try await Command.run(
        "grep", ["-r", "-a", "-l", "-F", "-f", file, "--"] + places)
      // 1: nothing found; 2: a place could not be read.
      #expect(result.ending != .exited(2), "\(result.error)")
      return result.output
    }
  }
}
