import Testing

@testable import HTTP2

/// Requests whose header block repeats an earlier one are taken past the library, and nobody can
/// tell.
@Suite struct RepeatTests {
  @Test("a repeated block is taken by the lane, and answered as the library answers")
  func takes() throws {
    let server = Server()
    server.body = nil
    server.send(Repeat.lessons)
    #expect(server.laneStreamID == 0)
    server.send(Repeat.post(5, "body".bytes) + Repeat.post(7, []))
    #expect(server.laneStreamID == 7 && server.openStreams == 4)
    for streamID in [Int32(1), 3, 5, 7] {
      let request = try #require(server.next())
      #expect(request.streamID == streamID && request.method == .post)
      #expect(request.path == "/".bytes && request.authority == "h".bytes)
      #expect(request.header("x-scene") == "pool".bytes)
      #expect(request.body == [1: "a", 3: "b", 5: "body", 7: ""][streamID]?.bytes)
      server.session.respond(
        to: streamID, status: 201, contentType: "text/plain",
        headers: [
          HeaderField("retry-after", text: "3"),
          HeaderField("x-long", text: String(repeating: "l", count: 300)),
          HeaderField("x-secret", secret: "s".bytes),
        ], body: "answer".bytes.span)
    }
    server.pump()
    let answers = try Repeat.answers(server.frames, to: 4)
    for streamID in [Int32(1), 3, 5, 7] {
      let answer = try #require(answers[streamID])
      #expect(answer.status == 201 && answer.body == "answer".bytes && answer.failure == nil)
      #expect(answer.contentType == "text/plain".bytes && answer.header("retry-after") == [51])
      #expect(answer.header("content-length") == "6".bytes && answer.header("x-secret") == [115])
      #expect(answer.header("x-long")?.count == 300)
    }
    #expect(server.openStreams == 0 && server.unsentBytes == 0 && !server.wantsClose)
  }

  @Test("a request without body is taken, and 204 has neither length nor body")
  func takesWithoutBody() throws {
    let server = Server.taught()
    server.body = nil
    server.send(Wire.headers(5, Repeat.lone) + Wire.headers(7, Repeat.lone))
    #expect(server.laneStreamID == 7)
    for status in [204, 418] {
      let request = try #require(server.next())
      server.session.respond(to: request.streamID, status: status, body: "x".bytes.span)
    }
    server.pump()
    let answers = try Repeat.answers(server.frames, to: 4)
    #expect(answers[5]?.status == 204 && answers[5]?.body == [])
    #expect(answers[7]?.status == 418 && answers[7]?.body == "x".bytes)
  }

  @Test("the answer's header block continues in further frames when it is long")
  func answersWithLongHeaders() throws {
    let server = Server.taught()
    server.body = nil
    server.send(Repeat.post(5, "body".bytes))
    let text = String(repeating: "v", count: 14_000)
    let request = try #require(server.next())
    server.session.respond(
      to: request.streamID, status: 200,
      headers: [HeaderField("a", text: text), HeaderField("b", text: text)], body: "x".bytes.span)
    server.pump()
    #expect(server.laneStreamID == 5 && server.frames.allSatisfy { $0.payload.count <= 16_384 })
    #expect(server.frames.contains { $0.type == 9 && $0.streamID == 5 && $0.flags == 4 })
  }

  @Test("requests cut at every octet are answered the same")
  func cuts() throws {
    let script =
      Repeat.post(5, "one".bytes) + Wire.windowUpdate(0, 5) + Repeat.post(7, [])
      + Wire.headers(9, Repeat.lone) + Wire.windowUpdate(7, 9) + Repeat.post(11, "two".bytes)
      + Wire.reset(11) + Wire.ping() + Wire.windowUpdate(0, 5) + Wire.headers(13, Repeat.lone)
    for cut in 1..<script.count {
      let server = Server.taught()
      server.send(Array(script[..<cut]))
      server.send(Array(script[cut...]))
      #expect(server.error == nil && server.goAway == nil, "cut at \(cut)")
      let answers = try Repeat.answers(server.frames, to: 7)
      for streamID in [Int32(1), 3, 5, 7, 9, 13] {
        #expect(answers[streamID]?.body == "ok".bytes, "cut at \(cut), stream \(streamID)")
      }
      #expect(server.openStreams == 0)
    }
    let server = Server.taught()
    for byte in script { server.send([byte]) }
    #expect(server.error == nil && server.served == 7 && server.openStreams == 0)
  }

  /// Ways to change what the table holds.
  static let changes: [[UInt8]] = [
    Repeat.post(7, [], [0x83, 0x86, 0x84] + Wire.indexed(":authority", "other")),
    Repeat.post(7, [], [0x20, 0x3F, 0xE1, 0x1F] + Repeat.first),
    Wire.headers(7, [0x83, 0x86, 0x84], flags: 0)
      + Wire.continuation(7, Wire.indexed(":authority", "other"), flags: 4)
      + Wire.data(7, [], flags: 1),
    // Refused, but decoded all the same.
    Wire.headers(7, Repeat.first + Wire.indexed("X", "bad") + Wire.indexed("x", "y"), flags: 4),
    Wire.headers(7, Repeat.again, flags: 4)
      + Wire.headers(7, Wire.indexed("trailer", "t"), flags: 5),
  ]

