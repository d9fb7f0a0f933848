import Testing
import World

extension EndToEnd {
  @Suite struct ToolTests {
    @Test("curl, nghttp and h2load talk to all three services, over TLS and in the clear")
    func tools() async throws {
      try await withWorld { world in
        for service in ["issuer", "verifier", "relay"] {
          for url in [world.home.url(service), world.home.clearURL(service)] {
            let nghttp = try await Command.require("nghttp", ["-v", "--no-verify-peer", url + "/"])
            #expect(nghttp.contains(":status: 404"), "\(nghttp)")
            #expect(nghttp.contains("recv SETTINGS frame"))
            #expect(nghttp.contains("application/problem+json"))
            let load = try await Command.require(
              "h2load", ["-n", "200", "-c", "4", "-m", "8", url + "/"])
            #expect(load.contains("200 done, 0 succeeded, 200 failed, 0 errored"), "\(load)")
            #expect(load.contains("200 4xx"), "\(load)")
          }
          let curl = try await Command.require(
            "curl",
            [
              "-sS", "--http2", "--cacert", world.certificateFile, "-o", "/dev/null", "-w",
              "%{http_version} %{http_code}", world.home.url(service) + "/",
            ])
          #expect(curl == "2 404")
        }
      }
    }

    @Test("h2load posts one code a thousand times and gets a thousand answers")
    func load() async throws {
      try await withWorld { world in
        let (_, code) = try await world.resident()
        let file = "\(world.directory)/code"
        try Files.write(code, to: file)
        let output = try await Command.require(
          "h2load",
          [
            "-n", "1000", "-c", "4", "-m", "16", "-d", file, "-H", "content-type: text/plain", "-H",
            "authorization: Bearer \(world.home.credentials.token(.point))",
            world.home.clearURL("verifier") + "/v1/scans",
          ])
        #expect(output.contains("1000 2xx, 0 3xx, 0 4xx, 0 5xx"), "\(output)")
      }
    }
  }
}
