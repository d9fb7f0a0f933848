import Testing

@testable import HTTP2

/// Two engines talk in memory, and every message is cut at every byte.
@Suite struct BoundaryTests {
  private static func head(_ method: HTTP2.Method, _ path: String) -> OutgoingRequest {
    OutgoingRequest(
      method, authority: "city.example", path: path,
      headers: [HeaderField("accept", "application/json"), HeaderField("x-scene", text: "pool")])
  }

  /// A client with three requests to send.
  private func makeClient() throws -> Client {
    let client = Client()
    try client.submit(Self.head(.get, "/a"))
    try client.submit(Self.head(.post, "/b"), [UInt8](repeating: 7, count: 100))
    try client.submit(Self.head(.head, "/c"))
    return client
  }

  private func answer(_ server: inout ServerSession) -> [String] {
    var paths: [String] = []
    while let request = server.nextRequest() {
      let path = String(decoding: request.path, as: UTF8.self)
      paths.append("\(path) \(request.body.count)")
      server.respond(to: request.streamID, status: 200, contentType: "text/plain") {
        $0 += path.utf8
      }
    }
    return paths
  }

  @Test("a server understands a flight cut at any byte")
  func cutsRequests() throws {
    let flight = try makeClient().flush()
    for cut in 0...flight.count {
      var server = ServerSession(limits: .anonymous)
      var paths: [String] = []
      for part in [flight[..<cut], flight[cut...]] {
        let bytes = Array(part)
        try server.receive(bytes.span, now: 0)
        paths += answer(&server)
      }
      #expect(paths.sorted() == ["/a 0", "/b 100", "/c 0"], "cut at \(cut)")
    }
  }

  @Test("a server understands a flight byte by byte and a client its answer")
  func byteByByte() throws {
    let client = try makeClient()
    var flight = client.flush()
    var server = ServerSession(limits: .anonymous)
    var paths: [String] = []
    var responses: [String] = []
    while !flight.isEmpty {
      for byte in flight {
        try server.receive([byte].span, now: 0)
        paths += answer(&server)
      }
      flight = []
      server.takeOutput(into: &flight)
      for byte in flight { try client.receive([byte]) }
      flight = client.flush()
      while let response = client.next() {
        responses.append("\(response.status) \(String(decoding: response.body, as: UTF8.self))")
      }
    }
    #expect(paths.sorted() == ["/a 0", "/b 100", "/c 0"])
    #expect(responses.sorted() == ["200 ", "200 /a", "200 /b"])
  }

  @Test("a client understands answers cut at any byte")
  func cutsResponses() throws {
    let flight = try makeClient().flush()
    var server = ServerSession(limits: .anonymous)
    try server.receive(flight.span, now: 0)
    _ = answer(&server)
    var answers: [UInt8] = []
    server.takeOutput(into: &answers)
    for cut in 0...answers.count {
      let client = try makeClient()
      _ = client.flush()
      for part in [answers[..<cut], answers[cut...]] {
        try client.receive(Array(part))
      }
      var bodies: [String] = []
      while let response = client.next() {
        #expect(response.status == 200 && response.failure == nil)
        #expect(response.contentType == "text/plain".bytes)
        bodies.append(String(decoding: response.body, as: UTF8.self))
      }
      #expect(bodies.sorted() == ["", "/a", "/b"], "cut at \(cut)")
    }
  }

  @Test("random bytes end a connection, never the process", arguments: 0..<50)
  func randomBytes(seed: UInt64) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
    let server = Server()
    for _ in 0..<200 where server.error == nil && !server.wantsClose {
      let size = Int(next() % 40)
      var bytes = Frame.head(size, UInt8(next() % 11), UInt8(next() % 64), UInt32(next() % 8))
      bytes += (0..<size).map { _ in UInt8(truncatingIfNeeded: next()) }
      server.send(bytes)
    }
    #expect(server.error != nil || server.wantsClose || server.goAway == nil)
  }

  @Test("no flipped bit in a flight harms more than its own connection")
  func flippedBits() throws {
    let flight = try makeClient().flush()
    for index in flight.indices {
      var bytes = flight
      bytes[index] ^= 1 << UInt8(index % 8)
      let server = Server(startingWith: bytes)
      #expect(server.served <= 3)
    }
  }
}