  @Test("the same octets mean other fields once the table has changed", arguments: changes.indices)
  func forgets(change: Int) throws {
    let block: [UInt8] = [0x83, 0x86, 0x84, 0xBE]
    var seen: [[String?]] = []
    for isTaught in [true, false] {
      let server = Server(.partner)
      server.body = nil
      server.send(Repeat.lessons + (isTaught ? Repeat.post(5, []) : []))
      #expect(server.laneStreamID == (isTaught ? 5 : 0))
      server.send(Self.changes[change])
      server.send(Repeat.post(9, []) + Repeat.post(11, [], block) + Repeat.post(13, [], block))
      var fields: [String?] = []
      while let request = server.next() {
        guard request.streamID > 7 else { continue }
        let scene = request.header("x-scene").map { String(decoding: $0, as: UTF8.self) }
        fields += [scene, String(decoding: request.authority, as: UTF8.self)]
      }
      seen.append(fields)
    }
    #expect(seen[0] == seen[1])
  }

  @Test("a table that SETTINGS makes smaller is forgotten with its blocks")
  func forgetsSettings() {
    let server = Server.taught()
    server.send(Repeat.post(5, []))
    #expect(server.laneStreamID == 5)
    server.send(Wire.settingsAck)
    server.send(Repeat.post(7, []))
    #expect(server.laneStreamID == 5 && server.served == 4)
    server.send(Repeat.post(9, []))
    #expect(server.laneStreamID == 9)
  }

  @Test("a body that is not as long as its content-length is refused")
  func contentLength() {
    let server = Server(.partner)
    let first = Repeat.first + Wire.indexed("content-length", "2")
    let again: [UInt8] = [0x83, 0x86, 0x84, 0xC0, 0xBF, 0xBE]
    server.send(Repeat.post(1, "ab".bytes, first) + Repeat.post(3, "ab".bytes, again))
    server.send(Repeat.post(5, "ab".bytes, again))
    #expect(server.laneStreamID == 5 && server.served == 3)
    server.send(Repeat.post(7, "abc".bytes, again) + Repeat.post(9, "a".bytes, again))
    server.send(Wire.headers(11, again))
    #expect(server.laneStreamID == 5 && server.served == 3)
    #expect(server.resets.map(\.streamID) == [7, 9, 11])
    #expect(server.resets.allSatisfy { $0.errorCode == ErrorCode.protocolError })
    server.send(Repeat.post(13, "ab".bytes, again))
    #expect(server.served == 4)
  }

  @Test("a body that is too large is answered 413")
  func largeBody() throws {
    let server = Server(.partner, bodyBytesMax: { _ in 10 })
    server.send(Repeat.lessons + Repeat.post(5, [UInt8](repeating: 1, count: 10)))
    #expect(server.laneStreamID == 5)
    server.send(Repeat.post(7, [UInt8](repeating: 1, count: 11)))
    let answers = try Repeat.answers(server.frames, to: 4)
    #expect(answers[5]?.status == 200 && answers[7]?.status == 413)
  }

  @Test("a frame larger than announced ends the connection")
  func largeFrame() {
    let server = Server.taught()
    server.send(Repeat.post(5, [UInt8](repeating: 1, count: 16_384)))
    #expect(server.laneStreamID == 5 && server.served == 3)
    server.send(Repeat.post(7, [UInt8](repeating: 1, count: 16_385)))
    #expect(server.served == 3 && server.goAway?.errorCode == 6 && server.wantsClose)
    #expect(server.goAway?.number(at: 0) ?? 0 >= 5)
  }

  @Test("large bodies reach the library whole when the lane is full")
  func fullLane() {
    var limits = SessionLimits.partner
    limits.bufferedBytesMax = 40_000
    let server = Server.taught(limits)
    server.body = nil
    let body = [UInt8](repeating: 1, count: 16_000)
    server.send((0..<4).flatMap { Repeat.post(5 + 2 * $0, body) } + Wire.ping())
    #expect(server.laneStreamID == 7 && server.error == nil && server.goAway == nil)
    #expect(server.frames.contains { $0.type == 6 && $0.flags == 1 })
    var faults: [RequestFault?] = []
    while let request = server.next() { faults.append(request.fault) }
    #expect(faults == [nil, nil, .overloaded, .overloaded])
  }

  @Test("the announced number of streams holds for both kinds together")
  func streamLimit() {
    let server = Server.taught(.anonymous)
    server.body = nil
    server.send(Wire.settingsAck)
    server.send(Repeat.post(5, []))
    server.send((0..<60).flatMap { Repeat.post(7 + 2 * $0, []) })
    #expect(server.openStreams <= 32 && server.laneStreamID > 5)
    #expect(server.resets.count == 29 || server.wantsClose)
    #expect(server.resets.allSatisfy { $0.errorCode == ErrorCode.refusedStream })
  }
}
