import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct BadConfigurationTests {
    @Test("a service that cannot start says what is wrong, where, and what to do")
    func table() async throws {
      try await withWorld { world in
        let home = world.home
        let port = home.ports["issuer"]!.https
        func refuses(
          _ service: String, _ settings: [String], exit: Int32? = 64, saying: String...
        ) async throws {
          try await expectRefusal(world, service, settings, exit: exit, saying: saying)
        }
        for service in ["issuer", "verifier", "relay"] {
          try await refuses(
            service, ["listn=127.0.0.1:1"], saying: "unknown configuration key \"listn\"",
            "Did you mean listen")
          try await refuses(service, ["loops=many"], saying: "loops", "whole number")
          try await refuses(service, ["region=31"], saying: "region", "six digits")
          try await refuses(
            service, ["key_file=/nowhere/\(service).key"], saying: "/nowhere/\(service).key")
          try await refuses(
            service, ["grants_file=/nowhere/grants.json"], saying: "/nowhere/grants.json")
          try await refuses(service, ["log_level=loud"], saying: "log_level")
        }
        // The relay holds neither registry nor journal, so ports are all it can fail on.
        let free = ["admin_listen=127.0.0.1:0", "listen=127.0.0.1:0", "listen_h2c="]
        for key in ["admin_listen", "listen", "listen_h2c"] {
          try await refuses(
            "relay", free + ["\(key)=127.0.0.1:\(port)"], saying: "port \(port)", "in use")
        }
        try await refuses(
          "relay", free + ["listen_h2c=0.0.0.0:0"], saying: "listen_h2c", "h2c_anywhere")

        await world.stop()
        try await refuses(
          "issuer", ["region_secret_file=/nowhere/region-secret"],
          saying: "/nowhere/region-secret")
        try await refuses(
          "issuer", ["data_directory=/sys/citycode"], exit: nil, saying: "/sys/citycode")
        try await refuses(
          "issuer", ["cache_directory=/sys/citycode"], exit: nil, saying: "/sys/citycode")
        try await refuses(
          "verifier", ["journal_directory=/sys/citycode"], exit: nil, saying: "/sys/citycode")
        try await refuses(
          "verifier", ["scenes_directory=\(home.directory)/tokens"], exit: nil,
          saying: "scenes_directory")
        try await refuses("issuer", ["region=440000"], exit: nil, saying: "440000", "310000")
        try await refuses("verifier", ["region=440000"], exit: nil, saying: "440000", "310000")
      }
    }

    @Test("a secret that others may read is refused")
    func exposedSecret() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer"]
        plan.people = 100
      } body: { world in
        await world.stop()
        for name in ["region-secret", "pepper", "sealer.pem"] {
          let path = "\(world.home.directory)/secrets/\(name)"
          Spawn.setMode(path, 0o644)
          try await expectRefusal(world, "issuer", [], exit: 64, saying: [path, "chmod"])
          Spawn.setMode(path, 0o600)
        }
      }
    }

    @Test("a torn or foreign LMDB file is named, and left as it is")
    func tornFile() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.people = 100
      } body: { world in
        await world.stop()
        let home = world.home
        let whole = Files.bytes("\(home.directory)/cache/data.mdb")
        try Files.makeDirectory("\(home.directory)/torn")
        for bytes in [Array(whole.prefix(3_000)), Array("not a database, but long enough".utf8)] {
          let path = "\(home.directory)/torn/data.mdb"
          try Files.write(bytes, to: path)
          // Not the issuer's cache: its writer puts a torn one aside and makes it anew.
          for (service, key) in [
            ("issuer", "data_directory"), ("verifier", "cache_directory"),
            ("verifier", "journal_directory"),
          ] {
            try await expectRefusal(
              world, service, ["\(key)=\(home.directory)/torn"], exit: nil,
              saying: ["\(home.directory)/torn"])
            #expect(Files.bytes(path) == bytes)
          }
        }
      }
    }
  }
}

/// Starts `service` with its configuration and `settings` over it; it must end at once with
/// `exit` (any failure when `nil`) and a message on standard error that contains `saying`.
private func expectRefusal(
  _ world: World, _ service: String, _ settings: [String], exit: Int32?, saying: [String]
) async throws {
  let configuration = world.home.daemon(service).configurationFile
  let result = try await Command.run(
    world.programs.path(of: service),
    ["serve", "--config", configuration] + settings.flatMap { ["--set", $0] }, timeoutSeconds: 10)
  let place: Comment = "\(service) \(settings): \(result.error)"
  if let exit {
    #expect(result.ending == .exited(exit), place)
  } else {
    #expect(result.ending == .exited(64) || result.ending == .exited(1), place)
  }
  #expect(result.output == "", place)
  for part in saying { #expect(result.error.contains(part), place) }
  // One message, not a dump.
  #expect(result.error.split(separator: "\n").count <= 6, place)
}
