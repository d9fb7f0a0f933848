import HTTP2
import Security
import Synchronization
import Testing

@testable import Server

/// Every request to another service ends within its own time, whatever that service does.
@Suite(.serialized) struct UpstreamTests {
  /// How a service can fail to answer.
  enum Peer: String, CaseIterable {
    /// The kernel accepts for it; not a byte comes.
    case mute
    /// It speaks HTTP/2, takes every request, and says nothing.
    case silent
    /// It allows one stream, which is taken for ever: the others wait for it.
    case oneStream
    /// It closes every connection at once.
    case closing
    /// Nobody listens.
    case absent
  }

  private static let requests = 64
  private static let milliseconds = 400

  @Test("64 requests to a peer that never answers all fail in their time", arguments: Peer.allCases)
  func fails(_ peer: Peer) async throws {
    let server = try Server(peer)
    defer { server.shutDown() }
    let loops = Loops(count: 1)
    let ends = Mutex<[(failure: UpstreamFailure?, milliseconds: UInt64)]>([])
    let url = try UpstreamURL("http://127.0.0.1:\(server.port)")
    let begin = System.monotonicNanoseconds
    let upstream = try loops.all[0].run {
      let loop = loops.all[0]
      let upstream = Upstream(url, tls: nil, on: loop)
      for _ in 0..<Self.requests {
        upstream.send(
          .post, "/v1/scans", headers: [HeaderField("authorization", text: "Bearer gate")],
          body: [1, 2, 3], timeoutMilliseconds: Self.milliseconds
        ) { result in
          let time = (System.monotonicNanoseconds - begin) / 1_000_000
          var failure: UpstreamFailure?
          if case .failure(let reason) = result { failure = reason }
          ends.withLock { $0.append((failure, time)) }
        }
      }
      return LoopBound(upstream, on: loop)
    }
    // Twice the time, and what a busy machine needs: then all have ended, and none twice.
    for _ in 0..<200 where ends.withLock({ $0.count }) < Self.requests {
      try await Task.sleep(for: .milliseconds(20))
    }
    try await Task.sleep(for: .milliseconds(50))
    let found = ends.withLock { $0 }
    #expect(found.count == Self.requests, "\(peer.rawValue): each ends once")
    #expect(found.allSatisfy { $0.failure != nil }, "\(peer.rawValue): nobody answered")
    let slowest = found.map(\.milliseconds).max() ?? 0
    #expect(slowest < UInt64(Self.milliseconds) + 1_000, "\(peer.rawValue): \(slowest) ms")
    try loops.all[0].run { upstream.value.close() }
    loops.shutDown()
  }

  /// A service on a port of its own that behaves like a `Peer`.
  private struct Server {
    private let loops = Loops(count: 1)
    let port: Int

    init(_ peer: Peer) throws {
      var limits = ServerLimits()
      limits.drainMilliseconds = 0
      if peer == .mute { limits.connectionsMax = 0 }
      if peer == .oneStream {
        limits.anonymous.streamsMax = 1
        limits.partner.streamsMax = 1
      }
      if peer == .closing { limits.connectionsPerAddressMax = 0 }
      let gate = Principal(name: "gate", grants: [Grant.scan])
      let grants = GrantTable(
        principals: [gate], tokenDigests: [SHA256.hash("gate".utf8.span): gate])
      let server = try HTTPServer(
        loops: loops, grants: grants, limits: limits, metrics: Metrics()
      ) { _ in SilentService() }
      let bound = try server.listen(Endpoint(host: "127.0.0.1", port: 0, tls: nil))
      if peer == .absent { server.drain() }
      port = bound
    }

    func shutDown() { loops.shutDown() }
  }
}

/// Promises every answer and gives none.
private final class SilentService: LoopService {
  let router = Router([
    Route(.post, "/v1/scans", grant: Grant.scan, bodyBytesMax: 64) { exchange in
      _ = exchange.deferReply()
    }
  ])

  func turnEnded() {}
}
