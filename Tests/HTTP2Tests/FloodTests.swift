import Testing

@testable import HTTP2

/// The floods that are known against HTTP/2 servers: each ends with GOAWAY within its budget.
@Suite struct FloodTests {
  /// Sends what `make` returns until the server has had enough; returns how often.
  private func flood(
    _ server: Server, atMost count: Int = 6_000, _ make: (Int) -> [UInt8]
  ) -> Int {
    for index in 0..<count {
      server.send(make(index))
      if server.error != nil { return index + 1 }
    }
    return .max
  }

  private func stream(_ index: Int) -> UInt32 { UInt32(index * 2 + 1) }

  private func expectCalmed(_ server: Server, _ limit: HTTP2Error.Limit) {
    #expect(server.error?.code == .flooded(limit))
    #expect(server.goAway?.errorCode == ErrorCode.enhanceYourCalm)
    #expect(server.wantsClose)
  }

  @Test("P-31: rapid reset ends after the burst, and no request was worked on")
  func rapidReset() {
    let server = Server()
    let sent = flood(server) { Wire.headers(stream($0)) + Wire.reset(stream($0)) }
    #expect(sent == 101)
    #expect(server.served == 0)
    expectCalmed(server, .resets)
  }

  @Test("P-31: rapid reset in one large read ends the same")
  func rapidResetAtOnce() {
    let server = Server()
    server.send((0..<5_000).flatMap { Wire.headers(stream($0)) + Wire.reset(stream($0)) })
    #expect(server.served == 0)
    expectCalmed(server, .resets)
  }

  @Test("P-31: resets at an honest pace go on")
  func honestResets() {
    let server = Server()
    let sent = flood(server, atMost: 2_000) { index in
      server.now += 100
      return Wire.headers(stream(index)) + Wire.reset(stream(index))
    }
    #expect(sent == .max)
  }

  @Test("P-32: a CONTINUATION flood ends at the fifth, empty or not", arguments: [0, 10])
  func continuation(size: Int) {
    let server = Server()
    server.send(Wire.headers(1, flags: 1))
    let block = size == 0 ? [] : Wire.literal("n", String(repeating: "v", count: size))
    #expect(flood(server) { _ in Wire.continuation(1, block) } == 5)
    expectCalmed(server, .continuations)
  }

  @Test(
    "P-32: control frames end within four for each glitch",
    arguments: [
      Wire.ping(), Wire.ping(1), Wire.settings(), Wire.settings([(3, 100)]),
      Wire.priority(9), Wire.priority(1),
    ])
  func controlFrames(frame: [UInt8]) {
    let server = Server()
    let sent = flood(server) { _ in frame }
    #expect((700...801).contains(sent))
    expectCalmed(server, .glitches)
  }

  @Test(
    "P-32: control frames that are never read end at the queue's limit",
    arguments: [
      Wire.ping(), Wire.settings(),
    ])
  func unreadControlFrames(frame: [UInt8]) throws {
    var session = ServerSession(limits: .partner)
    let start = Wire.start
    try session.receive(start.span, now: 0)
    var error: HTTP2Error?
    var sent = 0
    while error == nil, sent < 5_000 {
      sent += 1
      do throws(HTTP2Error) { try session.receive(frame.span, now: 0) } catch let thrown {
        error = thrown
      }
    }
    #expect((60...70).contains(sent))
    #expect(error?.code == .flooded(.acknowledgements))
    var output: [UInt8] = []
    session.takeOutput(into: &output)
    let frames = Frame.parse(&output)
    #expect(frames.last?.errorCode == ErrorCode.enhanceYourCalm)
    let wantsClose = session.wantsClose
    #expect(wantsClose && output.isEmpty)
  }

  @Test(
    "P-32: empty DATA ends within the budget, padded or not",
    arguments: [
      Wire.data(1, []), Frame(type: 0, flags: 8, streamID: 1, payload: [3, 0, 0, 0]).bytes,
    ])
  func emptyData(frame: [UInt8]) {
    let server = Server()
    server.send(Wire.headers(1, Wire.post, flags: 4))
    #expect((790...801).contains(flood(server) { _ in frame }))
    expectCalmed(server, .glitches)
  }

  @Test("P-32: WINDOW_UPDATE without need ends within the budget", arguments: [0, 1])
  func windowUpdates(streamID: UInt32) {
    let server = Server()
    server.send(Wire.headers(1, Wire.post, flags: 4))
    let sent = flood(server) { _ in Wire.windowUpdate(streamID, 1) }
    #expect((800...830).contains(sent))
    expectCalmed(server, .glitches)
  }

