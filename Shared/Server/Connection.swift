import HTTP2
internal import NIOCore
import Security

/// One client's connection: bytes from the socket through TLS into the HTTP/2 session, requests
/// to the router, answers back; all answers of a turn of the loop leave in one write.
///
/// The shell around the engines `TLSSession`, `ServerSession` and `ConnectionState`: it holds the
/// socket and the clock, and decides nothing itself.
final class Connection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  let host: LoopHost
  var loop: Loop { host.loop }
  private let onClose: @Sendable () -> Void
  private var tls: TLSSession?
  private var isHandshaking: Bool
  private var session: ServerSession
  private var state: ConnectionState
  private var channel: (any Channel)?
  private var principal: Principal?
  private var isTrusted = false
  /// The last `authorization` value seen here and whom it stands for: gates send the same one
  /// with every request.
  private var lastAuthorization: [UInt8] = []
  private var lastTokenPrincipal: Principal?
  private var plaintext: [UInt8] = []
  private var output: [UInt8] = []
  private var ciphertext: [UInt8] = []
  private var flushIsScheduled = false
  private var isClosing = false
  /// `true` while the socket takes no more: answers wait here, and reading stops.
  private var isCongested = false

  init(
    host: LoopHost, tls context: TLSContext?, onClose: @escaping @Sendable () -> Void
  ) throws {
    self.host = host
    self.onClose = onClose
    let router = host.router
    let limits = host.limits.anonymous
    session = ServerSession(limits: limits) { router.bodyBytesMax($0) }
    if let context {
      tls = try TLSSession(server: context)
      isHandshaking = true
    } else {
      tls = nil
      isHandshaking = false
    }
    let now = System.monotonicNanoseconds / 1_000_000
    state = ConnectionState(
      limits: limits, now: now, usesTLS: isHandshaking, ageJitterPercent: Int.random(in: -20...20))
  }

  // MARK: Socket events

  func channelActive(context: ChannelHandlerContext) {
    channel = context.channel
    host.opened(self)
    host.counters.opened.add()
    if !isHandshaking { scheduleFlush() }
  }

  func channelInactive(context: ChannelHandlerContext) {
    channel = nil
    host.closed(self)
    onClose()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { close() }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    isCongested = !context.channel.isWritable
    if !isCongested { scheduleFlush() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isClosing else { return }
    let buffer = unwrapInboundIn(data)
    let now = System.monotonicNanoseconds / 1_000_000
    do {
      if tls == nil {
        try session.receive(buffer.readableBytesUInt8Span, now: now)
      } else {
        try receiveCiphertext(buffer, now: now)
      }
      serveRequests()
    } catch {
      host.counters.ended.add()
      // The engine has queued its GOAWAY, and TLS its alert: send them, then close.
      flushNow()
      close()
    }
    scheduleFlush()
  }

  private func receiveCiphertext(_ buffer: ByteBuffer, now: UInt64) throws {
    tls!.receive(buffer.readableBytesUInt8Span)
    if isHandshaking {
      guard try tls!.advanceHandshake() == .done else { return }
      isHandshaking = false
      state.handshakeCompleted(now: now)
      if let uri = tls!.peerPrincipal {
        principal = host.grants.principal(certificateURI: uri)
        if principal?.grants.isEmpty == false { trust() }
      }
    }
    while true {
      plaintext.removeAll(keepingCapacity: true)
      switch try tls!.read(into: &plaintext, max: 65_536) {
      case .bytes: try session.receive(plaintext.span, now: now)
      case .needsInput: return
      case .closed:
        close()
        return
      }
    }
  }

  // MARK: Requests

  private func serveRequests() {
    while let request = session.nextRequest() {
      host.openTurn()
      switch request.fault {
      case .headerListTooLarge: respond(to: request.streamID, .headersTooLarge())
      case .bodyTooLarge:
        let bytesMax = host.router.bodyBytesMax(request.path.span)
        respond(to: request.streamID, .bodyTooLarge(bytesMax))
      case nil: host.router.handle(request, principal(of: request), self)
      }
    }
    while session.nextClosedStream() != nil {}
  }

  private func principal(of request: Request) -> Principal? {
    guard !request.authorization.isEmpty else { return principal }
    if constantTimeEqual(request.authorization.span, lastAuthorization.span) {
      return lastTokenPrincipal
    }
    lastAuthorization = request.authorization
    lastTokenPrincipal = nil
    let scheme = Array("Bearer ".utf8)
    if request.authorization.count > scheme.count,
      request.authorization.prefix(scheme.count).elementsEqual(scheme)
    {
      let token = request.authorization.span.extracting(scheme.count...)
      lastTokenPrincipal = host.grants.principal(token: token)
      if lastTokenPrincipal != nil { trust() }
    }
    return lastTokenPrincipal
  }

  /// A known client gets the limits of a partner in place of a stranger's.
  private func trust() {
    guard !isTrusted else { return }
    isTrusted = true
    session.upgradeLimits(to: host.limits.partner)
    state.upgradeLimits(to: host.limits.partner)
  }

  func respond(
    to streamID: Int32, _ status: Int, _ contentType: StaticString, _ body: Span<UInt8>,
    headers: [(String, String)] = []
  ) {
    host.counters.answered(status)
    _ = session.respond(
      to: streamID, status: status, contentType: contentType, headers: headers, body: body)
  }

  func respond(to streamID: Int32, _ problem: Problem) {
    var headers: [(String, String)] = []
    if let seconds = problem.retryAfterSeconds { headers.append(("retry-after", "\(seconds)")) }
    if let allow = problem.allow { headers.append(("allow", allow)) }
    respond(
      to: streamID, problem.status, "application/problem+json", problem.body.span,
      headers: headers)
  }

  // MARK: Output

  func scheduleFlush() {
    guard !flushIsScheduled, channel != nil else { return }
    flushIsScheduled = true
    host.flushAtTurnEnd(self)
  }

  /// Writes everything the session has to say, as far as the socket takes it.
  func flushNow() {
    flushIsScheduled = false
    guard let channel, !isCongested || isClosing else { return }
    output.removeAll(keepingCapacity: true)
    if !isHandshaking { session.takeOutput(into: &output, max: 1 << 20) }
    if tls != nil {
      encryptOutput()
    }
    if !output.isEmpty {
      channel.writeAndFlush(ByteBuffer(bytes: output), promise: nil)
    }
    let now = System.monotonicNanoseconds / 1_000_000
    state.update(from: session, now: now)
    if !isHandshaking, session.isClosed { close() }
  }

  private func encryptOutput() {
    ciphertext.removeAll(keepingCapacity: true)
    do {
      if !output.isEmpty { try tls!.write(output.span) }
      tls!.takeOutput(into: &ciphertext)
      swap(&output, &ciphertext)
    } catch {
      output.removeAll(keepingCapacity: true)
      close()
    }
  }

  // MARK: Ends

  /// Ends the connection if one of its phases took longer than it may, and keeps it alive.
  func checkDeadlines(now: UInt64) {
    state.update(from: session, now: now)
    switch state.check(now: now) {
    case .nothing: break
    case .ping:
      session.ping()
      scheduleFlush()
    case .goAway: drain()
    case .close:
      host.counters.ended.add()
      session.terminate(.noError)
      flushNow()
      close()
    }
  }

  /// Sends the notice, then a round trip later the final GOAWAY (RFC 9113 §6.8).
  func drain() {
    guard !isHandshaking else { return close() }
    session.shutDown()
    scheduleFlush()
    let connection = LoopBoundWeak(self, on: loop)
    loop.schedule(afterMilliseconds: 500) {
      guard let connection = connection.value else { return }
      connection.session.finishShutDown()
      connection.scheduleFlush()
    }
  }

  func close() {
    guard !isClosing else { return }
    isClosing = true
    channel?.close(promise: nil)
  }
}
