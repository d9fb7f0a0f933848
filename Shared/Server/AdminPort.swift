internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
import Codes
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
/// `/livez` says that the event loops turn, `/startupz` that the service has started, or how far
/// that is, `/readyz` that it should get traffic (`ReadinessReport`); each by 200 or 503.
/// `/metrics` has the numbers. `/degradation` says the level of answers, and `PUT` with `D0` to
/// `D3` or `auto` as body holds it.
package final class AdminPort: Sendable {
  /// What a request gets.
  struct Answer {
    var status = 200
    var contentType = "text/plain"
    let body: String
  }

  private let metrics: Metrics
  private let checks: [HealthCheck]
  private let degradation: Degradation
  private let watchdog: LoopWatchdog?
  private let progress: @Sendable () -> String?
  private let listens = Atomic<Bool>(false)
  private let hasStarted = Atomic<Bool>(false)
  private let isDraining = Atomic<Bool>(false)
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  /// `progress` says what keeps the service from having started, `nil` once nothing does.
  package init(
    metrics: Metrics, checks: [HealthCheck], degradation: Degradation = Degradation(loops: 1),
    watchdog: LoopWatchdog? = nil, progress: @escaping @Sendable () -> String? = { nil }
  ) {
    self.metrics = metrics
    self.degradation = degradation
    self.checks = checks
    self.watchdog = watchdog
    self.progress = progress
    guard let watchdog else { return }
    group.next().scheduleRepeatedTask(
      initialDelay: .zero, delay: .milliseconds(Int64(LoopWatchdog.tickMilliseconds))
    ) { _ in watchdog.tick() }
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

  /// The service listens: from now on `/startupz` answers 200, unless there is progress to tell.
  package func started() { listens.store(true, ordering: .releasing) }

  /// From here on `/readyz` fails, so that no new traffic comes.
  package func drain() { isDraining.store(true, ordering: .releasing) }

  /// Stops listening and ends the port's thread.
  package func shutDown() { try? group.syncShutdownGracefully() }

  /// The answer to a GET of `target`, a path with a query, by a client that accepts `accept`.
  func answer(_ target: String, accept: String = "") -> Answer {
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let query = parts.count == 2 ? parts[1].split(separator: "&") : []
    switch parts[0] {
    case "/livez": return probe(watchdog?.complaint)
    case "/startupz": return probe(startComplaint)
    case "/readyz":
      let isJSON = query.contains("format=json") || accept.contains("application/json")
      return readiness(isVerbose: query.contains("verbose"), isJSON: isJSON)
    case "/degradation": return Answer(body: degradation.level.name + "\n")
    case "/metrics":
      return Answer(contentType: "text/plain; version=0.0.4", body: metrics.exposition)
    default:
      return Answer(
        status: 404, body: "/livez /readyz /startupz /metrics /degradation\n")
    }
  }

  func put(_ path: String, _ body: String) -> Answer {
    guard path == "/degradation" else {
      return Answer(status: 405, body: "only /degradation can be put\n")
    }
    guard degradation.hold(named: body.filter { !$0.isWhitespace }) else {
      return Answer(status: 400, body: "the body is auto, D0, D1, D2 or D3\n")
    }
    return Answer(body: degradation.level.name + "\n")
  }

  private func probe(_ complaint: String?) -> Answer {
    guard let complaint else { return Answer(body: "ok\n") }
    return Answer(status: 503, body: complaint + "\n")
  }

  /// What a start still waits for. Once it has started a service stays so: what comes later is
  /// for `/readyz`.
  private var startComplaint: String? {
    if hasStarted.load(ordering: .acquiring) { return nil }
    guard listens.load(ordering: .acquiring) else { return "the service is starting" }
    if let progress = progress() { return progress }
    hasStarted.store(true, ordering: .releasing)
    return nil
  }

  private func readiness(isVerbose: Bool, isJSON: Bool) -> Answer {
    let drains = isDraining.load(ordering: .acquiring)
    let report = ReadinessReport(
      findings: [
        ("started", startComplaint),
        ("accepting", drains ? "the service is shutting down" : nil),
      ] + checks.map { ($0.name, $0.complaint()) })
    return Answer(
      status: report.isReady ? 200 : 503,
      contentType: isJSON ? "application/json" : "text/plain",
      body: isJSON ? report.json : report.text(isVerbose: isVerbose))
  }
}

private final class AdminHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let port: AdminPort
  private var target = ""
  private var accept = ""
  private var method = HTTPMethod.GET
  private var body = ""
  private var keepsAlive = true

  init(_ port: AdminPort) { self.port = port }

  private static let bodyBytesMax = 64

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      target = head.uri
      accept = head.headers["accept"].joined(separator: ",")
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
      case .GET, .HEAD: port.answer(target, accept: accept)
      case .PUT: port.put(target, body)
      default: AdminPort.Answer(status: 405, body: "this port answers GET\n")
      }
    var headers = HTTPHeaders([
      ("content-type", answer.contentType), ("content-length", "\(answer.body.utf8.count)"),
    ])
    if !keepsAlive { headers.add(name: "connection", value: "close") }
    let status = HTTPResponseStatus(statusCode: answer.status)
    context.write(
      wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: headers))),
      promise: nil)
    context.write(
      wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
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
