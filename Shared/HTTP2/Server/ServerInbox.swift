internal import CNghttp2

/// What the library's callbacks may touch while a `ServerSession` is busy in a call. It lives in a
/// box of its own so that callbacks never reach the session, which Swift holds exclusively then.
struct ServerInbox {
  var limits: SessionLimits
  private let bodyBytesMaxForPath: (@Sendable (Span<UInt8>) -> Int)?
  var pool = RequestPool()
  var frameBuffer = FrameBuffer()
  var closedStreams = ClosedStreams()
  /// The caller's clock at the last `receive`.
  var now: UInt64 = 0

  /// The request whose header block is under way or was last; nearly always the next body's too.
  private var latest: Box<RequestState>?
  private var latestStreamID: Int32 = 0
  var highestStreamID: Int32 = 0
  /// The newest stream that the library has seen.
  private(set) var libraryStreamID: Int32 = 0
  var lane = RepeatLane()
  /// SETTINGS sent that the peer has not acknowledged yet.
  var settingsUnacknowledged = 1
  /// What the peer was told last.
  var streamsAllowed: Int
  private var peerResetStreamID: Int32 = 0
  /// Streams answered before their request was complete, and when: to be reset somewhat later.
  var earlyAnswers: [(streamID: Int32, at: UInt64)] = []

  var openStreams = 0
  private(set) var requestCount = 0
  var bufferedBytes = 0
  var unsentBytes = 0
  var sentBytes = 0
  var dataFramesSent = 0
  private(set) var pingAcks = 0
  var requestsCompleted = 0
  /// Frames the library queued for good reasons; the rest of what it queued are resets.
  var expectedFrames = 0
  /// Bytes to give back to the connection's window.
  var connectionConsumed = 0
  var isDraining = false
  private(set) var hasStaleFrame = false

  init(limits: SessionLimits, bodyBytesMax: (@Sendable (Span<UInt8>) -> Int)?) {
    self.limits = limits
    streamsAllowed = limits.streamsMax
    bodyBytesMaxForPath = bodyBytesMax
  }

  // MARK: - Frames

  /// Judges HEADERS on streams that are not open, before the library ignores them.
  mutating func beganFrame(_ head: nghttp2_frame_hd, _ library: Library) {
    guard head.type == FrameHead.Kind.headers else { return }
    let streamID = head.stream_id
    if isLanes(streamID, library) {
      // The peer has ended it; the library does not know, and might open it once more.
      let wasTaken =
        lane.request(streamID) != nil || closedStreams.wasClosed(streamID)
        || closedStreams.wasReset(streamID)
      library.terminate(
        wasTaken ? ErrorCode.streamClosed : ErrorCode.protocolError, atLeast: lane.lastStreamID)
      hasStaleFrame = true
      return
    }
    if streamID > highestStreamID {
      highestStreamID = streamID
      libraryStreamID = streamID
      return
    }
    guard !isDraining, !library.hasStream(streamID), !closedStreams.wasReset(streamID) else {
      return
    }
    // RFC 9113 §5.1.1: a smaller number than before was never opened and cannot be any more.
    let wasClosed = closedStreams.wasClosed(streamID)
    library.terminate(
      wasClosed ? ErrorCode.streamClosed : ErrorCode.protocolError, atLeast: lane.lastStreamID)
    hasStaleFrame = true
  }

  mutating func received(_ head: nghttp2_frame_hd, _ library: Library) {
    switch head.type {
    case FrameHead.Kind.headers:
      guard let request = latest, latestStreamID == head.stream_id else { return }
      if request.value.stage == .headers { endHeaders(of: request) }
      if head.flags & FrameHead.Flag.endStream != 0 { endStream(of: request) }
    case FrameHead.Kind.data where head.flags & FrameHead.Flag.endStream != 0:
      if let request = request(head.stream_id, library) { endStream(of: request) }
    case FrameHead.Kind.reset:
      peerResetStreamID = head.stream_id
    case FrameHead.Kind.settings where head.flags & FrameHead.Flag.ack != 0:
      settingsUnacknowledged -= 1
    case FrameHead.Kind.settings where head.flags & FrameHead.Flag.ack == 0:
      expectedFrames += 1
      lane.acknowledgementsDue += 1
      lane.limitTable(to: library.peerTableBytes)
      if lane.exceedsWindow(startingWith: library.peerInitialWindow) {
        library.terminate(ErrorCode.flowControlError, atLeast: lane.lastStreamID)
      }
    case FrameHead.Kind.ping:
      if head.flags & FrameHead.Flag.ack == 0 { expectedFrames += 1 } else { pingAcks += 1 }
    default: break
    }
  }

  /// The library refuses a frame and resets its stream.
  mutating func refused(_ head: nghttp2_frame_hd) {
    if head.type == FrameHead.Kind.headers { closedStreams.appendReset(head.stream_id) }
  }

  // MARK: - Header blocks

