import Testing

@testable import HTTP2

/// Random traffic: the lane must not be told from the library.
@Suite struct RepeatPropertyTests {
  /// A small generator with a seed (xorshift).
  private struct Random {
    var state: UInt64
    mutating func next(_ bound: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state >> 33) % bound
    }
  }

  /// Begins with a size of the table, which stays as it is: the library's, every time (RFC 7541
  /// §6.3).
  private static let plain =
    [0x3F, 0xE1, 0x1F, 0x83, 0x86, 0x84] + Wire.literal(":authority", "h")
    + Wire.literal("x-scene", "pool")

  /// Plays a script: requests, split anywhere, answered late and in any order, and updates.
  private func play(_ seed: UInt64, isRepeating: Bool) throws -> ([Int32: Response], Server) {
    var random = Random(state: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
    let server = Server(.partner, startingWith: Wire.start + Wire.settings([(4, 2_000)]))
    server.body = nil
    var waiting: [Int32] = []
    for index in 0..<60 {
      let streamID = UInt32(2 * index + 1)
      let body = [UInt8](repeating: UInt8(index), count: random.next(3_000))
      let changes = index == 0 || random.next(10) == 0
      let block = isRepeating ? (changes ? Repeat.first : Repeat.again) : Self.plain
      let bytes =
        Repeat.post(streamID, body, block) + (random.next(3) == 0 ? Wire.ping() : [])
        + Wire.windowUpdate(random.next(2) == 0 ? 0 : streamID, 1 + UInt32(random.next(500)))
      // The share, not the place: blocks differ in length.
      let cut = bytes.count * min(random.next(201), 100) / 100
      server.send(Array(bytes[..<cut]))
      server.send(Array(bytes[cut...]))
      while let request = server.next() {
        #expect(request.header("x-scene") == "pool".bytes && request.authority == "h".bytes)
        waiting.append(request.streamID)
      }
      while waiting.count > random.next(6) {
        let answered = waiting.remove(at: random.next(waiting.count))
        server.respond(
          to: answered, [UInt8](repeating: UInt8(answered), count: random.next(6_000)))
      }
      server.pump()
    }
    for streamID in waiting { server.respond(to: streamID, "late".bytes) }
    server.send(Wire.settings([(4, 60_000)]) + Wire.windowUpdate(0, 1 << 20))
    #expect(server.error == nil && server.openStreams == 0 && server.unsentBytes == 0)
    return (try Repeat.answers(server.frames, to: 60), server)
  }

  @Test("random traffic is answered the same with and without the lane", arguments: 1...40)
  func same(seed: UInt64) throws {
    let (with, lane) = try play(seed, isRepeating: true)
    let (without, library) = try play(seed, isRepeating: false)
    #expect(lane.laneStreamID > 0 && library.laneStreamID == 0)
    #expect(with.count == 60 && without.count == 60)
    for (streamID, answer) in without {
      #expect(with[streamID]?.body == answer.body && with[streamID]?.status == answer.status)
      #expect(with[streamID]?.failure == nil)
    }
  }

  @Test("mutated traffic ends in an answer, a GOAWAY or a wait", arguments: 1...200)
  func mutated(seed: UInt64) {
    var random = Random(state: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
    let server = Server.taught()
    var bytes: [UInt8] = []
    for index in 0..<20 {
      let streamID = UInt32(2 * index + 5)
      bytes += Repeat.post(streamID, [UInt8](repeating: 1, count: random.next(60)))
      bytes += Wire.windowUpdate(0, 100) + Wire.windowUpdate(streamID, 1)
    }
    for _ in 0...random.next(6) { bytes[random.next(bytes.count)] = UInt8(random.next(256)) }
    let cut = random.next(bytes.count)
    server.send(Array(bytes[..<cut]))
    server.send(Array(bytes[cut...]))
    #expect(server.goAway != nil || server.error == nil && !server.wantsClose)
    #expect(server.unsentBytes >= 0 && server.openStreams >= 0)
  }
}
