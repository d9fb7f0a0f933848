internal import CNghttp2

/// What the library's callbacks may touch while a `ServerSession` is busy in a call. It is a class
/// of its own so that callbacks never reach the session, which Swift holds exclusively meanwhile.
final class ServerInbox {
  var limits: SessionLimits
  let bodyBytesMaxForPath: (@Sendable (Span<UInt8>) -> Int)?
  var pool = RequestPool()
  var closedStreams = ClosedStreams()
  /// The caller's clock at the last `receive`.
  var now: UInt64 = 0

  /// The request whose header block is under way or was last; nearly always the next body's too.
  private var latest: Request?
  private var highestStreamID: Int32 = 0
  private var peerResetStreamID: Int32 = 0
  /// Streams answered before their request was complete: to be reset once the answer is out.
  var earlyAnswers: [Int32] = []

  var openStreams = 0
  var requestCount = 0
  var bufferedBytes = 0
  var unsentBytes = 0
  var sentBytes = 0
  var dataFramesSent = 0
  var pingAcks = 0
  var requestsCompleted = 0
  /// Frames the library queued for good reasons; the rest of what it queued are resets.
  var expectedFrames = 0
  /// Bytes to give back to the connection's window.
  var connectionConsumed = 0
  var isDraining = false
  var brokenLimit: HTTP2Error.Limit?

  init(limits: SessionLimits, bodyBytesMax: (@Sendable (Span<UInt8>) -> Int)?) {
    self.limits = limits
    bodyBytesMaxForPath = bodyBytesMax
  }

  // MARK: - Frames

  /// Judges frames on streams that are not open, before the library ignores them.
  func beganFrame(_ head: nghttp2_frame_hd, _ library: Library) {
    let streamID = head.stream_id
    switch head.type {
    case FrameHead.Kind.headers where streamID > highestStreamID:
      highestStreamID = streamID
    case FrameHead.Kind.headers:
      guard !isDraining, !library.hasStream(streamID),
        !closedStreams.wasReset(streamID)
      else { return }
      // RFC 9113 §5.1.1: a smaller number than before was never opened and cannot be any more.
      let code = closedStreams.wasClosed(streamID) ? ErrorCode.streamClosed : ErrorCode.protocolError
      if code == ErrorCode.protocolError { brokenLimit = .staleStream }
      library.terminate(code)
    case FrameHead.Kind.data where streamID != latest?.streamID:
      guard closedStreams.wasClosed(streamID),
        !library.hasStream(streamID)
      else { return }
      library.terminate(ErrorCode.streamClosed)
    default: break
    }
  }

  func received(_ head: nghttp2_frame_hd, _ library: Library) {
    switch head.type {
    case FrameHead.Kind.headers:
      guard let request = latest, request.streamID == head.stream_id else { return }
      let isEnd = head.flags & FrameHead.Flag.endStream != 0
      if request.state == .headers { endHeaders(of: request) }
      if isEnd { endStream(of: request) }
    case FrameHead.Kind.data where head.flags & FrameHead.Flag.endStream != 0:
      if let request = request(head.stream_id, library) { endStream(of: request) }
    case FrameHead.Kind.reset:
      peerResetStreamID = head.stream_id
    case FrameHead.Kind.settings where head.flags & 1 == 0:
      expectedFrames += 1
    case FrameHead.Kind.ping:
      if head.flags & 1 == 0 { expectedFrames += 1 } else { pingAcks += 1 }
    default: break
    }
  }

  /// The library refuses a frame and resets its stream.
  func refused(_ head: nghttp2_frame_hd) {
    if head.type == FrameHead.Kind.headers { closedStreams.appendReset(head.stream_id) }
  }

  // MARK: - Header blocks

