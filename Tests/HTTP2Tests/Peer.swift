@testable import HTTP2

/// A server session and the frames it has sent, driven by raw bytes and a clock set by hand.
final class Server {
  var session: ServerSession
  var now: UInt64 = 0
  var error: HTTP2Error?
  private var output: [UInt8] = []
  private(set) var frames: [Frame] = []
  /// Answers each request; nil leaves it to the test.
  var body: [UInt8]? = Array("ok".utf8)
  private(set) var served = 0
  var paths: [String] = []

  init(
    _ limits: SessionLimits = .anonymous, startingWith bytes: [UInt8] = Wire.start,
    bodyBytesMax: (@Sendable (Span<UInt8>) -> Int)? = nil
  ) {
    session = ServerSession(limits: limits, bodyBytesMax: bodyBytesMax)
    send(bytes)
  }

  /// Gives the bytes to the session, answers what is complete and collects what it sends.
  func send(_ bytes: [UInt8]) {
    guard error == nil else { return }
    do throws(HTTP2Error) { try session.receive(bytes.span, now: now) } catch { self.error = error }
    pump()
  }

  func pump() {
    repeat {
      while let body, let request = session.nextRequest() {
        served += 1
        paths.append(String(decoding: request.path, as: UTF8.self))
        session.respond(
          to: request.streamID, status: request.fault?.status ?? 200, body: body.span)
      }
      session.takeOutput(into: &output)
    } while body != nil && session.hasRequests && session.unsentBytes == 0
    frames += Frame.parse(&output)
  }

  func clear() { frames = [] }

  var wantsClose: Bool { session.wantsClose }
  var hasRequests: Bool { session.hasRequests }
  var unsentBytes: Int { session.unsentBytes }
  var openStreams: Int { session.openStreamCount }
  var requestCount: Int { session.requestCount }

  var facts: ConnectionFacts { session.facts }

  var streamsAllowed: Int { session.streamsAllowed }
  func isAwaitingAnswer(_ streamID: Int32) -> Bool { session.isAwaitingAnswer(streamID) }

  func next() -> Request? { session.nextRequest() }
  func nextClosed() -> Int32? { session.nextClosedStream() }

  @discardableResult
  func respond(to streamID: Int32, _ body: [UInt8]) -> Bool {
    session.respond(to: streamID, status: 200, body: body.span)
  }

  var goAway: Frame? { frames.last { $0.type == FrameHead.Kind.goAway } }
  var resets: [Frame] { frames.filter { $0.type == FrameHead.Kind.reset } }

  func count(_ type: UInt8) -> Int { frames.count { $0.type == type } }

  /// The bodies sent on a stream, in one piece.
  func data(_ streamID: UInt32) -> [UInt8] {
    frames.filter { $0.type == 0 && $0.streamID == streamID }.flatMap(\.payload)
  }

  func hasEnded(_ streamID: UInt32) -> Bool {
    frames.contains { $0.type <= 1 && $0.streamID == streamID && $0.flags & 1 != 0 }
  }
}

/// A client session driven by raw bytes.
final class Client {
  var session: ClientSession
  private var output: [UInt8] = []

  init(limits: SessionLimits = .partner) { session = ClientSession(limits: limits) }

  var openStreams: Int { session.openStreamCount }
  var unsentBytes: Int { session.unsentBytes }
  var streamsAvailable: Int { session.streamsAvailable }
  var receivedSettings: Bool { session.receivedSettings }
  var isGoingAway: Bool { session.peerGoingAway }
  var isClosed: Bool { session.isClosed }

  func submit(
    _ request: OutgoingRequest = OutgoingRequest(.get, authority: "a", path: "/"),
    _ body: [UInt8] = []
  ) throws {
    _ = try session.submit(request, body: body.span)
  }

  func receive(_ bytes: [UInt8]) throws {
    try session.receive(bytes.span, now: 0)
  }

  func next() -> Response? { session.nextResponse() }

  /// What the session wants to send.
  func flush() -> [UInt8] {
    output = []
    session.takeOutput(into: &output)
    return output
  }
}

extension String {
  var bytes: [UInt8] { Array(utf8) }
}
