import HTTP2
import Security
import Synchronization
import Testing

@testable import Server

/// What a service reads anew while it serves.
@Suite(.serialized) struct ReloadTests {
  @Test("open connections are asked anew who they are, and no answer is lost on the way")
  func grants() async throws {
    let loops = Loops(count: 2)
    let adopted = Mutex<[Int]>([])
    let server = try HTTPServer(
      loops: loops, grants: Self.table("one", "two"), limits: ServerLimits(), metrics: Metrics()
    ) { loop in EchoService(loop.index) { number in adopted.withLock { $0.append(number) } } }
    let port = try server.listen(Endpoint(host: "127.0.0.1", port: 0, tls: nil))
    let client = try Client(port: port)
    defer { client.close() }
    #expect(try await client.status(token: "one") == 200)
    #expect(try await client.status(token: "two") == 200)
    #expect(try await client.status(token: "three") == 403)

    for round in 0..<20 {
      async let under = client.statuses(token: "two", count: 50)
      let names = round % 2 == 0 ? ["two", "three"] : ["one", "two"]
      server.replace(grants: Self.table(names[0], names[1]), tls: nil) { service in
        (service as? EchoService)?.adopt()
      }
      // The same connection, the same fields: what they were admitted to does not hold any more.
      #expect(try await client.status(token: "one") == (round % 2 == 0 ? 403 : 200))
      #expect(try await client.status(token: "three") == (round % 2 == 0 ? 200 : 403))
      #expect(try await under == Array(repeating: 200, count: 50))
    }
    let each = Array(repeating: 0, count: 20) + Array(repeating: 1, count: 20)
    #expect(adopted.withLock { $0.sorted() } == each, "on each loop, each time")
    server.drain()
    loops.shutDown()
  }

  private static func table(_ tokens: String...) -> GrantTable {
    let gate = Principal(name: "gate", grants: [Grant.scan])
    return GrantTable(
      principals: [gate],
      tokenDigests: Dictionary(
        uniqueKeysWithValues: tokens.map { (SHA256.hash(Array($0.utf8).span), gate) }))
  }

  /// One connection.
  private struct Client {
    private let loops = Loops(count: 1)
    private let upstream: LoopBound<Upstream>

    init(port: Int) throws {
      let url = try UpstreamURL("http://127.0.0.1:\(port)")
      let loop = loops.all[0]
      upstream = try loop.run { LoopBound(Upstream(url, tls: nil, on: loop), on: loop) }
    }

    func status(token: String) async throws -> Int {
      let (loop, upstream) = (loops.all[0], upstream)
      let result = await withCheckedContinuation { continuation in
        loop.execute {
          upstream.value.send(
            .post, "/v1/scans", headers: [HeaderField("authorization", text: "Bearer \(token)")],
            body: [1], timeoutMilliseconds: 10_000
          ) { continuation.resume(returning: $0) }
        }
      }
      return try result.get().status
    }

    func statuses(token: String, count: Int) async throws -> [Int] {
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<count { group.addTask { try await status(token: token) } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
    }

    func close() { loops.shutDown() }
  }
}

/// Answers 200 to whoever may scan.
private final class EchoService: LoopService {
  let router = Router([
    Route(.post, "/v1/scans", grant: Grant.scan, bodyBytesMax: 64) { exchange in
      exchange.respond(200, "text/plain", [UInt8]().span)
    }
  ])
  private let index: Int
  private let note: @Sendable (Int) -> Void

  init(_ index: Int, _ note: @escaping @Sendable (Int) -> Void) {
    self.index = index
    self.note = note
  }

  func turnEnded() {}

  func adopt() { note(index) }
}
