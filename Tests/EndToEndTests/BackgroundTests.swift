import Testing
import World

extension EndToEnd {
  @Suite struct BackgroundTests {
    @Test("`demo up` leaves a world that its env file describes, and `demo down` ends it")
    func upAndDown() async throws {
      try await Scratchpad.withDirectory { directory in
        let demo = try Programs().path(of: "demo")
        do {
          let up = try await Command.run(
            demo, ["up", "--people", "1200", "--directory", directory], timeoutSeconds: 120)
          #expect(up.hasSucceeded, "\(up.error)")
          #expect(try await sources(directory, codes: 1_000))
          try await commandsWork(directory)
          let again = try await Command.run(demo, ["up", "--directory", directory])
          #expect(again.hasSucceeded)
          #expect(again.output.contains("up already"))
        } catch {
          _ = try await Command.run(demo, ["down", "--directory", directory])
          throw error
        }
        let background = Background(directory: directory)
        #expect(background.running.count == 6)
        let down = try await Command.run(demo, ["down", "--directory", directory])
        #expect(down.output.contains("Ended 6 services"))
        #expect(background.running.isEmpty)
        #expect(!Spawn.exists("\(directory)/env"))
        let nothing = try await Command.run(demo, ["down", "--directory", directory])
        #expect(nothing.output.contains("No world is up"))
      }
    }

    @Test(
      "`demo run` tells the story, and Ctrl-C ends it and all its services", .timeLimit(.minutes(2))
    )
    func runUntilInterrupted() async throws {
      try await Scratchpad.withDirectory { directory in
        let demo = try Programs().path(of: "demo")
        let output = "\(directory)/output"
        let process = try Spawn.start(
          demo, ["run", "--people", "1200", "--directory", directory],
          streams: .init(output: .file(output), error: .file("\(directory)/error")))
        do {
          try await eventually("the story is told", within: .seconds(60)) {
            Files.text(output).contains("Ctrl-C ends it all.") || Spawn.reap(process) != nil
          }
          let background = Background(directory: directory)
          #expect(background.running.count == 6)
          #expect(Spawn.exists(background.environmentFile))
          Spawn.send(.interrupt, to: process)
          let ending = try await Command.ending(of: process, within: .seconds(30))
          #expect(ending == .exited(0), "\(Files.text("\(directory)/error"))")
          #expect(background.running.isEmpty)
          #expect(!Spawn.exists(background.environmentFile))
          let text = Files.text(output)
          #expect(text.contains("[12/12]") && text.contains("All ended."))
        } catch {
          Spawn.send(.kill, to: process)
          throw error
        }
      }
    }

    /// A shell can read the env file: all variables are set, and every sample code passes.
    private func sources(_ directory: String, codes: Int) async throws -> Bool {
      let script = """
        set -eu
        . "$1/env"
        for prefix in "" PARTNER_; do
          for service in ISSUER VERIFIER RELAY; do
            for kind in URL H2C_URL ADMIN_URL; do
              name="$prefix${service}_$kind"; eval "value=\\$$name"; test -n "$value"
            done
          done
        done
        test -s "$CA_FILE"; test -n "$CHANNEL_TOKEN$POINT_TOKEN$AUTHORITY_TOKEN$SAMPLE_HANDLE"
        sort -u "$SAMPLE_CODES" | wc -l
        head -256 "$SAMPLE_CODES" > "$1/batch"
        curl -sS --http2-prior-knowledge -H "authorization: Bearer $POINT_TOKEN" \\
          -H "content-type: text/plain" --data-binary "@$1/batch" \\
          "$VERIFIER_H2C_URL/v1/scans/batch" \\
          | grep -o '"outcome":"accepted"' | wc -l
        """
      let result = try await Command.run("sh", ["-c", script, "sh", directory])
      #expect(result.hasSucceeded, "\(result.error)")
      #expect(result.output.split(separator: "\n") == ["\(codes)", "256"])
      return result.hasSucceeded
    }

    /// The commands that `demo run` shows, in the order in which they are shown.
    private func commandsWork(_ directory: String) async throws {
      let commands = World.commands(environmentFile: "\(directory)/env")
      let result = try await Command.run("bash", ["-ec", commands.joined(separator: "\necho\n")])
      #expect(result.hasSucceeded, "\(result.error)")
      #expect(result.error == "")
      let outcomes = result.output.split(separator: "\n").compactMap { line in
        line.split(separator: "\"outcome\":\"").dropFirst().first?.prefix { $0 != "\"" }
      }
      // At the gate; after yellow; and in the other region.
      #expect(outcomes == ["accepted", "colour", "colour"])
      #expect(result.output.contains("[+] status_cache ok\n"))
      #expect(result.output.contains("█") || result.output.contains("▀"))
    }
  }
}
