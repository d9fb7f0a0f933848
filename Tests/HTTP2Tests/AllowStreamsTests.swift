import Testing

@testable import HTTP2

/// Fewer streams for a client of a server that is behind.
@Suite struct AllowStreamsTests {
  private let settingsKind = FrameHead.Kind.settings

  /// A server whose first SETTINGS are acknowledged.
  private func server(_ limits: SessionLimits = .anonymous) -> Server {
    let server = Server(limits)
    server.send(Wire.settingsAck)
    server.clear()
    return server
  }

  /// SETTINGS_MAX_CONCURRENT_STREAMS of the SETTINGS sent since the last `clear`.
  private func announced(_ server: Server) -> [UInt32] {
    server.frames.filter { $0.type == settingsKind && $0.flags == 0 }.map { frame in
      #expect(frame.payload.count == 6 && frame.payload.prefix(2) == [0, 3])
      return frame.number(at: 2)
    }
  }

  private func allow(_ count: Int, on server: Server) -> Bool {
    let isNew = server.session.allowStreams(count)
    server.pump()
    return isNew
  }

  @Test("SETTINGS are sent once for a change, and not while others are unacknowledged")
  func once() {
    let early = Server()
    #expect(!allow(8, on: early) && early.streamsAllowed == 32)
    let server = server()
    #expect(!allow(32, on: server) && !allow(1_000, on: server))
    #expect(announced(server) == [])
    #expect(allow(8, on: server) && !allow(8, on: server) && !allow(4, on: server))
    #expect(announced(server) == [8] && server.streamsAllowed == 8)
    server.send(Wire.settingsAck)
    #expect(allow(4, on: server) && announced(server) == [8, 4])
    server.send(Wire.settingsAck)
    #expect(allow(100, on: server) && announced(server) == [8, 4, 32])
    server.send(Wire.settingsAck)
    #expect(server.error == nil && server.goAway == nil)
  }

  /// Opens `count` streams with bodies that do not end.
  private func open(_ count: Int, from first: UInt32 = 1, on server: Server) {
    for index in 0..<count {
      server.send(Wire.headers(first + UInt32(2 * index), Wire.post, flags: Wire.endHeaders))
    }
  }

  @Test("what left before the client could know is served, and costs it nothing")
  func inFlight() {
    let server = server()
    server.body = nil
    #expect(allow(2, on: server))
    for index in 0..<10 { server.send(Wire.headers(UInt32(2 * index + 1))) }
    #expect(server.openStreams == 10 && server.resets.isEmpty && server.error == nil)
    var served = 0
    while let request = server.next() {
      served += 1
      server.respond(to: request.streamID, "ok".bytes)
    }
    server.pump()
    #expect(served == 10 && server.hasEnded(19))
  }

  @Test("the limit of SessionLimits is what is enforced, before and after the acknowledgement")
  func enforced() {
    for acknowledges in [false, true] {
      let server = server()
      server.body = nil
      #expect(allow(2, on: server))
      if acknowledges { server.send(Wire.settingsAck) }
      open(32, on: server)
      #expect(server.openStreams == 32 && server.resets.isEmpty && server.goAway == nil)
      open(1, from: 65, on: server)
      #expect(server.openStreams == 32)
      #expect(server.resets.count == 1 || server.goAway != nil, "\(server.frames)")
    }
  }

  @Test("higher limits for a client that is known replace what was allowed")
  func upgrade() {
    let server = server()
    #expect(allow(2, on: server))
    server.session.upgradeLimits(to: .partner)
    #expect(server.streamsAllowed == SessionLimits.partner.streamsMax)
    server.pump()
    #expect(!allow(8, on: server))
    server.send(Wire.settingsAck + Wire.settingsAck)
    server.clear()
    #expect(allow(8, on: server) && announced(server) == [8])
  }

  @Test("a session at its end announces nothing")
  func ended() {
    let server = server()
    server.session.terminate(ErrorCode.noError)
    #expect(!allow(2, on: server) && announced(server) == [])
  }

  @Test("a request waits for its answer until it is given or its stream is reset")
  func awaitsAnswer() {
    let server = server()
    server.body = nil
    server.send(Wire.headers(1) + Wire.headers(3))
    #expect(!server.isAwaitingAnswer(1))
    let first = server.next()
    _ = server.next()
    #expect(first?.streamID == 1 && server.isAwaitingAnswer(1))
    server.respond(to: 1, "ok".bytes)
    #expect(!server.isAwaitingAnswer(1) && server.isAwaitingAnswer(3))
    server.send(Wire.reset(3))
    #expect(!server.isAwaitingAnswer(3))
    server.send(Wire.headers(5))
    #expect(!server.isAwaitingAnswer(5) && server.next()?.streamID == 5)
    #expect(server.isAwaitingAnswer(5) && !server.isAwaitingAnswer(3))
  }
}
