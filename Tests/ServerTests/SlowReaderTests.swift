import HTTP2
import RawHTTP2
import Security
import Testing

@testable import Server

/// A client that asks for much and reads late.
@Suite struct SlowReaderTests {
  @Test("answers that the socket does not take at once come whole and in order")
  func order() throws {
    let loops = Loops(count: 1)
    let gate = Principal(name: "gate", grants: [Grant.scan])
    let grants = GrantTable(
      principals: [gate], tokenDigests: [SHA256.hash(Array("one".utf8).span): gate])
    let server = try HTTPServer(
      loops: loops, grants: grants, limits: ServerLimits(), metrics: Metrics()
    ) { _ in LargeService() }
    let port = try server.listen(Server.Endpoint(host: "127.0.0.1", port: 0, tls: nil))
    defer {
      server.drain()
      loops.shutDown()
    }
    let endpoint = RawHTTP2.Endpoint(address: "127.0.0.1", port: UInt16(port), path: "/v1/large")
    let client = try RawConnection(opening: endpoint, receiveBufferBytes: 8_192)
    client.send(.settings(.initialWindowSize(1 << 30)), .windowUpdate(0, 1 << 30))
    try client.expect("the ACK") { $0 == .settingsAcknowledged }

    let fields = endpoint.fields() + [RawHTTP2.HeaderField("authorization", "Bearer one")]
    // The first makes a known caller of the client, who may have more streams.
    client.send(.headers(1, fields.flatMap { HPACK.literal($0.name, $0.value, .without) }))
    try client.expect("an answer") { event in
      if case .data(1, _, endsStream: true) = event { true } else { false }
    }
    let streams = (1...200).map { UInt32(2 * $0 + 1) }
    let block = fields.flatMap { HPACK.literal($0.name, $0.value, .without) }
    for stream in streams { client.send(.headers(stream, block)) }
    // Longer than the socket's buffers hold; the connection's limits are longer.
    System.sleep(milliseconds: 300)
    var received: [UInt32: Int] = [:]
    var ended: [UInt32] = []
    let deadline = ContinuousClock.now + .seconds(20)
    while ended.count < streams.count {
      let event = client.nextEvent(until: deadline)
      // Frames that were cut or changed places are none of these.
      switch event {
      case .headers(_, let fields, endsStream: false): #expect(fields.status == 200)
      case .data(let stream, let byteCount, let endsStream):
        received[stream, default: 0] += byteCount
        if endsStream { ended.append(stream) }
      case .settings, .settingsAcknowledged, .windowUpdate: break
      default:
        Issue.record("not expected: \(event)")
        return
      }
    }
    let byteCounts = streams.map { ($0, LargeService.byteCount) }
    #expect(received == Dictionary(uniqueKeysWithValues: byteCounts))
    #expect(ended.sorted() == streams)
  }
}

/// Answers with 300 KB.
private final class LargeService: LoopService {
  static let byteCount = 300_000
  let router = Router([
    Route(.get, "/v1/large", grant: Grant.scan) { exchange in
      exchange.respond(200, "text/plain", [UInt8](repeating: 0x5A, count: byteCount).span)
    }
  ])

  func turnEnded() {}
}
