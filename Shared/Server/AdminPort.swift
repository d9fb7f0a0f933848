internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
import Codes
import JSON
import Synchronization

/// One thing a service must have to be ready, asked for on every probe.
package struct HealthCheck: Sendable {
  package let name: String
  /// `nil` when well, else what is wrong and what to do.
  package let complaint: @Sendable () -> String?

  package init(_ name: String, _ complaint: @escaping @Sendable () -> String?) {
    self.name = name
    self.complaint = complaint
  }
}

/// The HTTP/1.1 port for Kubernetes probes and Prometheus.
///
/// `/livez` says the process runs, `/startupz` that it has started, `/readyz` that it should get
/// traffic (200 or 503, JSON with one member per check), `/metrics` the numbers. `/degradation`
/// says the level of answers, and `PUT` with `D0` to `D3` or `auto` as body holds it.
package final class AdminPort: Sendable {
  private let metrics: Metrics
  private let checks: [HealthCheck]
  private let degradation: Degradation
  private let hasStarted = Atomic<Bool>(false)
  private let isDraining = Atomic<Bool>(false)
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  package init(
    metrics: Metrics, checks: [HealthCheck], degradation: Degradation = Degradation(loops: 1)
  ) {
    self.metrics = metrics
    self.degradation = degradation
    self.checks = checks
  }

  /// Starts listening; the port that was bound.
  package func listen(_ endpoint: Endpoint) throws(ConfigurationError) -> Int {
    do {
      let channel = try ServerBootstrap(group: group)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.configureHTTPServerPipeline()
            try channel.pipeline.syncOperations.addHandlers([
              IdleStateHandler(allTimeout: .seconds(30)), AdminHandler(self),
            ])
          }
        }
        .bind(host: endpoint.host, port: endpoint.port).wait()
      return channel.localAddress?.port ?? endpoint.port
    } catch {
      throw HTTPServer.explain(error, endpoint.host, endpoint.port)
    }
  }

  /// From now on `/startupz` answers 200.
  package func started() { hasStarted.store(true, ordering: .releasing) }

  /// From here on `/readyz` fails, so that no new traffic comes.
  package func drain() { isDraining.store(true, ordering: .releasing) }

  /// Stops listening and ends the port's thread.
  package func shutDown() { try? group.syncShutdownGracefully() }

  func answer(_ path: String) -> (status: HTTPResponseStatus, contentType: String, body: String) {
    switch path {
    case "/livez": return (.ok, "text/plain", "ok\n")
    case "/startupz":
      return hasStarted.load(ordering: .acquiring)
        ? (.ok, "text/plain", "ok\n") : (.serviceUnavailable, "text/plain", "starting\n")
    case "/readyz": return readiness()
    case "/degradation": return (.ok, "text/plain", degradation.level.name + "\n")
    case "/metrics": return (.ok, "text/plain; version=0.0.4", metrics.exposition)
    default:
      return (.notFound, "text/plain", "/livez /readyz /startupz /metrics /degradation\n")
    }
  }

  func put(
    _ path: String, _ body: String
  ) -> (status: HTTPResponseStatus, contentType: String, body: String) {
    guard path == "/degradation" else {
      return (.methodNotAllowed, "text/plain", "only /degradation can be put\n")
    }
    guard degradation.hold(named: body.filter { !$0.isWhitespace }) else {
      return (.badRequest, "text/plain", "the body is auto, D0, D1, D2 or D3\n")
    }
    return (.ok, "text/plain", degradation.level.name + "\n")
  }

  private func readiness() -> (status: HTTPResponseStatus, contentType: String, body: String) {
    var complaints = checks.map { ($0.name, $0.complaint()) }
    let isStarted = hasStarted.load(ordering: .acquiring)
    complaints.insert(("started", isStarted ? nil : "the service is starting"), at: 0)
    let drains = isDraining.load(ordering: .acquiring)
    complaints.insert(("accepting", drains ? "the service is shutting down" : nil), at: 1)
    let isReady = complaints.allSatisfy { $0.1 == nil }
    var json = JSONWriter()
    json.object {
      $0.field("ready", isReady)
      $0.field(
        "checks",
        object: { checks in
          for (name, complaint) in complaints { checks.field(name, complaint ?? "ok") }
        })
    }
    json.endLine()
    return (
      isReady ? .ok : .serviceUnavailable, "application/json",
      String(decoding: json.bytes, as: UTF8.self)
    )
  }
}

private final class AdminHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let port: AdminPort
  private var path = ""
  private var method = HTTPMethod.GET
  private var body = ""
  private var keepsAlive = true

  init(_ port: AdminPort) { self.port = port }

  private static let bodyBytesMax = 64

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      path = String(head.uri.prefix { $0 != "?" })
      method = head.method
      body = ""
      keepsAlive = head.isKeepAlive
    case .body(let bytes):
      if body.utf8.count < Self.bodyBytesMax { body += String(buffer: bytes) }
    case .end: respond(context)
    }
  }

  private func respond(_ context: ChannelHandlerContext) {
    let answer =
      switch method {
      case .GET, .HEAD: port.answer(path)
      case .PUT: port.put(path, body)
      default: (HTTPResponseStatus.methodNotAllowed, "text/plain", "this port answers GET\n")
      }
    var headers = HTTPHeaders([
      ("content-type", answer.1), ("content-length", "\(answer.2.utf8.count)"),
    ])
    if !keepsAlive { headers.add(name: "connection", value: "close") }
    context.write(
      wrapOutboundOut(.head(.init(version: .http1_1, status: answer.0, headers: headers))),
      promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.2)))), promise: nil)
    let closes = !keepsAlive
    let channel = context.channel
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
      if closes { channel.close(promise: nil) }
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
