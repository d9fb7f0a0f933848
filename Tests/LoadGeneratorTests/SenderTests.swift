import RawHTTP2
import Testing

@testable import loadgen

@Suite struct SenderTests {
  private static let fields = [
    HeaderField(":method", "POST"), HeaderField(":scheme", "http"), HeaderField(":path", "/x"),
  ]

  private func sender(_ bodies: [[UInt8]], streams: Int = 8, firstID: UInt32 = 1) -> Sender {
    Sender(fields: Self.fields, bodies: Bodies(bodies), streamsMax: streams, firstID: firstID)
  }

  private struct Seen: Equatable {
    var kind: UInt8
    var flags: UInt8
    var id: UInt32
    var payload: [UInt8]
  }

  /// Takes the output apart.
  private func frames(_ sender: inout Sender) -> [Seen] {
    var frames: [Seen] = []
    var rest = sender.output[...]
    sender.output = []
    while rest.count >= 9 {
      let bytes = Array(rest.prefix(9))
      let count = Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2])
      frames.append(
        Seen(
          kind: bytes[3], flags: bytes[4], id: bytes.span.number(at: 5),
          payload: Array(rest.dropFirst(9).prefix(count))))
      rest = rest.dropFirst(9 + count)
    }
    #expect(rest.isEmpty)
    return frames
  }

  private func apply(_ sender: inout Sender, _ settings: [(UInt8, UInt32)]) -> String? {
    var bytes: [UInt8] = []
    for (id, value) in settings {
      bytes += [0, id]
      bytes.append(number: value)
    }
    return sender.apply(settings: bytes.span)
  }

  private func send(_ sender: inout Sender, _ bodies: Int...) {
    for body in bodies { sender.start(Pending(intended: 0, body: body)) }
  }

  @Test("requests after the first differ in stream number and body only")
  func template() throws {
    var sender = sender([Array("abc".utf8), Array("def".utf8)])
    send(&sender, 0, 1, 0)
    let seen = frames(&sender)
    #expect(seen.map(\.id) == [1, 1, 3, 3, 5, 5])
    #expect(seen.map(\.kind) == [1, 0, 1, 0, 1, 0])
    #expect(seen.map(\.flags) == [4, 1, 4, 1, 4, 1])
    #expect(seen[1].payload == Array("abc".utf8) && seen[3].payload == Array("def".utf8))
    #expect(seen[2].payload == seen[4].payload && seen[2].payload.count == 3)
    var peer = HPACKDecoder()
    for index in [0, 2, 4] { #expect(try peer.decode(seen[index].payload) == Self.fields) }
  }

  @Test("bodies of several lengths carry their own length, none at all ends with its head")
  func lengths() throws {
    var sender = sender([[1], [1, 2, 3]])
    send(&sender, 0, 1, 0)
    var peer = HPACKDecoder()
    let lengths = try frames(&sender).filter { $0.kind == 1 }
      .map { try peer.decode($0.payload).last?.value }
    #expect(lengths == ["1", "3", "1"])
    var empty = self.sender([[]])
    send(&empty, 0, 0)
    #expect(frames(&empty).map(\.flags) == [5, 5])
  }

  @Test("a body waits for the stream's and the connection's window and goes on where it was")
  func windows() {
    let body = (0..<40_000).map { UInt8(truncatingIfNeeded: $0) }
    var sender = sender([body])
    #expect(apply(&sender, [(4, 10_000)]) == nil)
    _ = frames(&sender)
    send(&sender, 0)
    #expect(!sender.hasRoom)
    var data = frames(&sender).filter { $0.kind == 0 }
    #expect(data.map(\.payload.count) == [10_000])
    sender.grow(windowOf: 1, by: 20_000)
    data += frames(&sender)
    // The frame size counts too.
    #expect(data.map(\.payload.count) == [10_000, 16_384, 3_616])
    // A smaller first window takes back what is not there: 10 bytes less than nothing.
    #expect(apply(&sender, [(4, 9_990)]) == nil)
    sender.grow(windowOf: 1, by: 10)
    #expect(frames(&sender).filter { $0.kind == 0 }.isEmpty)
    sender.grow(windowOf: 1, by: 50_000)
    data += frames(&sender)
    #expect(data.flatMap(\.payload) == body)
    #expect(data.map(\.flags) == [0, 0, 0, 1])
    #expect(sender.hasRoom)
    #expect(sender.peer.connectionWindow == 65_535 - 40_000)
    // The second meets the end of the connection's window, 25,535 bytes further on.
    #expect(apply(&sender, [(4, 1_000_000)]) == nil)
    _ = frames(&sender)
    send(&sender, 0)
    #expect(frames(&sender).filter { $0.kind == 0 }.map(\.payload.count) == [16_384, 9_151])
    sender.grow(windowOf: 0, by: 100_000)
    #expect(frames(&sender).map(\.payload.count) == [14_465])
    #expect(sender.peer.connectionWindow == 100_000 - 14_465)
  }

  @Test("the peer's stream limit holds, also when it changes")
  func streams() {
    var sender = sender([[1]], streams: 8)
    #expect(apply(&sender, [(3, 2)]) == nil)
    send(&sender, 0, 0)
    #expect(!sender.hasRoom)
    #expect(apply(&sender, [(3, 100)]) == nil)
    #expect(sender.hasRoom)
    send(&sender, 0, 0, 0, 0, 0, 0)
    #expect(!sender.hasRoom && sender.inFlight == 8)
    #expect(apply(&sender, [(3, 0)]) == nil)
    for id: UInt32 in stride(from: 1, to: 16, by: 2) {
      _ = sender.take(sender.place(of: id) ?? -1)
    }
    #expect(!sender.hasRoom && sender.inFlight == 0)
  }

  @Test("a stream that lives long keeps its place; later ones pass its number over")
  func longLived() {
    var sender = sender([[1]], streams: 2)
    send(&sender, 0)
    var ids: Set<UInt32> = []
    for _ in 0..<500 {
      sender.output = []
      send(&sender, 0)
      guard let id = frames(&sender).first?.id, let place = sender.place(of: id) else {
        Issue.record("a stream has no place")
        return
      }
      #expect(sender.take(place).id == id)
      #expect(ids.insert(id).inserted)
    }
    #expect(sender.place(of: 1) != nil && sender.inFlight == 1)
    #expect(!ids.contains(1 + 64 * 2))
  }

  @Test("GOAWAY gives back what the peer did not take, and numbers run out in time")
  func goAway() {
    var sender = sender([[1], [2], [3]], firstID: 0x7FFE_FFFD)
    #expect(!sender.isNearEnd)
    send(&sender, 0, 1, 2)
    #expect(sender.isNearEnd)
    #expect(sender.takeAll(above: 0x7FFE_FFFF).map(\.body) == [2])
    #expect(sender.inFlight == 2)
  }

  @Test("another header table makes the next request say its fields anew; wrong SETTINGS are told")
  func settings() throws {
    var sender = sender([[1]])
    send(&sender, 0, 0)
    var peer = HPACKDecoder()
    for frame in frames(&sender) where frame.kind == 1 { _ = try peer.decode(frame.payload) }
    #expect(apply(&sender, [(1, 0)]) == nil)
    _ = frames(&sender)
    send(&sender, 0, 0)
    for frame in frames(&sender) where frame.kind == 1 {
      #expect(try peer.decode(frame.payload).starts(with: Self.fields))
    }
    #expect(apply(&sender, [(4, 0x8000_0000)]) != nil)
    #expect(apply(&sender, [(5, 100)]) != nil)
  }
}
