import Testing
import World

extension EndToEnd {
  @Suite struct UnprivilegedTests {
    @Test("a world runs without any of root's capabilities")
    func noCapabilities() async throws {
      try await Scratchpad.withDirectory { directory in
        let isRoot = try await Command.require("id", ["-u"]) == "0\n"
        // Any other user has none to begin with.
        let drop = isRoot ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] : ["env"]
        let demo = try Programs().path(of: "demo")
        func run(_ arguments: String...) async throws -> Command.Result {
          try await Command.run(
            drop[0], drop.dropFirst() + [demo] + arguments + ["--directory", directory])
        }
        do {
          let up = try await run("up", "--people", "200")
          #expect(up.hasSucceeded, "\(up.error)")
          for issuer in Background(directory: directory).running where issuer.contains("issuer") {
            let pid = Files.text("\(directory)/world/pids/\(issuer)").dropLast()
            let status = Files.text("/proc/\(pid)/status")
            #expect(status.contains("CapEff:\t0000000000000000"), "\(status)")
          }
          #expect(try await run("down").output.contains("Ended 6 services"))
        } catch {
          _ = try await run("down")
          throw error
        }
      }
    }
  }
}
