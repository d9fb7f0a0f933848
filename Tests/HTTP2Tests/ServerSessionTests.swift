import Testing

@testable import HTTP2

@Suite struct ServerSessionTests {
  /// Header fields of the answers, as a client's engine reads them.
  private func exchange(
    _ requests: [(OutgoingRequest, [UInt8])], limits: SessionLimits = .partner,
    answering answer: (inout ServerSession, Request) -> Void
  ) throws -> [Response] {
    var client = ClientSession()
    var server = ServerSession(limits: limits)
    for (head, body) in requests { _ = try client.submit(head, body: body.span) }
    var wire: [UInt8] = []
    var responses: [Response] = []
    while client.wantsOutput || server.wantsOutput {
      client.takeOutput(into: &wire)
      try server.receive(wire.span, now: 0)
      while let request = server.nextRequest() { answer(&server, request) }
      wire = []
      server.takeOutput(into: &wire)
      try client.receive(wire.span, now: 0)
      wire = []
      while let response = client.nextResponse() { responses.append(response) }
    }
    return responses
  }

  private func head(
    _ method: HTTP2.Method, _ path: String, _ headers: [HeaderField] = []
  ) -> OutgoingRequest {
    OutgoingRequest(method, authority: "city.example", path: path, headers: headers)
  }

  @Test("delivers every part of a request")
  func deliversRequest() throws {
    let fields = [
      HeaderField("content-type", "text/plain"), HeaderField("accept", "application/json"),
      HeaderField("authorization", secret: "Bearer t".bytes), HeaderField("x-scene", text: "pool"),
      HeaderField("x-scene", text: "transit"),
    ]
    var seen = 0
    let responses = try exchange([(head(.post, "/v1/scans?a=b", fields), "code".bytes)]) {
      session, request in
      seen += 1
      #expect(request.method == .post && request.path == "/v1/scans?a=b".bytes)
      #expect(request.authority == "city.example".bytes && request.body == "code".bytes)
      #expect(request.contentType == "text/plain".bytes)
      #expect(request.accept == "application/json".bytes)
      #expect(request.authorization == "Bearer t".bytes)
      #expect(request.header("x-scene") == "pool".bytes)
      #expect(request.header("x-other") == nil && request.fault == nil)
      let counts = ["x-scene", "x-other"].map { request.headerCount($0.utf8.span) }
      #expect(counts == [2, 0])
      session.respond(
        to: request.streamID, status: 200, contentType: "application/json",
        headers: [HeaderField("retry-after", text: "3")], body: "{}".bytes.span)
    }
    let response = try #require(responses.first)
    #expect(seen == 1 && responses.count == 1)
    #expect(response.status == 200 && response.body == "{}".bytes && response.failure == nil)
    #expect(response.contentType == "application/json".bytes)
    #expect(response.header("retry-after") == "3".bytes)
    #expect(response.header("content-length") == "2".bytes)
  }

  @Test("answers HEAD with the length but without the body")
  func answersHead() throws {
    let responses = try exchange([(head(.head, "/"), [])]) { session, request in
      #expect(request.method == .head)
      session.respond(to: request.streamID, status: 200, body: "12345".bytes.span)
    }
    #expect(responses.first?.header("content-length") == "5".bytes)
    #expect(responses.first?.body == [] && responses.first?.failure == nil)
  }

  @Test("sends neither length nor body with 204, and formats unusual statuses")
  func answersWithoutBody() throws {
    let requests = [(head(.delete, "/"), [UInt8]()), (head(.get, "/teapot"), [])]
    let responses = try exchange(requests) { session, request in
      let status = request.path == "/".bytes ? 204 : 418
      session.respond(to: request.streamID, status: status, body: "x".bytes.span)
    }
    let empty = responses.first { $0.status == 204 }
    #expect(empty?.header("content-length") == nil && empty?.body == [])
    #expect(responses.contains { $0.status == 418 && $0.body == "x".bytes })
  }

  @Test("writes an answer straight into the stream's buffer")
  func answersByWriting() throws {
    let responses = try exchange([(head(.get, "/"), [])]) { session, request in
      session.respond(to: request.streamID, status: 200) { $0 += "written".bytes }
    }
    #expect(responses.first?.body == "written".bytes)
  }

  @Test("carries bodies larger than all windows, both ways")
  func carriesLargeBodies() throws {
    var limits = SessionLimits.partner
    limits.bodyBytesMax = 700_000
    let body = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var client = limits
    client.connectionWindowBytes = 131_072
    var asking = ClientSession(limits: client)
    var serving = ServerSession(limits: limits)
    _ = try asking.submit(head(.post, "/"), body: body.span)
    var wire: [UInt8] = []
    var response: Response?
    while asking.wantsOutput || serving.wantsOutput {
      asking.takeOutput(into: &wire, max: 30_000)
      try serving.receive(wire.span, now: 0)
      while let request = serving.nextRequest() {
        #expect(request.body == body)
        serving.respond(to: request.streamID, status: 200, body: request.body.span)
      }
      wire = []
      serving.takeOutput(into: &wire, max: 30_000)
      try asking.receive(wire.span, now: 0)
      wire = []
      response = asking.nextResponse() ?? response
    }
    #expect(response?.body == body)
    #expect(serving.unsentBytes == 0 && asking.unsentBytes == 0)
  }

