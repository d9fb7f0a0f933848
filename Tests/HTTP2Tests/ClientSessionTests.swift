import Testing

@testable import HTTP2

@Suite struct ClientSessionTests {
  /// A client that has sent so many requests and got a server's SETTINGS.
  private func client(
    requests: Int, settings: [(UInt16, UInt32)] = [], limits: SessionLimits = .partner
  ) throws -> Client {
    let client = Client(limits: limits)
    for _ in 0..<requests { try client.submit() }
    try give(client, Wire.settings(settings))
    return client
  }

  private func give(_ client: Client, _ bytes: [UInt8]) throws {
    try client.receive(bytes)
    _ = client.flush()
  }

  private let ok: [UInt8] = [0x88]

  /// Flushes; the streams of the HEADERS frames that came.
  private func headerStreams(_ client: Client) -> [UInt32] {
    var bytes = client.flush()
    return Frame.parse(&bytes).filter { $0.type == FrameHead.Kind.headers }.map(\.streamID)
  }

  @Test("reads an answer with informational headers before and trailers after it")
  func readsAnswer() throws {
    let client = try client(requests: 1)
    try give(
      client, Wire.headers(1, Wire.literal(":status", "103") + Wire.literal("link", "x"), flags: 4)
    )
    try give(client, Wire.headers(1, ok + Wire.literal("content-type", "a/b"), flags: 4))
    try give(client, Wire.data(1, "one".bytes) + Wire.data(1, "two".bytes))
    #expect(client.next() == nil)
    try give(client, Wire.headers(1, Wire.literal("t", "v")))
    let response = client.next()
    #expect(response?.status == 200 && response?.body == "onetwo".bytes)
    #expect(response?.contentType == "a/b".bytes)
    #expect(response?.header("link") == nil && response?.header("t") == nil)
    #expect(client.next() == nil && client.openStreams == 0)
  }

  @Test(
    "names what went wrong",
    arguments: [
      (Wire.reset(1, 7), ResponseFailure.refused), (Wire.reset(1, 11), .reset(11)),
      (Wire.headers(1, [0x88], flags: 4) + Wire.reset(1, 2), .reset(2)),
      (Wire.goAway(0), .refused),
    ])
  func namesFailure(bytes: [UInt8], failure: ResponseFailure) throws {
    let client = try client(requests: 1)
    try give(client, bytes)
    #expect(client.next()?.failure == failure)
  }

  @Test("a request given up before the server allowed its stream is never sent")
  func cancelsUnsent() throws {
    let client = try client(requests: 0, settings: [(3, 2)])
    try client.submit()
    try client.submit()
    // The server allows less before either was sent: one goes, the other waits in the library.
    try client.receive(Wire.settings([(3, 1)]))
    #expect(headerStreams(client) == [1])
    client.session.cancel(3)
    _ = client.flush()
    try client.receive(Wire.headers(1, ok))
    #expect(headerStreams(client).isEmpty)
    #expect(client.next()?.streamID == 1 && client.next() == nil)
    #expect(client.openStreams == 0)
  }

  @Test("an answer that is complete before the reset is an answer")
  func takesEarlyAnswer() throws {
    let client = Client()
    try client.submit(
      OutgoingRequest(.post, authority: "a", path: "/"), [UInt8](repeating: 0, count: 100_000))
    _ = client.flush()
    try give(client, Wire.settings() + Wire.headers(1, Wire.literal(":status", "413")))
    try give(client, Wire.reset(1, 0))
    let response = client.next()
    #expect(response?.status == 413 && response?.failure == nil)
    #expect(client.unsentBytes == 0)
  }

  @Test("refuses answers that are too large")
  func boundsAnswers() throws {
    var limits = SessionLimits.partner
    limits.bodyBytesMax = 10
    let client = try client(requests: 3, limits: limits)
    try give(client, Wire.headers(1, ok, flags: 4) + Wire.data(1, "12345678901".bytes))
    #expect(client.next()?.failure == .tooLarge)
    let many = (0..<70).flatMap { Wire.literal("n\($0)", "v") }
    try give(client, Wire.headers(3, ok + many, flags: 4))
    #expect(client.next()?.failure == .tooLarge)
    try give(client, Wire.headers(5, ok, flags: 4) + Wire.data(5, "1234567890".bytes, flags: 1))
    #expect(client.next()?.body.count == 10)
  }

  @Test("a lost connection fails everything that is open, once")
  func failsAll() throws {
    let client = try client(requests: 3)
    try give(client, Wire.headers(1, ok))
    client.session.connectionLost()
    var failures: [ResponseFailure?] = []
    while let response = client.next() { failures.append(response.failure) }
    #expect(failures == [nil, .connectionLost, .connectionLost])
    #expect(client.isClosed && client.streamsAvailable == 0)
    #expect(throws: HTTP2Error.self) { try client.submit() }
  }

  @Test("a cancelled request is reset and never delivered")
  func cancels() throws {
    let client = try client(requests: 2)
    client.session.cancel(1)
    var output = client.flush()
    let frames = Frame.parse(&output)
    #expect(
      frames.contains { $0.type == 3 && $0.streamID == 1 && $0.errorCode == ErrorCode.cancel })
    try give(client, Wire.headers(1, ok) + Wire.headers(3, ok))
    #expect(client.next()?.streamID == 3 && client.next() == nil)
  }

  @Test("knows how many requests the server takes")
  func countsStreams() throws {
    var client = Client()
    #expect(client.streamsAvailable == 100 && !client.receivedSettings)
    client = try self.client(requests: 1, settings: [(3, 2)])
    #expect(client.streamsAvailable == 1 && client.receivedSettings)
    try give(client, Wire.goAway(1))
    #expect(client.streamsAvailable == 0 && client.isGoingAway && !client.isClosed)
    #expect(throws: HTTP2Error.self) { try client.submit() }
    try give(client, Wire.headers(1, ok))
    #expect(client.isClosed && client.next()?.status == 200)
  }

  @Test(
    "P-32: a server that floods is left",
    arguments: [
      Wire.ping(), Wire.settings(), Wire.priority(3), Wire.unknown(), Wire.windowUpdate(0, 1),
    ])
  func leavesFlooder(frame: [UInt8]) throws {
    let client = try client(requests: 1)
    var error: (any Error)?
    for _ in 0..<3_000 where error == nil {
      do { try client.receive(frame) } catch let thrown { error = thrown }
      _ = client.flush()
    }
    #expect(error != nil && client.isClosed)
    client.session.connectionLost()
    #expect(client.next()?.failure == .connectionLost)
  }

  @Test("refuses pushed streams")
  func refusesPush() throws {
    let client = try client(requests: 1)
    try? give(
      client,
      Wire.settingsAck
        + Frame(type: 5, flags: 4, streamID: 1, payload: [0, 0, 0, 2] + Wire.get).bytes)
    #expect(client.isClosed)
  }

  @Test("recycled responses start empty")
  func recycles() throws {
    let client = try client(requests: 2)
    try give(
      client, Wire.headers(1, ok + Wire.literal("x", "y"), flags: 4) + Wire.data(1, [1], flags: 1))
    let first = try #require(client.next())
    client.session.recycle(first)
    try client.submit()
    _ = client.flush()
    try give(client, Wire.headers(5, Wire.literal(":status", "204")))
    let second = try #require(client.next())
    #expect(first === second && second.status == 204 && second.body.isEmpty)
    #expect(second.header("x") == nil && second.failure == nil && second.streamID == 5)
  }

}
