import Testing

@testable import HTTP2

/// RFC 9113 §6.8: a server that stops loses no request.
@Suite struct ShutDownTests {
  @Test("the first GOAWAY still takes requests, the second names the last one taken")
  func twoSteps() {
    let server = Server()
    server.clear()
    server.session.shutDown()
    server.pump()
    #expect(server.goAway?.number(at: 0) == 0x7FFF_FFFF && server.goAway?.errorCode == 0)
    #expect(!server.wantsClose)
    server.send(Wire.headers(1))
    #expect(server.served == 1)
    server.body = nil
    server.send(Wire.headers(3))
    #expect(server.next()?.streamID == 3)
    server.session.finishShutDown()
    server.pump()
    #expect(server.goAway?.number(at: 0) == 3)
    #expect(!server.wantsClose)
    server.send(Wire.headers(5) + Wire.data(5, []) + Wire.headers(5))
    #expect(server.next() == nil && server.error == nil)
    server.respond(to: 3, "last".bytes)
    server.pump()
    #expect(server.data(3) == "last".bytes && server.wantsClose)
  }

  @Test("an idle connection ends at once with the second GOAWAY")
  func idleEnds() {
    let server = Server()
    server.session.shutDown()
    server.session.finishShutDown()
    server.session.finishShutDown()
    server.pump()
    #expect(server.count(FrameHead.Kind.goAway) <= 2 && server.wantsClose)
  }

  @Test("terminate drops open streams and says why")
  func terminates() {
    let server = Server()
    server.body = nil
    server.send(Wire.headers(1))
    server.session.terminate(ErrorCode.enhanceYourCalm)
    server.pump()
    #expect(server.goAway?.errorCode == ErrorCode.enhanceYourCalm && server.wantsClose)
    #expect(server.next() == nil)
  }

  @Test("a refused stream may be sent again elsewhere")
  func refuses() throws {
    let client = Client()
    try client.submit()
    let server = Server(startingWith: [])
    server.body = nil
    server.send(client.flush())
    server.session.reset(1, code: ErrorCode.refusedStream)
    var wire: [UInt8] = []
    server.session.takeOutput(into: &wire)
    try client.receive(Wire.settings() + wire)
    let response = client.next()
    #expect(response?.streamID == 1 && response?.failure == .refused)
  }
}
