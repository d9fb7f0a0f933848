internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// One GET to an admin port, blocking: what `NAME health` does.
enum AdminProbe {
  struct Fault: Error {
    let message: String
  }

  static func get(_ url: UpstreamURL, _ path: String) throws(Fault) -> (status: Int, body: String) {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    defer { try? group.syncShutdownGracefully() }
    let loop = group.next()
    let promise = loop.makePromise(of: Answer.self)
    loop.scheduleTask(in: .seconds(2)) { promise.fail(Fault(message: "no answer in 2 seconds")) }
    ClientBootstrap(group: loop)
      .connectTimeout(.seconds(2))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHTTPClientHandlers()
          try channel.pipeline.syncOperations.addHandler(
            ProbeHandler(url: url, path: path, promise: promise))
        }
      }
      .connect(host: url.host, port: url.port)
      .whenFailure { _ in promise.fail(Fault(message: "nobody listens there")) }
    do {
      let answer = try promise.futureResult.wait()
      return (answer.status, answer.body)
    } catch {
      throw (error as? Fault) ?? Fault(message: "\(error)")
    }
  }

  fileprivate struct Answer: Sendable {
    var status = 0
    var body = ""
  }

  private final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let url: UpstreamURL
    private let path: String
    private let promise: EventLoopPromise<Answer>
    private var answer = Answer()

    init(url: UpstreamURL, path: String, promise: EventLoopPromise<Answer>) {
      self.url = url
      self.path = path
      self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
      let head = HTTPRequestHead(
        version: .http1_1, method: .GET, uri: path,
        headers: ["host": url.authority, "connection": "close"])
      context.write(wrapOutboundOut(.head(head)), promise: nil)
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head): answer.status = Int(head.status.code)
      case .body(let buffer): answer.body += String(buffer: buffer)
      case .end: promise.succeed(answer)
      }
    }

    func channelInactive(context: ChannelHandlerContext) {
      promise.fail(Fault(message: "the connection ended before an answer"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      promise.fail(Fault(message: "\(error)"))
    }
  }
}
