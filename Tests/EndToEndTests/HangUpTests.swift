import Testing
import World

extension EndToEnd {
  @Suite struct HangUpTests {
    @Test("SIGHUP takes over scenes and grants; a bad file changes nothing and is told in one line")
    func files() async throws {
      try await withWorld { plan in
        plan.regions = ["310000"]
        plan.services = ["issuer", "verifier"]
        plan.people = 200
      } body: { world in
        let home = world.home
        let works = Operator(world)
        let scenes = try await Self.useOwnScenes(world)
        let (_, code) = try await world.resident()
        let point = try home.point()
        try await point.scan(code, scene: "pool").expected("accepted", "the pool")

        // The pool closes to residents, and a new scene opens.
        try Files.write(
          Files.text("\(scenes)/pool.json").replacing("\"resident\", ", with: ""),
          to: "\(scenes)/pool.json")
        try Files.write(
          #"{"name": "museum", "number": 77, "colours": ["green"], "kinds": ["resident"]}"#,
          to: "\(scenes)/museum.json")
        let grants = "\(home.directory)/verifier-grants.json"
        try Files.write(
          Files.text(grants).replacing("\"parking\"]", with: "\"parking\",\"museum\"]"), to: grants)
        try await point.scan(code, scene: "pool").expected("accepted", "nothing happens by itself")
        try await works.reload("verifier")
        try await point.scan(code, scene: "pool").expected("wrong_scene", "the closed pool")
        try await point.scan(code, scene: "museum").expected("accepted", "the museum")

        for (file, text, words) in [
          ("\(scenes)/pool.json", "{\"name\": \"pool\"", "pool.json"),
          (grants, "{\"principals\": []", "grants_file"),
          ("\(home.directory)/verifier.pem", "no certificate", "verifier.pem"),
          (
            "\(home.directory)/verifier.key", Files.text("\(home.directory)/issuer.key"),
            "not the key"
          ),
        ] {
          let whole = Files.bytes(file)
          // What is good beside it must not be taken over either.
          try Files.write(
            Files.text("\(scenes)/museum.json").replacing("green", with: "yellow"),
            to: "\(scenes)/museum.json")
          try Files.write(text, to: file)
          let lines = Self.errors(home.verifier)
          try await works.reload("verifier", refused: true)
          let news = Self.errors(home.verifier).dropFirst(lines.count)
          #expect(news.count == 1 && news.first?.contains(words) == true, "\(news)")
          try await point.scan(code, scene: "museum").expected("accepted", "as before")
          #expect(try await works.probe("/readyz", of: "verifier").status == 200)
          try Files.write(whole, to: file)
          try Files.write(
            Files.text("\(scenes)/museum.json").replacing("yellow", with: "green"),
            to: "\(scenes)/museum.json")
        }
        try await works.reload("verifier")
        try await point.scan(code, scene: "museum").expected("accepted", "all is good again")
      }
    }

    /// Has the verifier read scenes of this test's own; their directory.
    private static func useOwnScenes(_ world: World) async throws -> String {
      let scenes = "\(world.home.directory)/scenes"
      try Files.makeDirectory(scenes)
      for name in Files.names(in: world.programs.scenes) {
        try Files.write(Files.bytes("\(world.programs.scenes)/\(name)"), to: "\(scenes)/\(name)")
      }
      let configuration = world.home.verifier.configurationFile
      try Files.write(
        Files.text(configuration).replacing(world.programs.scenes, with: scenes),
        to: configuration)
      try await world.home.verifier.restart()
      world.home.forgetClients()
      return scenes
    }

    private static func errors(_ daemon: Daemon) -> [Substring] {
      Files.text(daemon.logFile).split(separator: "\n").filter { $0.contains("\"level\":\"error\"") }
    }
  }
}