  @Test(
    "P-32: frames of unknown type end by number and by size",
    arguments: [
      ([UInt8](), 641), ([UInt8](repeating: 0, count: 16_384), 40),
    ])
  func unknownFrames(payload: [UInt8], expected: Int) {
    let server = Server()
    #expect(flood(server) { _ in Wire.unknown(payload) } == expected)
    expectCalmed(server, .unknownFrames)
  }

  @Test("P-32: each request earns its share of unknown frames")
  func unknownFramesAreEarned() {
    let server = Server()
    let sent = flood(server, atMost: 2_000) { index in
      (0..<60).flatMap { _ in Wire.unknown() } + Wire.headers(stream(index))
    }
    #expect(sent == .max)
  }

  /// Ways to make a server reset a stream by itself (MadeYouReset, CVE-2025-8671).
  static let primitives: [@Sendable (UInt32) -> [UInt8]] = [
    { Wire.headers($0, Wire.post, flags: 4) + Wire.windowUpdate($0, 0x7FFF_FFFF) },
    {
      Wire.headers($0, Wire.post + Wire.literal("content-length", "1"), flags: 4)
        + Wire.data($0, "xy".bytes)
    },
    { Wire.headers($0, Wire.get + Wire.literal("X", "y")) },
    { Wire.headers($0, Wire.get + Wire.literal("connection", "close")) },
    { Wire.headers($0, Wire.post, flags: 4) + Wire.headers($0, Wire.literal("t", "v"), flags: 4) },
    { Wire.headers($0, Wire.get + (0..<140).flatMap { Wire.literal("n\($0)", "v") }) },
    { Wire.headers($0, [0x82]) },
  ]

  @Test(
    "P-32: making the server reset streams ends within the budget",
    arguments: primitives.indices, [false, true])
  func madeYouReset(primitive: Int, atOnce: Bool) {
    let server = Server()
    if atOnce {
      server.send((0..<3_000).flatMap { Self.primitives[primitive](stream($0)) })
      #expect(server.resets.count <= 1_200)
    } else {
      let sent = flood(server) { Self.primitives[primitive](stream($0)) }
      #expect((150...201).contains(sent), "\(sent)")
    }
    #expect(server.served == 0)
    expectCalmed(
      server, server.error?.code == .flooded(.outboundFrames) ? .outboundFrames : .glitches)
  }

  @Test("P-32: a SETTINGS frame with too many entries ends the connection")
  func largeSettings() {
    let fine = Server()
    fine.send(Wire.settings([(UInt16, UInt32)](repeating: (0xFF, 1), count: 16)))
    #expect(!fine.wantsClose)
    let server = Server()
    server.send(Wire.settings([(UInt16, UInt32)](repeating: (0xFF, 1), count: 17)))
    #expect(server.wantsClose && server.goAway != nil)
  }

  @Test("P-32: streams refused beyond the announced number end within the budget")
  func refusedStreams() {
    // The peer does not acknowledge SETTINGS, so that each further stream is refused only.
    let server = Server()
    server.body = nil
    let sent = flood(server) { Wire.headers(stream($0)) }
    #expect((200...235).contains(sent))
    expectCalmed(server, .glitches)
  }

  @Test("P-32: a quarter of a glitch comes back in an eightieth of a second")
  func bucketRefills() {
    let server = Server()
    let sent = flood(server, atMost: 5_000) { _ in
      server.now += 13
      return Wire.ping()
    }
    #expect(sent == .max)
    #expect(flood(server) { _ in Wire.ping() } <= 801)
  }

  @Test("P-32: partners have twice the budget")
  func partnerBudget() {
    let resets = flood(Server(.partner)) { Wire.headers(stream($0)) + Wire.reset(stream($0)) }
    #expect(resets == 201)
    let glitches = flood(Server(.partner)) { Self.primitives[2](stream($0)) }
    #expect((399...401).contains(glitches))
    let server = Server()
    server.session.upgradeLimits(to: .partner)
    #expect(flood(server) { Wire.headers(stream($0)) + Wire.reset(stream($0)) } == 201)
  }

  @Test("honest traffic never meets a limit")
  func honestTraffic() {
    let server = Server()
    let sent = flood(server, atMost: 5_000) { index in
      server.now += 1
      let updates = Wire.windowUpdate(0, 10) + Wire.windowUpdate(stream(index), 10)
      return (index % 100 == 0 ? Wire.ping() : [])
        + Wire.headers(stream(index), Wire.post, flags: 4) + updates
        + Wire.data(stream(index), "body".bytes, flags: 1)
    }
    #expect(sent == .max && server.served == 5_000)
  }
}
