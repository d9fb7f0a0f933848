import Testing

@testable import HTTP2

/// The lane's streams have the same windows, states and ends as all others.
@Suite struct RepeatWindowTests {
  /// Body bytes on each stream and altogether.
  private func sent(_ server: Server, _ streamID: UInt32) -> Int { server.data(streamID).count }

  @Test("a small stream window is never exceeded, and the rest follows its updates")
  func streamWindow() {
    let server = Server.taught(settings: Wire.settings([(4, 10)]))
    server.body = [UInt8](repeating: 7, count: 35)
    server.send(Repeat.post(5, []) + Repeat.post(7, []))
    #expect(server.laneStreamID == 7 && sent(server, 5) == 10 && sent(server, 7) == 10)
    server.send(Wire.windowUpdate(5, 7))
    #expect(sent(server, 5) == 17 && sent(server, 7) == 10 && !server.hasEnded(5))
    server.send(Wire.settings([(4, 0)]))
    server.send(Wire.windowUpdate(5, 9))
    #expect(sent(server, 5) == 17)
    server.send(Wire.windowUpdate(5, 1 + 9))
    #expect(sent(server, 5) == 26)
    server.send(Wire.settings([(4, 100)]))
    #expect(server.hasEnded(5) && server.hasEnded(7))
    #expect(sent(server, 5) == 35 && sent(server, 7) == 35 && server.openStreams == 0)
  }

