internal import CNghttp2

/// The server's side of one HTTP/2 connection (RFC 9113), without socket, clock or log.
///
/// The order of calls: `receive` what the peer sent, take requests with `nextRequest` until it
/// returns nil, answer them with `respond`, write what `takeOutput` appends, and close once
/// `wantsClose`. All answers to one read leave in one buffer. One owner; not thread-safe.
@safe package struct ServerSession: ~Copyable {
  /// Freed by `deinit`, never inside a callback: `receive` and `takeOutput` return first. Its
  /// callbacks use the inbox, which is freed after it.
  let library: Library
  let inbox: Box<ServerInbox>
  var flood: FloodGuard
  var block: HeaderBlock
  /// Set when the library can no longer be used; then only a last GOAWAY is sent.
  private(set) var failure: HTTP2Error?
  private var hasSentLastWords = false
  private var isTerminated = false
  private var hasSpareMemory = true

  /// Bytes given to the library before its queue is looked at again: a flood in one large read is
  /// noticed early.
  private static let sliceBytesMax = 8_192
  private static let earlyResetMilliseconds: UInt64 = 200

  /// Opens a session; its SETTINGS are the first output. `bodyBytesMax` names the largest body for
  /// a path; without it the limit of `limits` holds.
  package init(
    limits: SessionLimits, bodyBytesMax: (@Sendable (Span<UInt8>) -> Int)? = nil
  ) {
    inbox = Box(ServerInbox(limits: limits, bodyBytesMax: bodyBytesMax))
    library = Library(limits, serving: inbox)
    flood = FloodGuard(limits: limits, isServer: true)
    block = HeaderBlock()
    library.announce(limits, isServer: true)
  }

  deinit {
    library.free()
    inbox.value.frameBuffer.free()
    inbox.free()
  }

  // MARK: - Input

  /// Takes bytes from the peer. `now` is a monotonic clock in milliseconds. A thrown error means
  /// that the connection is at its end: send what `takeOutput` gives, then close.
  package mutating func receive(_ bytes: Span<UInt8>, now: UInt64) throws(HTTP2Error) {
    if let failure { throw failure }
    if isTerminated { return }
    inbox.value.now = now
    hasSpareMemory = true
    guard !inbox.value.lane.heldBack.isEmpty else { return try receiveFrames(bytes) }
    var joined = inbox.value.lane.takeHeldBack()
    joined.append(copying: bytes)
    try receiveFrames(joined.span)
  }

  private mutating func receiveFrames(_ bytes: Span<UInt8>) throws(HTTP2Error) {
    var start = 0
    while start < bytes.count {
      // Inside a header block every other frame is an error, which is the library's to find.
      if flood.isBetweenFrames, flood.headerBlockSince == nil,
        try takeRepeats(bytes, from: &start)
      {
        continue
      }
      try pass(bytes.extracting(start...), from: &start)
    }
  }

  /// Gives the library the first of `bytes` and moves `start` by as many.
  mutating func pass(_ bytes: Span<UInt8>, from start: inout Int) throws(HTTP2Error) {
    let slice = bytes.extracting(0..<min(Self.sliceBytesMax, bytes.count))
    var consumed = 0
    let broken = flood.scan(
      slice, now: inbox.value.now, closed: &inbox.value.closedStreams, consumed: &consumed)
    if flood.sawTableChange {
      flood.sawTableChange = false
      inbox.value.lane.forgetTemplates()
    }
    try feed(slice.extracting(0..<consumed), now: inbox.value.now)
    if let broken { throw end(breaking: broken) }
    start += consumed
  }

  mutating func feed(_ bytes: Span<UInt8>, now: UInt64) throws(HTTP2Error) {
    let queued = library.queuedFrames
    inbox.value.expectedFrames = 0
    inbox.value.requestsCompleted = 0
    let result = library.receive(bytes)
    if result < 0 { throw fail(Int32(result), during: "receiving") }
    if inbox.value.hasStaleFrame { throw end(breaking: .staleStream) }
    if inbox.value.requestsCompleted > 0 { flood.requestsCompleted(inbox.value.requestsCompleted) }
    let nowQueued = library.queuedFrames
    let resets = nowQueued - queued - inbox.value.expectedFrames
    if resets > 0 {
      inbox.value.lane.isPaused = true
      if let broken = flood.resetStreams(count: resets, now: now) {
        throw end(breaking: broken)
      }
    }
    if nowQueued > inbox.value.limits.outboundFramesMax { throw end(breaking: .outboundFrames) }
    if inbox.value.connectionConsumed > 0 {
      library.consumeConnection(inbox.value.connectionConsumed)
      inbox.value.connectionConsumed = 0
    }
  }

  /// Tells the time while the peer is silent, about once a second; see `wantsOutput` afterwards.
  package mutating func tick(now: UInt64) {
    guard failure == nil, !isTerminated else { return }
    inbox.value.now = max(inbox.value.now, now)
    _ = resetEarlyAnswered()
  }

  /// The next complete request, in order of completion. Call until it returns nil, also after
  /// `takeOutput`: while more than `outboundBytesMax` waits to be sent, requests are withheld.
  package mutating func nextRequest() -> Request? {
    hasRequests ? inbox.value.pool.nextReady() : nil
  }

  /// Whether `nextRequest` has something to look at: false while requests are withheld, until
  /// `takeOutput` or the peer's windows make room.
  package var hasRequests: Bool {
    !isTerminated && failure == nil && inbox.value.pool.hasReady
      && unsentBytes <= inbox.value.limits.outboundBytesMax
  }

  /// The next stream that closed before its request was answered: drop the work. The request
  /// object must not be used any more.
  package mutating func nextClosedStream() -> Int32? {
    inbox.value.pool.nextAbandoned()
  }

  // MARK: - Output

  /// Appends frames to `output` until nothing is left to send or it holds `max` bytes; the last
  /// frame may exceed that.
  package mutating func takeOutput(into output: inout [UInt8], max: Int = .max) {
    if failure != nil { return appendLastWords(to: &output) }
    takeRepeatOutput(into: &output)
    repeat {
      while output.count < max {
        if sendFrame(into: &output) <= 0 { break }
      }
      if failure != nil { return appendLastWords(to: &output) }
    } while resetEarlyAnswered()
    if inbox.value.lane.isPaused, library.queuedFrames == 0 { inbox.value.lane.isPaused = false }
    // The lane's were counted while they were written, before this.
    if inbox.value.dataFramesSent > 0 {
      flood.sentData(frames: inbox.value.dataFramesSent)
      inbox.value.dataFramesSent = 0
    }
  }

  /// Appends the library's next frame. Returns its size, zero when there is none, or a negative
  /// number when the session has failed.
  mutating func sendFrame(into output: inout [UInt8]) -> Int {
    let start = output.count
    let count = library.send(into: &output)
    if count < 0 { _ = fail(Int32(count), during: "sending") }
    guard count >= FrameHead.byteCount else { return count }
    switch output[start + 3] {
    case FrameHead.Kind.headers: inbox.value.lane.saidTableBytes()
    case FrameHead.Kind.settings where output[start + 4] & FrameHead.Flag.ack != 0:
      inbox.value.lane.acknowledgementsDue -= 1
    case FrameHead.Kind.settings where count == FrameHead.byteCount + 6:
      output.writeStreams(inbox.value.streamsAllowed, at: start)
    case FrameHead.Kind.goAway: sentGoAway(&output, at: start)
    default: break
    }
    return count
  }

  /// The library names the newest stream it knows, but the lane's were served as well: a client
  /// would send them again. After an error the library is deaf and mute, and so is the lane.
  private mutating func sentGoAway(_ output: inout [UInt8], at start: Int) {
    output.raiseLastStream(to: inbox.value.lane.lastStreamID, at: start)
    let code = output[(start + FrameHead.byteCount + 4)...].prefix(4)
    if code.contains(where: { $0 != 0 }) { isTerminated = true }
  }

  /// Whether `takeOutput` has something to append.
  package var wantsOutput: Bool {
    if failure != nil { return !hasSentLastWords }
    return library.wantsWrite || wantsRepeatOutput
  }

  /// Answer bytes that wait for the peer's windows or for `takeOutput`.
  package var unsentBytes: Int { inbox.value.unsentBytes + inbox.value.lane.output.count }

  /// Whether nothing more is to be read or written: close once the output is written.
  package var wantsClose: Bool {
    if failure != nil { return hasSentLastWords }
    return !library.wantsRead && !library.wantsWrite
      && (isTerminated || inbox.value.lane.openCount == 0) && inbox.value.lane.output.isEmpty
  }

  /// The same as `wantsClose`.
  package var isClosed: Bool { wantsClose }

  package var openStreamCount: Int { inbox.value.openStreams }

  /// Requests handed out since the beginning.
  package var requestCount: Int { inbox.value.requestCount }

  /// What `ConnectionState` needs to know.
  package var facts: ConnectionFacts {
    var facts = ConnectionFacts()
    facts.receivedSettings = flood.receivedSettings
    facts.headerBlockSince = flood.headerBlockSince
    facts.openStreams = inbox.value.openStreams
    if inbox.value.openStreams > 0 {
      facts.bodyDeadline = inbox.value.pool.bodyDeadline(inbox.value.limits.timers)
    }
    facts.requests = inbox.value.requestCount
    facts.unsentBytes = unsentBytes
    facts.sentBytes = inbox.value.sentBytes
    facts.pingAcks = inbox.value.pingAcks
    return facts
  }

  // MARK: - Ends

  /// Announces that this side is about to stop: the first of two GOAWAY frames (RFC 9113 §6.8).
  /// Requests are still taken. After a round trip call `finishShutDown`.
  package mutating func shutDown() {
    library.notice()
  }

  /// Refuses streams that are newer than the last one taken; `wantsClose` once all are answered.
  package mutating func finishShutDown() {
    guard !inbox.value.isDraining, failure == nil else { return }
    inbox.value.isDraining = true
    library.goAway(atLeast: inbox.value.lane.lastStreamID)
  }

  /// Ends the connection with GOAWAY; open streams are dropped.
  package mutating func terminate(_ code: UInt32) {
    guard failure == nil, !isTerminated else { return }
    isTerminated = true
    library.terminate(code, atLeast: inbox.value.lane.lastStreamID)
  }

  /// Resets one stream, for example to refuse it unprocessed (`ErrorCode.refusedStream`).
  package mutating func reset(_ streamID: Int32, code: UInt32) {
    if inbox.value.lane.request(streamID) != nil { return resetRepeat(streamID, code) }
    library.reset(streamID, code: code)
  }

  /// Sends a PING; its answer is counted in `facts`.
  package mutating func ping() {
    library.ping()
  }

  /// Replaces the limits, for example once the peer has shown who it is.
  package mutating func upgradeLimits(to limits: SessionLimits) {
    inbox.value.limits = limits
    inbox.value.streamsAllowed = limits.streamsMax
    if failure == nil { inbox.value.settingsUnacknowledged += 1 }
    inbox.value.lane.forgetTemplates()
    flood.upgrade(to: limits)
    if failure == nil { library.announce(limits, isServer: true) }
  }

  /// Announces how many streams the peer may have open; true if that changed. The limit of
  /// `SessionLimits` goes on to be what is enforced, at once and for those who do not listen.
  package mutating func allowStreams(_ count: Int) -> Bool {
    let count = min(count, inbox.value.limits.streamsMax)
    guard failure == nil, !isTerminated, count != inbox.value.streamsAllowed,
      inbox.value.settingsUnacknowledged == 0
    else { return false }
    inbox.value.streamsAllowed = count
    inbox.value.settingsUnacknowledged += 1
    library.allowStreams(inbox.value.limits.streamsMax)
    return true
  }

  /// What the peer was told last.
  package var streamsAllowed: Int { inbox.value.streamsAllowed }

  /// Gives memory back while no stream is open; the next request allocates anew. Costs nothing when
  /// called again without input in between, and returns false then.
  @discardableResult
  package mutating func releaseSpareMemory() -> Bool {
    guard hasSpareMemory, failure == nil, !library.wantsWrite else { return false }
    hasSpareMemory = false
    inbox.value.lane.release()
    inbox.value.pool.releaseSpares()
    block.release()
    inbox.value.frameBuffer.release()
    return true
  }

  mutating func end(breaking limit: HTTP2Error.Limit) -> HTTP2Error {
    terminate(limit.errorCode)
    return HTTP2Error(.flooded(limit), during: "receiving")
  }

  private mutating func fail(_ code: Int32, during operation: String) -> HTTP2Error {
    let kind: HTTP2Error.Code =
      switch code {
      case NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue: .badPreface
      case NGHTTP2_ERR_FLOODED.rawValue: .flooded(.acknowledgements)
      case NGHTTP2_ERR_NOMEM.rawValue: .outOfMemory
      default: .sessionFailed(code)
      }
    let error = HTTP2Error(kind, during: operation)
    failure = error
    return error
  }

  /// A stream answered before its request was complete is reset without error, so that the peer
  /// stops sending (RFC 9113 §8.1). Not at once: clients that find answer and reset in one read
  /// have been seen to drop the answer, and most stop by themselves. Returns whether there is new
  /// output.
  private mutating func resetEarlyAnswered() -> Bool {
    guard !inbox.value.earlyAnswers.isEmpty else { return false }
    let now = inbox.value.now
    var waiting: [(streamID: Int32, at: UInt64)] = []
    var resets = 0
    for early in inbox.value.earlyAnswers where library.hasStream(early.streamID) {
      let isDue = now >= early.at + Self.earlyResetMilliseconds
      if !isDue || !library.hasSentEnd(early.streamID) {
        waiting.append(early)
      } else if !library.hasReceivedEnd(early.streamID) {
        library.reset(early.streamID, code: ErrorCode.noError)
        resets += 1
      }
    }
    inbox.value.earlyAnswers = waiting
    guard resets > 0 else { return false }
    if let broken = flood.resetStreams(count: resets, now: now) { terminate(broken.errorCode) }
    return true
  }

  /// The library sends nothing after a fatal error, so the GOAWAY is written by hand.
  private mutating func appendLastWords(to output: inout [UInt8]) {
    guard !hasSentLastWords else { return }
    hasSentLastWords = true
    let code = failure?.errorCode ?? ErrorCode.internalError
    output.appendFrameHead(byteCount: 8, FrameHead.Kind.goAway, flags: 0, 0)
    output.append(bigEndian: UInt32(bitPattern: inbox.value.highestStreamID))
    output.append(bigEndian: code)
  }
}
