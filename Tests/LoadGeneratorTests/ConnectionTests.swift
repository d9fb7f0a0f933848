import Glibc
import Histogram
import RawHTTP2
import Testing

@testable import loadgen

/// Feeds a connection with what a server might send, cut in any way.
@Suite struct ConnectionTests {
  private struct Setup {
    let worker: Worker
    let lane: Lane
    let connection: Connection
    private var rest: [UInt8] = []

    init(
      expecting outcomes: [UInt8] = [0, 0, 0, 0], check: Check = .outcome, retriesMax: Int = 0
    ) throws {
      let address = try #require(Address(host: "127.0.0.1", port: 1))
      let endpoint = loadgen.Endpoint(
        address: address, host: "127.0.0.1", isSecure: false, authority: "a:1", url: "http://a:1")
      var item = ClassPlan(name: "test", endpoints: [endpoint], path: "/x")
      let code = Array("C".utf8)
      item.bodies = Bodies(codes: outcomes.map { (text: code[...], outcome: $0) }, form: .text)
      item.check = check
      var plan = Plan(classes: [item])
      plan.retriesMax = retriesMax
      worker = Worker(plan, index: 0, context: nil, control: RunControl())
      worker.measure(from: 0, to: .max)
      lane = Lane(item, plan, worker: worker, connections: 1, firstBody: 0)
      // Never connected: what is to be sent stays in the buffer.
      connection = Connection(
        token: 0, endpoint: endpoint,
        transport: Transport(socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0), nil), owner: lane,
        poller: worker.poller, now: 0)
      connection.sendOpening()
      receive(frame(4, 0, 0, []))
      for body in outcomes.indices { connection.start(Pending(intended: 0, body: body)) }
    }

