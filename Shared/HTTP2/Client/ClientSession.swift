internal import CNghttp2

/// The client's side of one HTTP/2 connection (RFC 9113), without socket, clock or log.
///
/// `submit` requests, write what `takeOutput` appends, `receive` what the server sent, and take
/// answers and failures with `nextResponse`. When the connection breaks, `connectionLost` turns
/// everything open into failures. One owner; not thread-safe.
@safe package struct ClientSession: ~Copyable {
  /// Freed by `deinit`, never inside a callback.
  private let library: Library
  private let inbox: ClientInbox
  private var flood: FloodGuard
  private var block: HeaderBlock
  private var closedStreams = ClosedStreams()
  private var failure: HTTP2Error?

  /// Opens a session; the preface and SETTINGS are the first output.
  package init(limits: SessionLimits = .partner) {
    inbox = ClientInbox(limits: limits)
    library = Library(limits, asking: inbox)
    flood = FloodGuard(limits: limits, isServer: false)
    block = HeaderBlock()
    library.announce(limits, isServer: false)
  }

  deinit { library.free() }

  // MARK: - Requests

  /// Queues a request; both arguments are copied. Returns its stream's number.
  package mutating func submit(
    _ request: OutgoingRequest, body: Span<UInt8>
  ) throws(HTTP2Error) -> Int32 {
    guard failure == nil, !inbox.isPeerGoingAway else {
      throw HTTP2Error(.closed, during: "sending a request")
    }
    let response = inbox.take()
    response.requestBody.append(copying: body)
    fillBlock(request, bodyCount: body.count)
    let streamID = submit(response)
    guard streamID > 0 else {
      inbox.recycle(response)
      throw HTTP2Error(
        streamID == NGHTTP2_ERR_NOMEM.rawValue ? .outOfMemory : .closed,
        during: "sending a request")
    }
    inbox.opened(response, on: streamID)
    return streamID
  }

  private mutating func fillBlock(_ request: OutgoingRequest, bodyCount: Int) {
    let copied =
      request.authority.utf8.count + request.path.utf8.count
      + HeaderBlock.copiedBytes(of: request.headers)
    block.begin(copiedBytesMax: copied + 20)
    block.add(":method", request.method.name)
    block.add(":scheme", request.scheme)
    block.add(":authority", copying: request.authority.utf8.span)
    block.add(":path", copying: request.path.utf8.span)
    for field in request.headers { block.add(field) }
    if bodyCount > 0 || request.method == .post || request.method == .put {
      block.add("content-length", number: bodyCount)
    }
  }

  private mutating func submit(_ response: Response) -> Int32 {
    // The inbox keeps the exchange until its stream has closed.
    let object = unsafe Unmanaged.passUnretained(response).toOpaque()
    if response.requestBody.isEmpty {
      return unsafe nghttp2_submit_request(
        library.session, nil, block.pointer, block.count, nil, object)
    }
    var provider = unsafe nghttp2_data_provider(
      source: nghttp2_data_source(ptr: object), read_callback: ClientCallbacks.readBody)
    return unsafe nghttp2_submit_request(
      library.session, nil, block.pointer, block.count, &provider, object)
  }

  /// Gives up on a request: its answer will not be delivered. One that waits in the library for
  /// the server to allow another stream is not sent any more.
  package mutating func cancel(_ streamID: Int32) {
    guard failure == nil,
      let response = library.response(of: streamID) ?? inbox.response(of: streamID)
    else { return }
    response.isCancelled = true
    library.reset(streamID, code: ErrorCode.cancel)
  }

  // MARK: - Answers

  /// Takes bytes from the server. `now` is a monotonic clock in milliseconds. A thrown error means
  /// that the connection is at its end: send what `takeOutput` gives, call `connectionLost`, close.
  package mutating func receive(_ bytes: Span<UInt8>, now: UInt64) throws(HTTP2Error) {
    if let failure { throw failure }
    var consumed = 0
    let broken = flood.scan(bytes, now: now, closed: &closedStreams, consumed: &consumed)
    let queued = library.queuedFrames
    inbox.expectedFrames = 0
    inbox.responsesCompleted = 0
    let result = library.receive(bytes.extracting(0..<consumed))
    if result < 0 {
      let error = HTTP2Error(.sessionFailed(Int32(result)), during: "receiving")
      failure = error
      throw error
    }
    if inbox.responsesCompleted > 0 { flood.requestsCompleted(inbox.responsesCompleted) }
    let resets = library.queuedFrames - queued - inbox.expectedFrames
    let flooded = broken ?? (resets > 0 ? flood.resetStreams(count: resets, now: now) : nil)
    if let flooded {
      library.terminate(ErrorCode.enhanceYourCalm)
      throw HTTP2Error(.flooded(flooded), during: "receiving")
    }
    if inbox.connectionConsumed > 0 {
      library.consumeConnection(inbox.connectionConsumed)
      inbox.connectionConsumed = 0
    }
  }

  /// The next answer or failure, in order of completion. Give it to `recycle` when done.
  package mutating func nextResponse() -> Response? {
    inbox.nextDone()
  }

  /// Gives a response's buffers to later requests. It must not be used afterwards.
  package mutating func recycle(_ response: Response) {
    inbox.recycle(response)
  }

  /// The connection has ended: everything open becomes a failure for `nextResponse`.
  package mutating func connectionLost() {
    if failure == nil { failure = HTTP2Error(.closed, during: "connection") }
    inbox.failAll()
  }

  // MARK: - Output and state

  /// Appends frames to `output` until nothing is left to send or it holds `max` bytes; the last
  /// frame may exceed that.
  package mutating func takeOutput(into output: inout [UInt8], max: Int = .max) {
    guard failure == nil else { return }
    inbox.dataFramesSent = 0
    while output.count < max {
      let count = library.send(into: &output)
      if count < 0 { failure = HTTP2Error(.sessionFailed(Int32(count)), during: "sending") }
      if count <= 0 { break }
    }
    if inbox.dataFramesSent > 0 { flood.sentData(frames: inbox.dataFramesSent) }
  }

  /// Whether `takeOutput` has something to append.
  package var wantsOutput: Bool { failure == nil && library.wantsWrite }

  /// Request bytes that wait for the server's windows or for `takeOutput`.
  package var unsentBytes: Int { inbox.unsentBytes }

  /// Whether nothing more is to be read or written: close once the output is written.
  package var isClosed: Bool {
    failure != nil || (!library.wantsRead && !library.wantsWrite)
  }

  /// Whether the server announced that it stops: open requests may finish, new ones go elsewhere.
  package var peerGoingAway: Bool { inbox.isPeerGoingAway }

  package var openStreamCount: Int { inbox.openCount }

  /// Requests that may be submitted now without waiting for others to end.
  package var streamsAvailable: Int {
    guard failure == nil, !inbox.isPeerGoingAway, library.canSubmit else { return 0 }
    // Before the server's SETTINGS, 100 is what RFC 9113 §6.5.2 recommends as the least.
    let allowed = flood.receivedSettings ? library.peerStreamsMax : 100
    return max(0, min(allowed, inbox.limits.streamsMax) - inbox.openCount)
  }

  /// Whether the server's first SETTINGS has arrived: it speaks HTTP/2.
  package var receivedSettings: Bool { flood.receivedSettings }

  /// Answers to `ping` so far.
  package var pingAcks: Int { inbox.pingAcks }

  /// Sends a PING.
  package mutating func ping() {
    if failure == nil { library.ping() }
  }

  /// Says goodbye; `isClosed` once open requests are answered.
  package mutating func shutDown() {
    if failure == nil { library.goAway() }
  }
}