  /// Prepares for the fields of a block; false makes the library ignore it.
  mutating func beganHeaders(_ streamID: Int32, isRequest: Bool, _ library: Library) -> Bool {
    guard isRequest else {
      latest = request(streamID, library)
      latestStreamID = streamID
      latest?.value.isInTrailers = true
      return true
    }
    // The library counts its own streams only.
    guard openStreams < limits.streamsMax else {
      latest = nil
      latestStreamID = 0
      closedStreams.appendReset(streamID)
      library.reset(streamID, code: ErrorCode.refusedStream)
      return false
    }
    let request = pool.take()
    request.value.begin(streamID: streamID, bodyBytesMax: limits.bodyBytesMax)
    latest = request
    latestStreamID = streamID
    openStreams += 1
    // The pool keeps the request until the stream has closed.
    unsafe library.setObject(at: request.address, of: streamID)
    return true
  }

  /// Stores one field; false makes the library reset the stream.
  mutating func receivedHeader(
    _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    guard let request = latest else { return true }
    let bytes = name.count + value.count
    request.value.headerFieldCount += 1
    request.value.headerListBytes += bytes + 32
    if request.value.headerFieldCount > limits.headerFieldsMax
      || request.value.headerListBytes > limits.headerListBytesMax
      || bytes > limits.headerFieldBytesMax
    {
      if request.value.fault == nil { request.value.fault = .headerListTooLarge }
      // Somewhat too much is answered; a bomb is cut short.
      return request.value.headerFieldCount <= limits.headerFieldsMax * 4
        && request.value.headerListBytes <= limits.headerListBytesMax * 4
    }
    if !request.value.isInTrailers { unsafe request.value.store(name, value) }
    return true
  }

  private mutating func endHeaders(of request: Box<RequestState>) {
    request.value.endHeaders(now: now)
    if request.value.fault == nil {
      if let limit = bodyBytesMaxForPath {
        request.value.bodyBytesMax = limit(request.value.path.bytes.span)
      }
      if let length = request.value.contentLength, length > request.value.bodyBytesMax {
        request.value.fault = .bodyTooLarge
      }
    }
    if request.value.fault != nil { deliver(request) }
  }

  private mutating func endStream(of request: Box<RequestState>) {
    request.value.isComplete = true
    requestsCompleted += 1
    if request.value.stage == .body { deliver(request) }
  }

  mutating func deliver(_ request: Box<RequestState>) {
    requestCount += 1
    request.value.body.end()
    pool.enqueue(request)
  }

  // MARK: - Bodies

  mutating func receivedData(
    _ bytes: UnsafeBufferPointer<UInt8>, on streamID: Int32, isLast: Bool, _ library: Library
  ) {
    connectionConsumed += bytes.count
    guard let request = request(streamID, library), request.value.stage == .body else { return }
    if request.value.body.count + bytes.count > request.value.bodyBytesMax {
      request.value.fault = .bodyTooLarge
    } else if bufferedBytes + bytes.count > limits.bufferedBytesMax {
      request.value.fault = .overloaded
    }
    guard request.value.fault == nil else { return deliver(request) }
    unsafe request.value.body.append(bytes)
    bufferedBytes += bytes.count
    if isLast { return }
    let queued = library.queuedFrames
    library.consumeStream(streamID, bytes.count)
    expectedFrames += library.queuedFrames - queued
  }

  /// Copies the next part of an answer into a DATA frame's buffer.
  mutating func readAnswer(
    of request: Box<RequestState>, into buffer: UnsafeMutablePointer<UInt8>, max: Int,
    isLast: inout Bool, _ library: Library
  ) -> Int? {
    let offset = request.value.answerOffset
    let window = library.peerConnectionWindow - lane.debt
    let count = min(max, request.value.answer.count - offset, window)
    guard count > 0 else {
      lane.deferred.append(request.value.streamID)
      return nil
    }
    unsafe request.value.answer.withUnsafeBufferPointer { answer in
      guard let start = answer.baseAddress else { return }
      unsafe buffer.update(from: start + offset, count: count)
    }
    request.value.answerOffset += count
    unsentBytes -= count
    sentBytes += count
    dataFramesSent += 1
    isLast = request.value.answerOffset == request.value.answer.count
    return count
  }

  // MARK: - Ends

  mutating func closed(_ streamID: Int32, errorCode: UInt32, _ library: Library) {
    guard let request = request(streamID, library) else { return }
    openStreams -= 1
    bufferedBytes -= request.value.body.count
    unsentBytes -= request.value.answer.count - request.value.answerOffset
    if streamID == latestStreamID {
      latest = nil
      latestStreamID = 0
    }
    if !lane.deferred.isEmpty { lane.deferred.removeAll { $0 == streamID } }
    let peerEnded = streamID == peerResetStreamID || (errorCode == 0 && request.value.isComplete)
    if peerEnded {
      closedStreams.appendClosed(streamID)
    } else {
      closedStreams.appendReset(streamID)
    }
    pool.close(request)
  }

  /// The request of an open stream.
  func request(_ streamID: Int32, _ library: Library) -> Box<RequestState>? {
    if let latest, latestStreamID == streamID { return latest }
    guard let address = unsafe library.objectAddress(of: streamID) else { return nil }
    // Only `beganHeaders` puts addresses there.
    return unsafe Box(at: address)
  }
}
