import Testing

@testable import HTTP2

/// What the RFCs demand of a server for frames it should not get, one row each: the requirements
/// that the usual conformance suites test, written as bytes.
@Suite struct ConformanceTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let steps: [[UInt8]]
    let expected: Expectation
    var testDescription: String { name }

    init(_ name: String, _ expected: Expectation, _ steps: [UInt8]...) {
      self.name = name
      self.steps = steps
      self.expected = expected
    }
  }

  enum Expectation: Sendable {
    /// GOAWAY with one of these codes, and nothing more is read.
    case connection([UInt32])
    /// RST_STREAM or GOAWAY with one of these codes.
    case stream([UInt32])
    /// The connection is unharmed: a PING is answered.
    case alive
    /// The connection ends without an error.
    case ended
    /// So many requests are answered and the connection is unharmed.
    case served(Int)
  }

  @Test("P-30: answers as RFC 9113 and RFC 7541 demand", arguments: cases)
  func conforms(_ test: Case) {
    let server = Server()
    for step in test.steps { server.send(step) }
    expect(test.expected, of: server)
  }

  @Test("P-30: answers the same when every byte arrives alone", arguments: cases)
  func conformsByteByByte(_ test: Case) {
    let server = Server()
    for byte in test.steps.joined() { server.send([byte]) }
    expect(test.expected, of: server)
  }

  private func expect(_ expected: Expectation, of server: Server) {
    switch expected {
    case .connection(let codes):
      #expect(codes.contains(server.goAway?.errorCode ?? 999), "\(server.frames)")
      #expect(server.wantsClose)
    case .stream(let codes):
      let code = server.resets.last?.errorCode ?? server.goAway?.errorCode ?? 999
      #expect(codes.contains(code), "\(server.frames)")
    case .alive: expectAlive(server)
    case .ended: #expect(server.wantsClose && server.goAway == nil && server.error == nil)
    case .served(let count):
      #expect(server.served == count)
      expectAlive(server)
    }
  }

  private func expectAlive(_ server: Server) {
    #expect(server.goAway == nil && server.error == nil, "\(server.frames)")
    server.clear()
    server.send(Wire.ping())
    #expect(server.frames.contains { $0.type == 6 && $0.flags == 1 })
  }

  private static let host = Wire.literal(":authority", "h")
  static let protocolError: UInt32 = 1
  static let flowControl: UInt32 = 3
  static let streamClosed: UInt32 = 5
  static let frameSize: UInt32 = 6
  static let refused: UInt32 = 7
  static let compression: UInt32 = 9

  static let cases = frameCases + streamCases + settingsCases + messageCases + headerCases

  /// RFC 9113 §4, §5.4, §5.5 and the frames of §6.
  static let frameCases: [Case] = [
    Case("4.1 ignores frames of unknown type", .alive, Wire.unknown("x".bytes)),
    Case("4.1 ignores undefined flags", .served(1), Wire.headers(1, flags: 0xC5)),
    Case(
      "4.1 ignores the reserved bit", .alive,
      Frame(type: 6, streamID: 1 << 31, payload: "pingpong".bytes).bytes),
    Case(
      "4.2 takes DATA of 16,384 bytes", .served(1),
      Wire.headers(1, Wire.post, flags: 4),
      Wire.data(1, [UInt8](repeating: 0, count: 16_384), flags: 1)),
    Case(
      "4.2 refuses larger DATA", .connection([frameSize]),
      Wire.headers(1, Wire.post, flags: 4), Wire.data(1, [UInt8](repeating: 0, count: 16_385))),
    Case(
      "4.2 refuses larger HEADERS", .connection([frameSize]),
      Wire.headers(1, Wire.get + Wire.literal("a", String(repeating: "b", count: 16_400)))),
    Case("4.3 refuses a broken header block", .connection([compression]), Wire.headers(1, [0x40])),
    Case(
      "4.3 refuses PRIORITY inside a header block", .connection([protocolError]),
      Wire.headers(1, flags: 0) + Wire.priority(1)),
    Case(
      "4.3 refuses HEADERS of another stream inside a header block", .connection([protocolError]),
      Wire.headers(1, flags: 0) + Wire.headers(3)),
    Case(
      "5.5 refuses an unknown frame inside a header block", .connection([protocolError]),
      Wire.headers(1, flags: 1) + Wire.unknown("x".bytes)),
    Case("6.1 refuses DATA on stream 0", .connection([protocolError]), Wire.data(0, "x".bytes)),
    Case(
      "6.1 refuses DATA with too much padding", .connection([protocolError]),
      Wire.headers(1, Wire.post, flags: 4),
      Frame(type: 0, flags: 9, streamID: 1, payload: [6, 1, 2, 3]).bytes),
    Case(
      "6.1 takes padded DATA", .served(1), Wire.headers(1, Wire.post, flags: 4),
      Frame(type: 0, flags: 9, streamID: 1, payload: [2, 65, 0, 0]).bytes),
    Case("6.2 refuses HEADERS on stream 0", .connection([protocolError]), Wire.headers(0)),
    Case(
      "6.2 refuses HEADERS with too much padding", .connection([protocolError]),
      Frame(type: 1, flags: 13, streamID: 1, payload: [200] + Wire.get).bytes),
    Case(
      "6.2 takes padded HEADERS with priority", .served(1),
      Frame(type: 1, flags: 0x2D, streamID: 1, payload: [1, 0, 0, 0, 0, 9] + Wire.get + [0]).bytes),
    Case("6.3 refuses PRIORITY on stream 0", .connection([protocolError]), Wire.priority(0, on: 3)),
    Case(
      "6.3 refuses PRIORITY of wrong length", .stream([frameSize]),
      Frame(type: 2, streamID: 1, payload: [0, 0, 0, 1]).bytes),
    Case(
      "5.3.1 refuses HEADERS that depend on themselves", .stream([protocolError]),
      Frame(type: 1, flags: 0x25, streamID: 1, payload: [0, 0, 0, 1, 9] + Wire.get).bytes),
    Case(
      "5.3.1 refuses PRIORITY that depends on itself", .stream([protocolError]),
      Wire.priority(2, on: 2)),
    Case("6.4 refuses RST_STREAM on stream 0", .connection([protocolError]), Wire.reset(0)),
    Case(
      "6.4 refuses RST_STREAM of wrong length", .connection([frameSize]),
      Wire.headers(1, Wire.post, flags: 4), Frame(type: 3, streamID: 1, payload: [0, 0, 8]).bytes),
    Case(
      "6.6 refuses PUSH_PROMISE", .connection([protocolError]),
      Frame(type: 5, flags: 4, streamID: 1, payload: [0, 0, 0, 2] + Wire.get).bytes),
    Case("6.7 answers PING", .alive, Wire.ping()),
    Case("6.7 takes an unasked PING answer", .alive, Wire.ping(1)),
    Case(
      "6.7 refuses PING on a stream", .connection([protocolError]),
      Frame(type: 6, streamID: 1, payload: "pingpong".bytes).bytes),
    Case(
      "6.7 refuses PING of wrong length", .connection([frameSize]),
      Frame(type: 6, payload: [1, 2, 3, 4, 5, 6]).bytes),
    Case(
      "6.8 refuses GOAWAY on a stream", .connection([protocolError]),
      Frame(type: 7, streamID: 1, payload: Frame.big(0) + Frame.big(0)).bytes),
    Case(
      "6.9 refuses an increment of 0 for the connection", .connection([protocolError]),
      Wire.windowUpdate(0, 0)),
    Case(
      "6.9 refuses an increment of 0 for a stream", .stream([protocolError]),
      Wire.headers(1, Wire.post, flags: 4), Wire.windowUpdate(1, 0)),
    Case(
      "6.9 refuses WINDOW_UPDATE of wrong length", .connection([frameSize]),
      Frame(type: 8, payload: [0, 0, 1]).bytes),
    Case(
      "6.9.1 refuses a connection window above 2^31-1", .connection([flowControl]),
      Wire.windowUpdate(0, 0x7FFF_FFFF) + Wire.windowUpdate(0, 0x7FFF_FFFF)),
    Case(
      "6.9.1 refuses a stream window above 2^31-1", .stream([flowControl]),
      Wire.headers(1, Wire.post, flags: 4),
      Wire.windowUpdate(1, 0x7FFF_FFFF) + Wire.windowUpdate(1, 0x7FFF_FFFF)),
    Case(
      "6.10 takes several CONTINUATION frames", .served(1),
      Wire.headers(1, flags: 1) + Wire.continuation(1, Wire.literal("a", "b"))
        + Wire.continuation(1, Wire.literal("c", "d"), flags: 4)),
    Case(
      "6.10 refuses another frame after CONTINUATION", .connection([protocolError]),
      Wire.headers(1, flags: 1) + Wire.continuation(1, Wire.literal("a", "b")) + Wire.data(1, [1])),
    Case(
      "6.10 refuses CONTINUATION on stream 0", .connection([protocolError]),
      Wire.headers(1, flags: 1) + Wire.continuation(0, Wire.literal("a", "b"), flags: 4)),
    Case(
      "6.10 refuses CONTINUATION after the end of a header block", .connection([protocolError]),
      Wire.headers(1, Wire.post, flags: 4)
        + Wire.continuation(1, Wire.literal("a", "b"), flags: 4)),
    Case(
      "6.10 refuses CONTINUATION after the end of CONTINUATION", .connection([protocolError]),
      Wire.headers(1, Wire.post, flags: 0) + Wire.continuation(1, Wire.literal("a", "b"), flags: 4)
        + Wire.continuation(1, Wire.literal("c", "d"), flags: 4)),
    Case(
      "6.10 refuses CONTINUATION after DATA", .connection([protocolError]),
      Wire.headers(1, Wire.post, flags: 4) + Wire.data(1, [1])
        + Wire.continuation(1, Wire.literal("c", "d"), flags: 4)),
    Case("7 takes GOAWAY with an unknown code", .ended, Wire.goAway(0, 0xFF)),
    Case(
      "7 takes RST_STREAM with an unknown code", .alive,
      Wire.headers(1, Wire.post, flags: 4), Wire.reset(1, 0xFF)),
  ]

  /// RFC 9113 §5.1: frames in a state that does not allow them.
  static let streamCases: [Case] = [
    Case("5.1 idle: refuses DATA", .connection([protocolError]), Wire.data(1, "x".bytes)),
    Case("5.1 idle: refuses RST_STREAM", .connection([protocolError]), Wire.reset(1)),
    Case("5.1 idle: refuses WINDOW_UPDATE", .connection([protocolError]), Wire.windowUpdate(1, 1)),
    Case(
      "5.1 idle: refuses CONTINUATION", .connection([protocolError]),
      Wire.continuation(1, Wire.get, flags: 4)),
    Case("5.1 idle: takes PRIORITY", .alive, Wire.priority(7)),
    Case(
      "5.1 half-closed: refuses DATA", .stream([streamClosed]),
      Wire.headers(1) + Wire.data(1, "x".bytes, flags: 1)),
    Case(
      "5.1 half-closed: refuses HEADERS", .stream([streamClosed]), Wire.headers(1) + Wire.headers(1)
    ),
    Case(
      "5.1 half-closed: refuses CONTINUATION", .connection([protocolError, streamClosed]),
      Wire.headers(1) + Wire.continuation(1, Wire.get, flags: 4)),
    Case(
      "5.1 half-closed: takes WINDOW_UPDATE", .served(1),
      Wire.headers(1) + Wire.windowUpdate(1, 1)),
    Case("5.1 half-closed: takes RST_STREAM", .alive, Wire.headers(1) + Wire.reset(1)),
    Case(
      "5.1 closed: refuses DATA after RST_STREAM", .stream([streamClosed]),
      Wire.headers(1, Wire.post, flags: 4) + Wire.reset(1) + Wire.data(1, "x".bytes, flags: 1)),
    Case(
      "5.1 closed: refuses HEADERS after RST_STREAM", .stream([streamClosed]),
      Wire.headers(1, Wire.post, flags: 4) + Wire.reset(1) + Wire.headers(1)),
    Case(
      "5.1 closed: refuses CONTINUATION after RST_STREAM",
      .connection([protocolError, streamClosed]),
      Wire.headers(1, Wire.post, flags: 4) + Wire.reset(1)
        + Wire.continuation(1, Wire.get, flags: 4)),
    Case(
      "5.1 closed: refuses DATA", .connection([streamClosed]),
      Wire.headers(1), Wire.data(1, "x".bytes, flags: 1)),
    Case(
      "5.1 closed: refuses HEADERS", .connection([streamClosed]), Wire.headers(1), Wire.headers(1)),
    Case(
      "5.1 closed: refuses CONTINUATION", .connection([protocolError, streamClosed]),
      Wire.headers(1), Wire.continuation(1, Wire.get, flags: 4)),
    Case("5.1 closed: takes PRIORITY", .served(1), Wire.headers(1), Wire.priority(1)),
    Case(
      "5.1 closed: takes late WINDOW_UPDATE and RST_STREAM", .served(1),
      Wire.headers(1), Wire.windowUpdate(1, 1), Wire.reset(1)),
    Case("5.1.1 refuses even stream numbers", .connection([protocolError]), Wire.headers(2)),
    Case(
      "5.1.1 refuses smaller stream numbers", .connection([protocolError]),
      Wire.headers(5), Wire.headers(3)),
    Case(
      "5.1.1 refuses smaller stream numbers in one read", .connection([protocolError]),
      Wire.headers(5) + Wire.headers(3)),
    Case(
      "5.1.2 refuses more streams than announced", .stream([protocolError, refused]),
      Wire.settingsAck
        + (0...32).flatMap { Wire.headers(UInt32($0 * 2 + 1), Wire.post, flags: 4) }),
  ]

  /// RFC 9113 §3.4 and §6.5.
  static let settingsCases: [Case] = [
    Case(
      "6.5 refuses an ACK with payload", .connection([frameSize]),
      Frame(type: 4, flags: 1, payload: [0, 0, 0, 0, 0, 0]).bytes),
    Case(
      "6.5 refuses SETTINGS on a stream", .connection([protocolError]),
      Frame(type: 4, streamID: 1).bytes),
    Case(
      "6.5 refuses SETTINGS of wrong length", .connection([frameSize]),
      Frame(type: 4, payload: [0, 3, 0]).bytes),
    Case(
      "6.5 refuses an unasked ACK", .connection([protocolError]),
      Wire.settingsAck + Wire.settingsAck),
    Case("6.5.2 refuses ENABLE_PUSH 2", .connection([protocolError]), Wire.settings([(2, 2)])),
    Case(
      "6.5.2 refuses a window above 2^31-1", .connection([flowControl]),
      Wire.settings([(4, 1 << 31)])),
    Case(
      "6.5.2 refuses a frame size below 16,384", .connection([protocolError]),
      Wire.settings([(5, 16_383)])),
    Case(
      "6.5.2 refuses a frame size above 2^24-1", .connection([protocolError]),
      Wire.settings([(5, 1 << 24)])),
    Case("6.5.2 ignores unknown settings", .alive, Wire.settings([(0xFF, 1)])),
    Case(
      "6.9.2 refuses a change that overflows a window", .stream([flowControl]),
      Wire.headers(1, Wire.post, flags: 4), Wire.windowUpdate(1, 0x7FFF_0000),
      Wire.settings([(4, 0x7FFF_FFFF)])),
  ]

  /// RFC 9113 §8.
  static let messageCases: [Case] = [
    Case("8.1 serves GET", .served(1), Wire.headers(1)),
    Case(
      "8.1 serves HEAD", .served(1),
      Wire.headers(1, Wire.literal(":method", "HEAD") + Wire.get.dropFirst())),
    Case(
      "8.1 serves POST with trailers", .served(1),
      Wire.headers(1, Wire.post, flags: 4)
        + Wire.data(1, "x".bytes) + Wire.headers(1, Wire.literal("t", "v"))),
    Case(
      "8.1 refuses a second HEADERS without END_STREAM", .stream([protocolError]),
      Wire.headers(1, Wire.post, flags: 4) + Wire.headers(1, Wire.literal("t", "v"), flags: 4)),
    Case(
      "8.2 refuses upper-case names", .stream([protocolError]),
      Wire.headers(1, Wire.get + Wire.literal("X-A", "b"))),
    Case(
      "8.2 refuses values with line breaks", .stream([protocolError]),
      Wire.headers(1, Wire.get + Wire.literal("a", "b\r\nc: d"))),
    Case(
      "8.2.2 refuses connection-specific fields", .stream([protocolError]),
      Wire.headers(1, Wire.get + Wire.literal("connection", "keep-alive"))),
    Case(
      "8.2.2 refuses TE other than trailers", .stream([protocolError]),
      Wire.headers(1, Wire.get + Wire.literal("te", "gzip"))),
    Case(
      "8.3 refuses unknown pseudo-fields", .stream([protocolError]),
      Wire.headers(1, Wire.get + Wire.literal(":test", "ok"))),
    Case(
      "8.3 refuses a response's pseudo-fields", .stream([protocolError]),
      Wire.headers(1, Wire.get + Wire.literal(":status", "200"))),
    Case(
      "8.3 refuses pseudo-fields in trailers", .stream([protocolError]),
      Wire.headers(1, Wire.post, flags: 4) + Wire.headers(1, Wire.literal(":method", "GET"))),
    Case(
      "8.3 refuses pseudo-fields after others", .stream([protocolError]),
      Wire.headers(1, [0x82, 0x86] + host + Wire.literal("a", "b") + [0x84])),
    Case(
      "8.3.1 refuses an empty path", .stream([protocolError]),
      Wire.headers(1, [0x82, 0x86] + host + Wire.literal(":path", ""))),
    Case(
      "8.3.1 refuses a missing method", .stream([protocolError]),
      Wire.headers(1, [0x86, 0x84] + host)),
    Case(
      "8.3.1 refuses a missing scheme", .stream([protocolError]),
      Wire.headers(1, [0x82, 0x84] + host)),
    Case(
      "8.3.1 refuses a missing path", .stream([protocolError]),
      Wire.headers(1, [0x82, 0x86] + host)),
    Case(
      "8.3.1 refuses two methods", .stream([protocolError]),
      Wire.headers(1, [0x82, 0x82, 0x86, 0x84] + host)),
    Case(
      "8.3.1 refuses two schemes", .stream([protocolError]),
      Wire.headers(1, [0x82, 0x86, 0x86, 0x84] + host)),
    Case(
      "8.3.1 refuses two paths", .stream([protocolError]),
      Wire.headers(1, [0x82, 0x86, 0x84, 0x84] + host)),
    Case(
      "8.1.1 refuses a body shorter than declared", .stream([protocolError]),
      Wire.headers(1, Wire.post + Wire.literal("content-length", "2"), flags: 4)
        + Wire.data(1, "x".bytes, flags: 1)),
    Case(
      "8.1.1 refuses a body longer than declared", .stream([protocolError]),
      Wire.headers(1, Wire.post + Wire.literal("content-length", "1"), flags: 4)
        + Wire.data(1, "x".bytes) + Wire.data(1, "y".bytes, flags: 1)),
  ]

  /// RFC 7541.
  static let headerCases: [Case] = [
    Case(
      "hpack 2.3.3 refuses an index beyond the tables", .connection([compression]),
      Wire.headers(1, Wire.get + [0xC6])),
    Case(
      "hpack 2.3.3 refuses a name index beyond the tables", .connection([compression]),
      Wire.headers(1, Wire.get + [0x7F, 0x20] + Wire.text("v"))),
    Case(
      "hpack 4.2 refuses a late table size", .connection([compression]),
      Wire.headers(1, Wire.get + [0x21])),
    Case("hpack 4.2 takes two table sizes", .served(1), Wire.headers(1, [0x21, 0x22] + Wire.get)),
    Case(
      "hpack 5.2 refuses Huffman padding of more than 7 bits", .connection([compression]),
      Wire.headers(1, Wire.get + [0x00] + Wire.text("t") + [0x83, 0xFF, 0xFF, 0xFF])),
    Case(
      "hpack 5.2 refuses Huffman padding with zeros", .connection([compression]),
      Wire.headers(1, Wire.get + [0x00] + Wire.text("t") + [0x81, 0x00])),
    Case(
      "hpack 5.2 refuses Huffman EOS", .connection([compression]),
      Wire.headers(1, Wire.get + [0x00] + Wire.text("t") + [0x84, 0xFF, 0xFF, 0xFF, 0xFC])),
    Case(
      "hpack 6.1 refuses index 0", .connection([compression]), Wire.headers(1, Wire.get + [0x80])),
    Case(
      "hpack 6.2.1 takes indexed literals", .served(1),
      Wire.headers(1, Wire.get + Wire.indexed("n", "v") + [0xBE])),
    Case(
      "hpack 6.2.3 takes never-indexed literals", .served(1),
      Wire.headers(1, Wire.get + [0x10] + Wire.text("n") + Wire.text("v"))),
    Case(
      "hpack 6.3 refuses a table size above the announced", .connection([compression]),
      Wire.headers(1, [0x3F, 0xE2, 0x1F] + Wire.get)),
  ]
}