  @Test("both kinds of streams share the connection's window", arguments: [false, true])
  func connectionWindow(behindPing: Bool) {
    let server = Server.taught(settings: Wire.settings([(4, 1 << 20)]))
    server.body = [UInt8](repeating: 7, count: 40_000)
    server.send(Repeat.post(5, []) + Repeat.post(7, [], Repeat.first) + Repeat.post(9, []))
    server.send(Repeat.post(11, []) + Repeat.post(13, [], Repeat.first))
    #expect(server.laneStreamID >= 5 && server.openStreams > 0)
    func total() -> Int {
      server.frames.filter { $0.type == 0 }.reduce(0) { $0 + $1.payload.count }
    }
    var allowed = 65_535
    #expect(total() == allowed)
    while allowed < 200_000 + 4 {
      // What follows another frame in one piece counts as well.
      server.send((behindPing ? Wire.ping() : []) + Wire.windowUpdate(0, 9_000))
      allowed += 9_000
      #expect(total() == min(allowed, 200_004))
    }
    for streamID: UInt32 in [5, 7, 9, 11, 13] { #expect(server.hasEnded(streamID)) }
    #expect(server.openStreams == 0 && server.error == nil && server.goAway == nil)
  }

  @Test("an update of zero or beyond the largest window resets an open stream")
  func wrongUpdates() {
    for (increment, code) in [(UInt32(0), UInt32(1)), (0x7FFF_FFFF, 3)] {
      let server = Server.taught()
      server.body = nil
      server.send(Repeat.post(5, []) + Wire.ping() + Wire.windowUpdate(5, increment))
      #expect(server.resets.map(\.errorCode) == [code] && server.goAway == nil)
      server.send(Wire.windowUpdate(5, 1) + Wire.reset(5) + Wire.priority(5))
      #expect(server.goAway == nil && server.error == nil)
      server.send(Repeat.post(5, []))
      #expect(server.goAway?.errorCode == ErrorCode.streamClosed)
    }
    let server = Server.taught()
    server.send(Repeat.post(5, []) + Wire.windowUpdate(0, 0))
    #expect(server.goAway?.errorCode == 1 && server.goAway?.number(at: 0) == 5)
  }

  @Test("SETTINGS that make a stream's window too large end the connection")
  func wrongSettings() {
    let server = Server.taught()
    server.body = nil
    server.send(Repeat.post(5, []) + Wire.windowUpdate(5, 0x7FFF_0000))
    server.send(Wire.settings([(4, 0x7FFF_FFFF)]))
    #expect(server.goAway?.errorCode == 3 && server.wantsClose)
  }

  @Test("DATA and HEADERS on the lane's streams end the connection", arguments: [false, true])
  func staleFrames(isOpen: Bool) {
    for frame in [
      Wire.data(5, []), Wire.headers(5, Repeat.again), Wire.headers(5, Wire.post, flags: 5),
    ] {
      let server = Server.taught()
      if isOpen { server.body = nil }
      server.send(Repeat.post(5, []))
      server.send(Wire.ping() + frame)
      #expect(server.goAway?.errorCode == ErrorCode.streamClosed)
      #expect(server.goAway?.number(at: 0) == 5 && server.wantsClose)
    }
  }

  @Test("a reset drops the work, and too many end the connection")
  func resets() {
    let server = Server.taught()
    server.body = nil
    server.send(Repeat.post(5, []))
    while server.next() != nil {}
    server.send(Wire.reset(5))
    #expect(server.nextClosed() == 5 && server.openStreams == 0 && !server.respond(to: 5, []))
    var flood: [UInt8] = []
    for index in UInt32(0)..<300 {
      flood += Repeat.post(7 + 2 * index, [])
      flood += Wire.reset(7 + 2 * index)
    }
    server.send(flood)
    #expect(server.error?.code == .flooded(.resets) && server.next() == nil)
  }

  @Test("a stream that this side resets is closed")
  func ownReset() {
    let server = Server.taught()
    server.body = nil
    server.send(Repeat.post(5, []))
    while server.next() != nil {}
    server.reset(5, ErrorCode.refusedStream)
    server.pump()
    #expect(server.resets.map(\.errorCode) == [ErrorCode.refusedStream])
    #expect(server.nextClosed() == 5 && server.openStreams == 0)
  }

  @Test("an error of the library's finding names the lane's last stream, and takes no more")
  func libraryError() {
    let server = Server.taught()
    server.send(Repeat.post(5, []))
    server.send(Wire.settings([(2, 9)]) + Repeat.post(7, []))
    #expect(server.goAway?.errorCode == 1 && server.goAway?.number(at: 0) == 5)
    #expect(server.served == 3 && server.wantsClose)
  }

  @Test("a drain names the lane's last stream and completes with its answer")
  func drains() {
    let server = Server.taught()
    server.body = nil
    while server.next() != nil {}
    server.send(Repeat.post(5, []))
    #expect(server.next()?.streamID == 5)
    server.session.shutDown()
    server.session.finishShutDown()
    server.pump()
    #expect(server.goAway?.number(at: 0) == 5 && !server.wantsClose)
    server.send(Repeat.post(7, []))
    #expect(server.next() == nil)
    server.respond(to: 5, "last".bytes)
    server.pump()
    #expect(server.data(5) == "last".bytes && server.wantsClose)
  }

  @Test("a header block under way lets no other frame in")
  func insideHeaderBlock() {
    let server = Server.taught()
    server.body = nil
    server.send(Repeat.post(5, []) + Wire.headers(7, Wire.post, flags: 0))
    server.send(Wire.windowUpdate(5, 1))
    #expect(server.goAway?.errorCode == 1)
  }

  @Test("a smaller table is said by the next header block, behind the acknowledgement")
  func tableSize() throws {
    let server = Server.taught()
    server.body = nil
    server.send(Repeat.post(5, []))
    while server.next() != nil {}
    server.clear()
    server.send(Wire.settings([(1, 0)]))
    server.respond(to: 5, "x".bytes)
    server.pump()
    let settings = server.frames.firstIndex { $0.type == 4 && $0.flags == 1 }
    let headers = try #require(server.frames.firstIndex { $0.type == 1 && $0.streamID == 5 })
    #expect(settings != nil && settings! < headers)
    #expect(server.frames[headers].payload.first == 0x20)
  }

  @Test("answers that nobody reads hold back further requests")
  func unread() {
    var limits = SessionLimits.partner
    limits.outboundBytesMax = 20_000
    let server = Server.taught(limits)
    server.body = nil
    for index in UInt32(0)..<40 { server.send(Repeat.post(5 + 2 * index, [])) }
    let body = [UInt8](repeating: 1, count: 1_000)
    var answered = 0
    while let request = server.next() {
      server.respond(to: request.streamID, body)
      answered += 1
    }
    #expect(answered < 25 && server.hasRequests == false && server.unsentBytes > 20_000)
    server.pump()
    #expect(server.hasRequests)
  }

  @Test("a client that updates its windows with each answer is honest")
  func honestUpdates() {
    let server = Server.taught(.anonymous)
    server.body = [UInt8](repeating: 1, count: 30_000)
    for index in 0..<600 {
      server.send(Repeat.post(5 + 2 * UInt32(index), []))
      server.send(Wire.windowUpdate(0, 10_000) + Wire.windowUpdate(0, 20_000))
    }
    #expect(server.error == nil && server.served == 602)
  }
}