  @Test("a recycled request keeps nothing of the one before")
  func recyclesCleanly() throws {
    let server = Server()
    server.body = nil
    let full = Wire.post + Wire.literal("content-type", "a/b") + Wire.literal("accept", "c/d")
    server.send(
      Wire.headers(1, full + Wire.literal("authorization", "t") + Wire.literal("x", "y"), flags: 4)
        + Wire.data(1, "body".bytes, flags: 1))
    let first = try #require(server.next())
    #expect(first.body == "body".bytes && first.contentType == "a/b".bytes)
    server.respond(to: 1, [])
    server.pump()
    server.send(Wire.headers(3))
    let second = try #require(server.next())
    #expect(first === second)
    #expect(second.streamID == 3 && second.method == .get && second.body.isEmpty)
    #expect(second.contentType.isEmpty && second.accept.isEmpty && second.authorization.isEmpty)
    #expect(second.header("x") == nil && second.path == "/".bytes)
  }

  @Test("a request reset before it is taken is never delivered")
  func skipsResetRequest() {
    let server = Server()
    server.body = nil
    server.send(Wire.headers(1) + Wire.reset(1) + Wire.headers(3))
    #expect(server.next()?.streamID == 3)
    #expect(server.next() == nil)
    #expect(server.nextClosed() == nil)
  }

  @Test("names a stream that closes before its answer, and ignores the late answer")
  func namesClosedStream() {
    let server = Server()
    server.body = nil
    server.send(Wire.headers(1))
    #expect(server.next()?.streamID == 1)
    server.send(Wire.reset(1))
    #expect(server.nextClosed() == 1)
    #expect(server.nextClosed() == nil)
    #expect(!server.respond(to: 1, "late".bytes))
    #expect(server.openStreams == 0)
  }

  @Test("answers a stream once")
  func answersOnce() {
    let server = Server()
    server.body = nil
    server.send(Wire.headers(1))
    #expect(server.next() != nil)
    #expect(server.respond(to: 1, "a".bytes))
    #expect(!server.respond(to: 1, "b".bytes))
    #expect(!server.respond(to: 99, "c".bytes))
    server.pump()
    #expect(server.data(1) == "a".bytes)
  }

  @Test("refuses what is not HTTP/2 and says goodbye")
  func refusesOtherProtocols() {
    let server = Server(startingWith: "GET / HTTP/1.1\r\nhost: a\r\n\r\n".bytes)
    #expect(server.error?.code == .badPreface)
    #expect(server.goAway?.errorCode == 1 && server.wantsClose)
  }

  @Test("all answers to one read leave in one buffer, in order of completion")
  func keepsOrder() {
    let server = Server()
    let paths = (0..<8).map { "/p\($0)" }
    let bytes = paths.enumerated().flatMap { index, path in
      Wire.headers(
        UInt32(index * 2 + 1),
        [0x82, 0x86] + Wire.literal(":authority", "h") + Wire.literal(":path", path))
    }
    server.clear()
    server.send(bytes)
    #expect(server.paths == paths)
    #expect((0..<8).allSatisfy { server.data(UInt32($0 * 2 + 1)) == "ok".bytes })
  }

  @Test("withholds requests while too many answer bytes wait")
  func withholdsRequests() {
    var limits = SessionLimits.anonymous
    limits.outboundBytesMax = 100
    let server = Server(limits, startingWith: Wire.preface + Wire.settings([(4, 0)]))
    server.body = nil
    server.send(Wire.headers(1) + Wire.headers(3))
    #expect(server.next()?.streamID == 1)
    server.respond(to: 1, [UInt8](repeating: 1, count: 101))
    #expect(server.next() == nil && !server.hasRequests)
    server.send(Wire.windowUpdate(1, 50))
    #expect(server.unsentBytes == 51)
    #expect(server.next()?.streamID == 3)
  }

  @Test("upgraded limits are announced and hold")
  func upgradesLimits() {
    let server = Server()
    server.clear()
    server.session.upgradeLimits(to: .partner)
    server.pump()
    #expect(server.frames.first { $0.type == 4 }?.payload.starts(with: [0, 3, 0, 0, 1, 0]) == true)
    #expect(server.count(FrameHead.Kind.windowUpdate) == 1)
    server.send(Wire.settingsAck + Wire.settingsAck)
    server.body = nil
    server.send((0..<100).flatMap { Wire.headers(UInt32($0 * 2 + 1)) })
    #expect(server.openStreams == 100 && server.resets.isEmpty)
  }

  @Test("gives memory back and goes on")
  func releasesMemory() {
    let server = Server()
    server.send(Wire.headers(1))
    server.session.releaseSpareMemory()
    server.send(Wire.headers(3))
    #expect(server.served == 2)
    server.body = nil
    server.send(Wire.headers(5))
    server.session.releaseSpareMemory()
    #expect(server.next()?.streamID == 5)
  }
}
