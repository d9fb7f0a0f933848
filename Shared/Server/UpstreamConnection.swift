import HTTP2
internal import NIOCore
import Security

/// The socket of an `Upstream`: TLS and HTTP/2 engines fed from one NIO channel.
final class UpstreamConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let upstream: Upstream
  private let loop: Loop
  private var tls: TLSSession?
  private var isEstablished = false
  private var session: ClientSession
  private var channel: (any Channel)?
  private var numbers: [Int32: Int] = [:]
  private var plaintext: [UInt8] = []
  private var output: [UInt8] = []
  private var ciphertext: [UInt8] = []
  private var flushIsScheduled = false
  private var isClosed = false

  init(upstream: Upstream, loop: Loop, tls context: TLSContext?, serverName: String) throws {
    self.upstream = upstream
    self.loop = loop
    session = ClientSession(limits: Self.limits)
    if let context { tls = try TLSSession(client: context, serverName: serverName) }
  }

  /// Answers may be as large as a batch of pages or segments.
  private static let limits: SessionLimits = {
    var limits = SessionLimits.partner
    limits.bodyBytesMax = 8 << 20
    limits.bufferedBytesMax = 16 << 20
    limits.streamWindowBytes = 1 << 20
    limits.connectionWindowBytes = 4 << 20
    return limits
  }()

  /// Whether new requests may go here, now or when others have ended.
  var isUsable: Bool { isEstablished && !isClosed && !session.peerGoingAway }

  /// Until the peer has said how many streams it takes, few: more would be refused.
  var streamsAvailable: Int {
    session.receivedSettings
      ? session.streamsAvailable : min(session.streamsAvailable, 16 - session.openStreamCount)
  }

  func submit(
    _ number: Int, _ method: HTTP2.Method, _ url: UpstreamURL, _ path: String,
    _ headers: [HeaderField], _ body: [UInt8]
  ) -> Bool {
    do {
      let streamID = try session.submit(
        OutgoingRequest(
          method, scheme: url.isTLS ? "https" : "http", authority: url.authority, path: path,
          headers: headers), body: body.span)
      numbers[streamID] = number
      scheduleFlush()
      return true
    } catch {
      return false
    }
  }

  func cancel(_ number: Int) {
    guard let streamID = numbers.first(where: { $0.value == number })?.key else { return }
    numbers[streamID] = nil
    session.cancel(streamID)
    scheduleFlush()
  }

  func close() { channel?.close(promise: nil) }

  func channelActive(context: ChannelHandlerContext) {
    channel = context.channel
    do {
      if tls != nil { _ = try tls!.advanceHandshake() } else { establish() }
    } catch {
      close()
    }
    flushNow()
    // The kernel accepts for a process that hangs; without a handshake this is no connection.
    let connection = LoopBoundWeak(self, on: loop)
    loop.schedule(afterMilliseconds: 1_000) {
      if let connection = connection.value, !connection.isEstablished { connection.close() }
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    channel = nil
    isClosed = true
    upstream.ended(self, wasEstablished: isEstablished, unanswered: Array(numbers.values))
    numbers.removeAll()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { close() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = unwrapInboundIn(data)
    upstream.heard()
    let now = System.monotonicNanoseconds / 1_000_000
    do {
      if tls == nil {
        try session.receive(buffer.readableBytesUInt8Span, now: now)
      } else {
        try receiveCiphertext(buffer, now: now)
      }
      deliverResponses()
      upstream.sendWaiting()
    } catch {
      close()
    }
    flushNow()
    if isEstablished, session.isClosed { close() }
  }

  private func establish() {
    isEstablished = true
    upstream.established(self)
  }

  private func receiveCiphertext(_ buffer: ByteBuffer, now: UInt64) throws {
    tls!.receive(buffer.readableBytesUInt8Span)
    if !isEstablished {
      guard try tls!.advanceHandshake() == .done else { return }
      establish()
    }
    // Taken out of `self` while the session, another part of it, reads from it.
    var plaintext = exchange(&self.plaintext, with: [])
    defer { self.plaintext = plaintext }
    while true {
      plaintext.removeAll(keepingCapacity: true)
      switch try tls!.read(into: &plaintext, max: 65_536) {
      case .bytes: try session.receive(plaintext.span, now: now)
      case .needsInput: return
      case .closed: return close()
      }
    }
  }

  private func deliverResponses() {
    while let response = session.nextResponse() {
      guard let number = numbers.removeValue(forKey: response.streamID) else { continue }
      if let failure = response.failure {
        upstream.finish(number, .failure(failure == .refused ? .refused : .unreachable))
      } else {
        upstream.finish(
          number,
          .success(
            UpstreamResponse(
              status: response.status,
              contentType: String(decoding: response.contentType, as: UTF8.self),
              body: response.body)))
      }
    }
  }

  private func scheduleFlush() {
    guard !flushIsScheduled else { return }
    flushIsScheduled = true
    let connection = LoopBound(self, on: loop)
    loop.execute { connection.value.flushNow() }
  }

  private func flushNow() {
    flushIsScheduled = false
    guard let channel else { return }
    output.removeAll(keepingCapacity: true)
    if isEstablished { session.takeOutput(into: &output, max: 1 << 20) }
    if tls != nil {
      ciphertext.removeAll(keepingCapacity: true)
      do {
        let plain = exchange(&output, with: [])
        if !plain.isEmpty { try tls!.write(plain.span) }
        output = plain
      } catch {
        return close()
      }
      tls!.takeOutput(into: &ciphertext)
      swap(&output, &ciphertext)
    }
    if !output.isEmpty { channel.writeAndFlush(ByteBuffer(bytes: output), promise: nil) }
  }
}
