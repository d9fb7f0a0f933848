import Testing
import World

extension EndToEnd {
  @Suite struct ReadmeTests {
    /// The lines of the README's shell blocks, those that go on joined, comments cut.
    private func commands(_ programs: Programs) -> [String] {
      var commands: [String] = []
      var isInside = false
      var goesOn = false
      for line in Files.text("\(programs.root)/README.md").split(separator: "\n") {
        if line.hasPrefix("```") {
          isInside = line == "```sh"
          continue
        }
        guard isInside else { continue }
        let text = line.hasPrefix("#") ? "" : line.split(separator: "  # ")[0]
        if goesOn {
          commands[commands.count - 1] += "\n\(text)"
        } else {
          commands.append(String(text))
        }
        goesOn = text.hasSuffix("\\")
      }
      return commands.map { String($0.trimmed) }.filter { !$0.isEmpty }
    }

    @Test("the README's curl lines work as they stand")
    func curlLines() async throws {
      try await withWorld { world in
        try await world.writeEnvironment(directory: world.directory)
        let lines = commands(world.programs).filter { $0.contains("curl ") }
        #expect(lines.count >= 2)
        let script = "set -eu -o pipefail\n. '\(world.directory)/env'\n"
        let result = try await Command.run(
          "bash", ["-c", script + lines.joined(separator: "\necho\n")])
        #expect(result.hasSucceeded, "\(result.error)")
        #expect(result.output.contains("\"code\":\""))
        #expect(result.output.contains("\"outcome\":\"accepted\""))
      }
    }

    @Test("every command that the README names exists, with the options it shows")
    func others() async throws {
      let programs = try Programs()
      let commands = commands(programs)
      #expect(commands.contains { $0.hasPrefix("make run") })
      #expect(commands.contains { $0.hasPrefix("make test") })
      for command in commands {
        let words = command.split(separator: " ").map(String.init)
        switch words[0] {
        case "make":
          let plan = try await Command.run(
            "make", ["--dry-run", "--directory", programs.root] + words.dropFirst())
          #expect(plan.hasSucceeded, "\(command): \(plan.error)")
        case "issuer", "verifier", "relay":
          let help = try await Command.require(programs.path(of: words[0]), [words[1], "--help"])
          for option in words where option.hasPrefix("--") {
            #expect(help.contains(option), "\(command): no \(option) in\n\(help)")
          }
        default: break
        }
      }
    }
  }
}

extension StringProtocol {
  fileprivate var trimmed: SubSequence {
    guard let end = lastIndex(where: { $0 != " " }) else { return prefix(0) }
    return self[...end].drop { $0 == " " }
  }
}