  func beganHeaders(_ streamID: Int32, isRequest: Bool, _ library: Library) {
    guard isRequest else {
      latest = request(streamID, library)
      latest?.isInTrailers = true
      return
    }
    let request = pool.take()
    request.begin(streamID: streamID, bodyBytesMax: limits.bodyBytesMax)
    latest = request
    openStreams += 1
    // The pool keeps the request alive until the stream has closed.
    library.setObject(request, of: streamID)
  }

  /// Stores one field; false makes the library reset the stream.
  func receivedHeader(
    _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    guard let request = latest else { return true }
    request.headerFieldCount += 1
    request.headerListBytes += name.count + value.count + 32
    if request.headerFieldCount > limits.headerFieldsMax
      || request.headerListBytes > limits.headerListBytesMax
      || name.count + value.count > limits.headerFieldBytesMax
    {
      if request.fault == nil { request.fault = .headerListTooLarge }
      // Somewhat too much is answered; a bomb is cut short.
      return request.headerFieldCount <= limits.headerFieldsMax * 4
        && request.headerListBytes <= limits.headerListBytesMax * 4
    }
    if !request.isInTrailers { unsafe request.store(name, value) }
    return true
  }

  private func endHeaders(of request: Request) {
    request.state = .body
    request.bodySince = now
    if request.fault == nil {
      if let limit = bodyBytesMaxForPath {
        request.bodyBytesMax = limit(request.path.span)
      }
      if let length = request.contentLength, length > request.bodyBytesMax {
        request.fault = .bodyTooLarge
      }
    }
    if request.fault != nil { deliver(request) }
  }

  private func endStream(of request: Request) {
    request.isComplete = true
    requestsCompleted += 1
    if request.state == .body { deliver(request) }
  }

  private func deliver(_ request: Request) {
    requestCount += 1
    pool.enqueue(request)
  }

  // MARK: - Bodies

  func receivedData(
    _ bytes: UnsafeBufferPointer<UInt8>, on streamID: Int32, isLast: Bool, _ library: Library
  ) {
    connectionConsumed += bytes.count
    guard let request = request(streamID, library), request.state == .body else { return }
    if request.body.count + bytes.count > request.bodyBytesMax {
      request.fault = .bodyTooLarge
    } else if bufferedBytes + bytes.count > limits.bufferedBytesMax {
      request.fault = .overloaded
    }
    guard request.fault == nil else { return deliver(request) }
    unsafe request.body.append(contentsOf: bytes)
    bufferedBytes += bytes.count
    if isLast { return }
    let queued = library.queuedFrames
    library.consumeStream(streamID, bytes.count)
    expectedFrames += library.queuedFrames - queued
  }

  /// Copies the next part of an answer into a DATA frame's buffer.
  func readAnswer(
    of request: Request, into buffer: UnsafeMutablePointer<UInt8>, max: Int, isLast: inout Bool
  ) -> Int {
    let count = min(max, request.answer.count - request.answerOffset)
    unsafe request.answer.withUnsafeBufferPointer { answer in
      guard let start = answer.baseAddress else { return }
      unsafe buffer.update(from: start + request.answerOffset, count: count)
    }
    request.answerOffset += count
    unsentBytes -= count
    sentBytes += count
    dataFramesSent += 1
    isLast = request.answerOffset == request.answer.count
    return count
  }

  // MARK: - Ends

  func closed(_ streamID: Int32, errorCode: UInt32, _ library: Library) {
    guard let request = request(streamID, library) else { return }
    openStreams -= 1
    bufferedBytes -= request.body.count
    unsentBytes -= request.answer.count - request.answerOffset
    if latest === request { latest = nil }
    if streamID == peerResetStreamID || (errorCode == 0 && request.isComplete) {
      closedStreams.appendClosed(streamID)
    } else {
      closedStreams.appendReset(streamID)
    }
    pool.close(request)
  }

  /// The request of an open stream.
  func request(_ streamID: Int32, _ library: Library) -> Request? {
    if let latest, latest.streamID == streamID { return latest }
    return library.object(Request.self, of: streamID)
  }
}
