import Testing

@testable import Server

@Suite struct EndpointTests {
  @Test(
    "reads host:port and [address]:port",
    arguments: [
      ("127.0.0.1:8440", "127.0.0.1", 8_440, true), ("[::1]:443", "::1", 443, true),
      ("localhost:0", "localhost", 0, true), ("0.0.0.0:65535", "0.0.0.0", 65_535, false),
      ("[::]:1", "::", 1, false), ("issuer.example:8440", "issuer.example", 8_440, false),
      ("127.0.0.2:1", "127.0.0.2", 1, false),
      ("localhost.example:1", "localhost.example", 1, false),
    ])
  func read(text: String, host: String, port: Int, isLoopback: Bool) throws {
    let endpoint = try Endpoint(text, tls: nil)
    #expect(endpoint.host == host)
    #expect(endpoint.port == port)
    #expect(endpoint.isLoopback == isLoopback)
  }

  @Test(
    "refuses other text and quotes it",
    arguments: [
      "", "8440", ":8440", "localhost", "localhost:", "localhost:http", "localhost:65536",
      "localhost:-1", "localhost:80x", "localhost:8 0",
    ])
  func refused(text: String) {
    do {
      let endpoint = try Endpoint(text, tls: nil)
      Issue.record("took \(endpoint.host) \(endpoint.port)")
    } catch {
      #expect(error.message.contains("\"\(text)\"") && error.message.contains("host:port"))
    }
  }
}

@Suite struct UpstreamURLTests {
  @Test(
    "reads https://host:port and http://host:port",
    arguments: [
      ("https://127.0.0.1:9443", true, "127.0.0.1", 9_443, "127.0.0.1:9443"),
      ("http://localhost:1", false, "localhost", 1, "localhost:1"),
      ("https://relay.example:65535/", true, "relay.example", 65_535, "relay.example:65535"),
      ("https://[::1]:443", true, "::1", 443, "[::1]:443"),
    ])
  func read(text: String, isTLS: Bool, host: String, port: Int, authority: String) throws {
    let url = try UpstreamURL(text)
    #expect(url.isTLS == isTLS && url.host == host && url.port == port)
    #expect(url.authority == authority)
  }

  @Test(
    "refuses other text and quotes it",
    arguments: [
      "", "https://:9443", "127.0.0.1:9443", "ftp://a:1", "HTTPS://a:1", "https://", "https://a",
      "https://a:",
      "https://a:0", "https://a:65536", "https://a:b", "https://a:1/path", "https://a:1//",
      "https://user@a:1", "https://u:p@a:1", "https:/a:1", " https://a:1", "https://a:1?x",
    ])
  func refused(text: String) {
    do {
      let url = try UpstreamURL(text)
      Issue.record("took \(url)")
    } catch {
      #expect(error.message.contains("\"\(text)\"") && error.message.contains("https://host:port"))
    }
  }
}
