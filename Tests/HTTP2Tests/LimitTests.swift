import Foundation
import Testing

@testable import HTTP2

/// Requests that are too large are answered or cut short, and cost little memory.
@Suite struct LimitTests {
  private func status(_ server: Server, _ block: [UInt8], flags: UInt8 = 5) -> RequestFault? {
    server.body = nil
    server.send(Wire.headers(1, block, flags: flags))
    return server.next()?.fault
  }

  @Test("P-33: delivers too many, too long and too large header fields as 431")
  func refusesHeaders() {
    let many = (0..<40).flatMap { Wire.literal("n\($0)", "v") }
    #expect(status(Server(), Wire.get + many)?.status == 431)
    let long = Wire.literal("n", String(repeating: "v", count: 2_100))
    #expect(status(Server(), Wire.get + long)?.status == 431)
    let large = (0..<6).flatMap { Wire.literal("n\($0)", String(repeating: "v", count: 1_900)) }
    #expect(status(Server(), Wire.get + large)?.status == 431)
    let fine = (0..<20).flatMap { Wire.literal("n\($0)", String(repeating: "v", count: 200)) }
    let server = Server()
    #expect(status(server, Wire.get + fine) == nil && server.requestCount == 1)
  }

  @Test("P-33: a header bomb is reset, costs little and leaves the connection usable")
  func survivesHeaderBomb() throws {
    // One field of 4 KB in the table, then 64 KB of one-octet references to it: 250 MB of fields.
    let value = String(repeating: "v", count: 3_900)
    let references = [UInt8](repeating: 0xBE, count: 15_000)
    let bomb =
      Wire.headers(1, Wire.get + Wire.indexed("n", value), flags: 1)
      + (0..<3).flatMap { _ in Wire.continuation(1, references) }
      + Wire.continuation(1, references, flags: 4)
    let before = residentBytes()
    let servers = (0..<100).map { _ in
      let server = Server(.partner)
      server.send(bomb)
      return server
    }
    let grown = residentBytes() - before
    #expect(grown < 100 << 20, "\(grown / 100) bytes a connection")
    for server in servers {
      #expect(server.resets.count == 1 && server.error == nil)
      server.send(Wire.headers(3))
      #expect(server.served == 1)
    }
  }

  @Test("P-33: ten thousand table size changes are harmless")
  func survivesTableChurn() {
    let server = Server()
    for index in 0..<10_000 {
      let update: [UInt8] = index % 2 == 0 ? [0x20] : [0x3F, 0xE1, 0x1F]
      server.send(Wire.headers(UInt32(index * 2 + 1), update + Wire.get))
    }
    #expect(server.served == 10_000 && server.error == nil)
  }

  @Test("trailers are counted like headers")
  func limitsTrailers() {
    let server = Server()
    let bomb = (0..<200).flatMap { Wire.literal("n\($0)", "v") }
    server.send(Wire.headers(1, Wire.post, flags: 4) + Wire.headers(1, bomb))
    #expect(server.resets.count == 1 && server.served == 0)
  }

  @Test("answers a body declared too large before it arrives, and stops the sender")
  func refusesDeclaredBody() {
    let server = Server()
    server.send(Wire.headers(1, Wire.post + Wire.literal("content-length", "9000"), flags: 4))
    #expect(server.served == 1 && server.hasEnded(1) && server.resets.isEmpty)
    // Not in the same read as the answer, but soon.
    server.now += 199
    server.session.tick(now: server.now)
    server.pump()
    #expect(server.resets.isEmpty)
    server.session.tick(now: server.now + 1)
    server.pump()
    #expect(server.resets.map(\.errorCode) == [ErrorCode.noError])
    server.send(Wire.data(1, [UInt8](repeating: 0, count: 5_000)) + Wire.headers(3))
    #expect(server.served == 2 && server.error == nil && server.goAway == nil)
  }

  @Test("a peer that stops when it is answered is not reset")
  func leavesStoppedSender() {
    let server = Server()
    server.send(Wire.headers(1, Wire.post + Wire.literal("content-length", "9000"), flags: 4))
    server.send(Wire.reset(1))
    server.now += 1_000
    server.send(Wire.headers(3))
    #expect(server.resets.isEmpty && server.served == 2)
  }

  @Test("data of refused streams gives its window back")
  func returnsWindow() {
    let server = Server()
    var window = 65_535
    for index in 0..<90 {
      let stream = UInt32(index * 2 + 1)
      server.now += 250
      server.send(
        Wire.headers(stream, Wire.post + Wire.literal("content-length", "9000"), flags: 4))
      for frame in server.frames where frame.type == FrameHead.Kind.windowUpdate {
        if frame.streamID == 0 { window += Int(frame.number(at: 0)) }
      }
      server.clear()
      server.send(Wire.data(stream, [UInt8](repeating: 0, count: 8_000)))
      window -= 8_000
      #expect(window > 0)
    }
    #expect(server.served == 90 && server.error == nil)
  }

  @Test("P-32: making the server refuse bodies early ends within the budget")
  func boundsEarlyAnswers() {
    let server = Server()
    var sent = 0
    while !server.wantsClose, sent < 1_000 {
      let stream = UInt32(sent * 2 + 1)
      server.now += 10
      server.send(
        Wire.headers(stream, Wire.post + Wire.literal("content-length", "9000"), flags: 4))
      sent += 1
    }
    #expect((200...300).contains(sent))
    #expect(server.goAway?.errorCode == ErrorCode.enhanceYourCalm)
  }

  @Test("delivers a body that grows too large as 413")
  func refusesGrowingBody() {
    let server = Server()
    server.body = nil
    server.send(Wire.headers(1, Wire.post, flags: 4))
    server.send(Wire.data(1, [UInt8](repeating: 0, count: 8_000)))
    #expect(server.next() == nil)
    server.send(Wire.data(1, [UInt8](repeating: 0, count: 1_000)))
    let request = server.next()
    #expect(request?.fault?.status == 413 && request?.body.count == 8_000)
  }

  @Test("asks the caller how large a body may be on each path")
  func asksForPath() {
    let server = Server(bodyBytesMax: { $0.count == 1 ? 10 : 20_000 })
    server.body = nil
    server.send(
      Wire.headers(1, Wire.post, flags: 4) + Wire.data(1, [UInt8](repeating: 0, count: 11)))
    #expect(server.next()?.fault?.status == 413)
    let block = [0x83, 0x86] + Wire.literal(":authority", "h") + Wire.literal(":path", "/bulk")
    server.send(
      Wire.headers(3, block, flags: 4)
        + Wire.data(3, [UInt8](repeating: 0, count: 15_000), flags: 1))
    let request = server.next()
    #expect(request?.fault == nil && request?.body.count == 15_000)
  }

  @Test("bodies of all streams together are bounded")
  func boundsBufferedBodies() {
    var limits = SessionLimits.anonymous
    limits.bufferedBytesMax = 20_000
    let server = Server(limits)
    server.body = nil
    for stream: UInt32 in [1, 3, 5] {
      server.send(Wire.headers(stream, Wire.post, flags: 4))
      server.send(Wire.data(stream, [UInt8](repeating: 0, count: 8_000)))
    }
    let request = server.next()
    #expect(request?.streamID == 5 && request?.fault?.status == 503)
    server.send(Wire.reset(1) + Wire.data(3, [1], flags: 1))
    let other = server.next()
    #expect(other?.streamID == 3 && other?.fault == nil && other?.body.count == 8_001)
  }
}

/// What the process holds in memory.
private func residentBytes() -> Int {
  let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
  let fields = text.split(separator: " ")
  return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4_096 : 0
}
