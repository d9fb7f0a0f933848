@testable import HTTP2

/// Header blocks that repeat, and a real client's reading of the answers.
enum Repeat {
  /// Puts the fields of `again` into the table: `:authority` at 63 and `x-scene` at 62.
  static let first: [UInt8] =
    [0x83, 0x86, 0x84] + Wire.indexed(":authority", "h") + Wire.indexed("x-scene", "pool")
  static let again: [UInt8] = [0x83, 0x86, 0x84, 0xBF, 0xBE]
  static let lone: [UInt8] = [0x82, 0x86, 0x84, 0xBF]

  static func post(
    _ streamID: UInt32, _ body: [UInt8], _ block: [UInt8] = again
  ) -> [UInt8] {
    Wire.headers(streamID, block, flags: 4) + Wire.data(streamID, body, flags: 1)
  }

  /// Two requests of the library: after them the lane knows the block.
  static let lessons = post(1, "a".bytes, first) + post(3, "b".bytes)

  /// The answers to `count` requests on the streams 1, 3, 5…, by stream.
  static func answers(_ frames: [Frame], to count: Int) throws -> [Int32: Response] {
    let client = Client(limits: .partner)
    let start = frames.firstIndex { $0.type == FrameHead.Kind.settings } ?? 0
    try client.receive(frames[start].bytes)
    for _ in 0..<count { try client.submit() }
    _ = client.flush()
    var answers: [Int32: Response] = [:]
    // The reading client has not sent the settings that are acknowledged here.
    for frame in frames where frame.type != FrameHead.Kind.settings {
      try client.receive(frame.bytes)
      _ = client.flush()
      while let answer = client.next() { answers[answer.streamID] = answer }
    }
    return answers
  }
}

extension Server {
  /// The newest stream that was taken past the library.
  var laneStreamID: Int32 { session.inbox.value.lane.lastStreamID }

  /// A server that has learnt the block of `Repeat.again`, and has answered twice.
  static func taught(_ limits: SessionLimits = .partner, settings: [UInt8] = []) -> Server {
    let server = Server(limits, startingWith: Wire.start + settings)
    server.send(Repeat.lessons)
    return server
  }

  /// Takes all output without answering anything.
  func drainOutput() {
    let kept = body
    body = nil
    pump()
    body = kept
  }

  func reset(_ streamID: Int32, _ code: UInt32) { session.reset(streamID, code: code) }
}