    mutating func receive(_ bytes: [UInt8]) {
      rest += bytes
      rest.removeFirst(connection.parse(rest))
    }
  }

  private static let ok = HPACK.indexed(8)
  private static let accepted = Array(#"{"outcome":"accepted","number":0}"#.utf8)

  /// Answers to streams 7, 1, 5 and 3, with everything a server may put in between.
  private static let answers: [UInt8] = {
    let half = accepted.count / 2
    return frame(1, 4, 7, ok) + frame(1, 0, 1, Array(ok.prefix(0))) + frame(9, 4, 1, ok)
      + frame(0, 0, 7, Array(accepted.prefix(half))) + frame(8, 0, 0, [0, 0, 1, 0])
      + frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]) + frame(0, 1, 1, accepted)
      + frame(0, 1, 7, Array(accepted.dropFirst(half)))
      + frame(1, 4, 5, HPACK.literal(nameIndex: 8, "103")) + frame(1, 4, 5, ok)
      + frame(0, 8, 5, [3] + accepted + [0, 0, 0]) + frame(1, 5, 5, HPACK.literal("x", "trailer"))
      + frame(200, 0, 0, [1, 2, 3]) + frame(1, 0x2C, 3, [2, 0, 0, 0, 0, 9] + ok + [0, 0])
      + frame(0, 0, 3, []) + frame(0, 1, 3, accepted)
  }()

  @Test("answers are found whole, byte by byte, and cut at any place")
  func splits() throws {
    for cut in 0...Self.answers.count {
      var setup = try Setup()
      setup.receive(Array(Self.answers.prefix(cut)))
      setup.receive(Array(Self.answers.dropFirst(cut)))
      #expect(setup.lane.tally.ok == 4 && setup.lane.tally.wrong == 0, "cut at \(cut)")
      #expect(setup.connection.inFlight == 0 && setup.connection.state == .open)
    }
    var setup = try Setup()
    for byte in Self.answers { setup.receive([byte]) }
    #expect(setup.lane.tally.ok == 4 && setup.lane.tally.outcomes[0] == 4)
    // The PING was answered.
    let pong = frame(6, 1, 0, [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(setup.connection.sender.output.suffix(pong.count) == pong[...])
  }

  @Test("another outcome, none, another status: each is wrong; a refusal is not")
  func wrong() throws {
    var setup = try Setup(expecting: [0, 6, 0, 0])
    setup.receive(frame(1, 4, 1, Self.ok) + frame(0, 1, 1, Self.accepted))
    #expect(setup.lane.tally.ok == 1 && setup.lane.tally.wrong == 0)
    setup.receive(frame(1, 4, 3, Self.ok) + frame(0, 1, 3, Self.accepted))
    #expect(setup.lane.tally.wrong == 1)
    setup.receive(frame(1, 5, 5, Self.ok))
    #expect(setup.lane.tally.wrong == 2)
    setup.receive(
      frame(1, 5, 7, HPACK.literal(nameIndex: 8, "503") + HPACK.literal("retry-after", "1")))
    #expect(setup.lane.tally.wrong == 2 && setup.lane.tally.refused == 1)
    #expect(setup.lane.tally.refusedWithoutRetryAfter == 0)
    setup.connection.start(Pending(intended: 0, body: 0))
    setup.receive(frame(1, 5, 9, HPACK.indexed(13)))
    #expect(setup.lane.tally.wrong == 3)
  }

  @Test("GOAWAY sends again what the server left, and waits for the rest; REFUSED_STREAM too")
  func goAway() throws {
    var setup = try Setup()
    setup.receive(frame(3, 0, 7, [0, 0, 0, 7]) + frame(3, 0, 1, [0, 0, 0, 2]))
    #expect(setup.lane.tally.resent == 1 && setup.lane.tally.errors == 1)
    setup.receive(frame(7, 0, 0, [0, 0, 0, 3, 0, 0, 0, 0]))
    #expect(setup.lane.tally.resent == 2 && setup.connection.state == .draining)
    #expect(setup.connection.inFlight == 1 && !setup.lane.isIdle)
    setup.receive(frame(1, 4, 3, Self.ok) + frame(0, 1, 3, Self.accepted))
    #expect(setup.lane.tally.ok == 1 && setup.connection.inFlight == 0)
  }

  @Test("a refused request is sent again as often as asked for")
  func retries() throws {
    var setup = try Setup(retriesMax: 2)
    let refusal = HPACK.literal(nameIndex: 8, "503")
    for (id, resent) in [(1, 1), (9, 2), (11, 2)] as [(UInt32, Int)] {
      setup.receive(frame(1, 5, id, refusal))
      setup.lane.connectionHasRoom(setup.connection)
      #expect(setup.lane.tally.resent == resent)
    }
    #expect(setup.lane.tally.refused == 3 && setup.lane.tally.refusedWithoutRetryAfter == 3)
    #expect(setup.lane.isIdle && setup.connection.inFlight == 3)
    // The first one counts once, by its first start.
    #expect(setup.lane.tally.refusalLatency.whole.totalCount == 3)
  }

  @Test("what breaks the protocol ends the connection, and its requests are lost")
  func faults() throws {
    for bytes in [
      frame(1, 4, 1, HPACK.indexed(100)), frame(1, 0, 1, []) + frame(0, 0, 1, []),
      frame(9, 4, 1, []), frame(5, 4, 1, []), frame(6, 0, 0, [1]), [0xFF, 0, 0, 0, 0, 0, 0, 0, 1],
      frame(4, 0, 0, [1]), frame(0, 8, 1, [9, 1]), frame(0, 8, 1, []),
    ] {
      var setup = try Setup(check: .status)
      setup.receive(bytes)
      #expect(setup.connection.state == .ended, "\(bytes)")
      #expect(setup.lane.tally.lost == 4)
    }
  }
}

/// A frame as a server sends it.
private func frame(_ kind: UInt8, _ flags: UInt8, _ id: UInt32, _ payload: [UInt8]) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.appendFrameHeader(byteCount: payload.count, kind: kind, flags: flags, streamID: id)
  return bytes + payload
}
