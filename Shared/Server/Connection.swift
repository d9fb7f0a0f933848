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
  var handshakeStage = HandshakeStage.silent
  private var handshakeBytes = 0
  var session: ServerSession
  private var state: ConnectionState
  private let openedAt: UInt64
  private var requestsAtLastCheck = 0
  /// `nil` before the connection is open and after it is closed.
  private var socket: ConnectionSocket?
  var principal: Principal?
  private var isTrusted = false
  /// The last `authorization` value seen here and whom it stands for: gates send the same one
  /// with every request.
  var lastAuthorization: [UInt8] = []
  var lastTokenPrincipal: Principal?
  /// Of the last request that had to wait.
  var urgency = Urgency.normal
  /// Whether there was a request since the host looked.
  var wasActive = false
  /// Requests under way that get a line in the log, by stream.
  var logged: [Int32: LoggedRequest] = [:]
  /// Streams open when the host was last told.
  private var streamsTold = 0
  /// What the last request was admitted to: a gate's requests are all alike.
  var admitted: Admitted?
  private var plaintext: [UInt8] = []
  private var output: [UInt8] = []
  private var ciphertext: [UInt8] = []
  private var flushIsScheduled = false
  private var isClosing = false
  /// The session is over; what is written goes out, then the socket closes.
  private var isEnding = false
  /// `true` while the socket takes no more: answers wait here, and reading stops.
  private var isCongested = false

  init(
    host: LoopHost, tls context: TLSContext?, onClose: @escaping @Sendable () -> Void
  ) {
    self.host = host
    self.onClose = onClose
    let bodyLimits = host.router.bodyLimits
    session = ServerSession(limits: host.limits.anonymous) { bodyLimits.bytesMax($0) }
    tls = context.map { TLSSession(server: $0) }
    isHandshaking = context != nil
    openedAt = System.monotonicNanoseconds / 1_000_000
    state = ConnectionState(
      limits: host.limits.anonymous, openedAt: openedAt, ageJitter: host.limits.ageJitter)
  }

  // MARK: Socket events

  func channelActive(context: ChannelHandlerContext) {
    do { socket = try ConnectionSocket(context.channel, on: loop) } catch {
      return context.close(promise: nil)
    }
    host.opened(self)
    host.counters.opened.add()
    if !isHandshaking { scheduleFlush() }
  }

  func channelInactive(context: ChannelHandlerContext) {
    socket = nil
    if isHandshaking, case .begun = handshakeStage { host.handshakes.failed() }
    host.streamsChanged(by: -streamsTold)
    streamsTold = 0
    host.closed(self)
    onClose()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { close() }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    isCongested = !context.channel.isWritable
    if !isCongested { scheduleFlush() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = unwrapInboundIn(data)
    receive { now in
      if tls == nil {
        try session.receive(buffer.readableBytesUInt8Span, now: now)
      } else {
        try receiveCiphertext(buffer, now: now)
      }
    }
    host.readBuffer.giveBack(buffer)
  }

  private func receive(_ take: (UInt64) throws -> Void) {
    guard !isClosing else { return }
    host.readNumber += 1
    host.openTurn(reading: true)
    let now = System.monotonicNanoseconds / 1_000_000
    state.receivedBytes(now: now)
    do {
      try take(now)
      tellStreams()
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
      handshakeBytes += buffer.readableBytes
      guard handshakeBytes <= Self.handshakeBytesMax else { return close() }
      guard host.handshakes.mayStep(self, now: now) else { return }
    }
    try readCiphertext(now: now)
  }

  /// Certificates (32 KiB at most), and what a client sends behind its last message: no more than
  /// HTTP/2's first window. It waits in memory while the handshake waits for its turn.
  private static let handshakeBytesMax = 160 << 10

  /// Whether the handshake is still to be gone on with.
  var isHandshakeWanted: Bool { isHandshaking && !isClosing && socket != nil }

  /// `HandshakeGate` lets the next step of the handshake happen.
  func continueHandshake() {
    receive { try readCiphertext(now: $0) }
  }

  /// Throws the connection away with RST, which costs nothing more on either side.
  func refuseHandshake() {
    socket?.resetAtClose()
    close()
  }

  private func readCiphertext(now: UInt64) throws {
    if isHandshaking {
      guard try tls!.advanceHandshake() == .done else { return }
      isHandshaking = false
      host.handshakes.finished(isResumed: tls!.currentlyResumed())
      state = ConnectionState(
        limits: host.limits.anonymous, openedAt: now, ageJitter: host.limits.ageJitter)
      if let uri = tls!.currentPrincipal() {
        principal = host.grants.principal(certificateURI: uri)
        if principal?.grants.isEmpty == false { trust() }
      }
    }
    // Taken out of `self` while the session, another part of it, reads from it.
    var plaintext = exchange(&self.plaintext, with: [])
    defer { self.plaintext = plaintext }
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

  private func tellStreams() {
    guard socket != nil else { return }
    let open = session.openStreamCount
    if open != streamsTold { host.streamsChanged(by: open - streamsTold) }
    streamsTold = open
  }

  private func serveRequests() {
    while let request = session.nextRequest() {
      host.openTurn(reading: true)
      switch request.fault {
      case .headerListTooLarge:
        respond(to: request.streamID, host.unrouted, .headersTooLarge())
      case .bodyTooLarge:
        let bytesMax = host.router.bodyLimits.bytesMax(request.path.span)
        if bytesMax > 0 {
          respond(to: request.streamID, host.unrouted, .bodyTooLarge(bytesMax))
        } else {
          // Nothing at this path takes a body: the router says what is wrong.
          serve(request)
        }
      case .overloaded:
        respond(
          to: request.streamID, host.unrouted,
          .busy("This connection holds too many unfinished bodies."))
      case nil: serve(request)
      }
    }
    while let streamID = session.nextClosedStream() {
      if !logged.isEmpty { logged[streamID] = nil }
    }
  }

  private func serve(_ request: Request) {
    let fieldsID = request.fieldsID
    if fieldsID != 0, let admitted, admitted.fieldsID == fieldsID {
      return serve(request, admitted)
    }
    do throws(Problem) {
      let admitted = try host.router.admit(request, principal(of: request))
      self.admitted = admitted
      serve(request, admitted)
    } catch {
      respond(to: request.streamID, host.unrouted, error)
    }
  }

  private func serve(_ request: Request, _ admitted: Admitted) {
    wasActive = true
    guard host.mustQueue(bodyBytes: request.bodyByteCount) else {
      return serve(request, admitted, arrivedAt: host.arrivedAt)
    }
    host.enqueue(
      WaitingRequest(
        connection: self, request: request, streamID: request.streamID, admitted: admitted))
  }

  /// Whether the request that waited is still to be answered: the client may have gone, its stream
  /// may have been reset, and the object may be another stream's now.
  func owes(_ waiting: WaitingRequest) -> Bool {
    !isClosing && socket != nil && waiting.request.streamID == waiting.streamID
      && session.isAwaitingAnswer(waiting.streamID)
  }

  var openStreamCount: Int { session.openStreamCount }
  /// SETTINGS_MAX_CONCURRENT_STREAMS of a loop that keeps up.
  var streamsMost: Int {
    (isTrusted ? host.limits.partner : host.limits.anonymous).streamsMax
  }

  /// Tells the client how many streams it may open; false if it has to be told later.
  func allowStreams(_ count: Int) -> Bool {
    guard !isHandshaking, !isClosing, socket != nil else { return true }
    if session.allowStreams(count) { scheduleFlush() }
    return session.streamsAllowed == count
  }

  private func principal(of request: Request) -> Principal? {
    let given = request.authorization
    guard !given.isEmpty else { return principal }
    let last = lastAuthorization
    if constantTimeEqual(given.span, last.span) { return lastTokenPrincipal }
    lastAuthorization = given
    lastTokenPrincipal = nil
    let scheme = Array("Bearer ".utf8)
    if given.count > scheme.count, given.starts(with: scheme) {
      lastTokenPrincipal = host.grants.principal(token: given.span.extracting(scheme.count...))
      if lastTokenPrincipal != nil { trust() }
    }
    return lastTokenPrincipal
  }

  /// A known client gets the limits of a partner in place of a stranger's.
  private func trust() {
    guard !isTrusted else { return }
    isTrusted = true
    session.upgradeLimits(to: host.limits.partner)
    state = ConnectionState(
      limits: host.limits.partner, openedAt: System.monotonicNanoseconds / 1_000_000,
      ageJitter: host.limits.ageJitter)
  }

  // MARK: Output

  func scheduleFlush() {
    guard !flushIsScheduled, socket != nil else { return }
    flushIsScheduled = true
    host.flushAtTurnEnd(self)
  }

  /// Writes everything the session has to say, as far as the socket takes it.
  func flushNow() {
    flushIsScheduled = false
    guard let socket, !isCongested || isClosing else { return }
    output.removeAll(keepingCapacity: true)
    if !isHandshaking { session.takeOutput(into: &output, max: 1 << 20) }
    if tls != nil {
      encryptOutput()
    }
    if !output.isEmpty { socket.write(output) }
    if !isHandshaking, session.wantsClose, !isEnding {
      // Behind what the socket has not taken yet: the last answer arrives whole.
      isEnding = true
      let connection = LoopBound(self, on: loop)
      socket.whenWritten { connection.value.close() }
    }
    // Taking output may have made room for requests that waited for it.
    if session.hasRequests {
      serveRequests()
      scheduleFlush()
    }
    tellStreams()
  }

  private func encryptOutput() {
    ciphertext.removeAll(keepingCapacity: true)
    do {
      let plain = exchange(&output, with: [])
      if !plain.isEmpty { try tls!.write(plain.span) }
      output = plain
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
    guard !isHandshaking else {
      if now >= openedAt + UInt64(host.limits.handshakeMilliseconds) { end() }
      return
    }
    session.tick(now: now)
    if session.wantsOutput { scheduleFlush() }
    if session.openStreamCount == 0, session.requestCount == requestsAtLastCheck {
      if session.releaseSpareMemory() { releaseBuffers() }
      tls?.releaseIdleMemory()
    }
    requestsAtLastCheck = session.requestCount
    let (unwritten, written) = socket?.progress ?? (0, 0)
    let action = state.check(
      session.facts, socketUnwritten: unwritten, socketWritten: written, now: now)
    switch action {
    case .none: return
    case .ping: session.ping()
    case .shutDown: session.shutDown()
    case .finishShutDown: session.finishShutDown()
    case .close:
      session.terminate(ErrorCode.noError)
      flushNow()
      end()
    }
    scheduleFlush()
  }

  private func releaseBuffers() {
    plaintext = []
    output = []
    ciphertext = []
  }

  private func end() {
    host.counters.ended.add()
    close()
  }

  /// Asks the client to go elsewhere; the deadlines' check sends the two GOAWAY frames (RFC 9113
  /// §6.8) and closes when the last answer is out.
  func drain() {
    guard !isHandshaking else { return close() }
    let now = System.monotonicNanoseconds / 1_000_000
    state.drain(now: now)
    checkDeadlines(now: now)
  }

  func close() {
    guard !isClosing else { return }
    isClosing = true
    socket?.close()
  }
}
