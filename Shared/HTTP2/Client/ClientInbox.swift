internal import CNghttp2

/// What the library's callbacks may touch while a `ClientSession` is busy in a call; see
/// `ServerInbox`.
final class ClientInbox {
  let limits: SessionLimits
  /// Exchanges whose stream the library may still name; this list keeps them alive.
  private var open: [Response] = []
  private var spares: [Response] = []
  private var done: [Response] = []
  private var doneHead = 0

  var unsentBytes = 0
  var dataFramesSent = 0
  var pingAcks = 0
  var responsesCompleted = 0
  /// Frames the library queued for good reasons; see `ServerInbox`.
  var expectedFrames = 0
  var connectionConsumed = 0
  var isPeerGoingAway = false

  init(limits: SessionLimits) {
    self.limits = limits
  }

  var openCount: Int { open.count }

  // MARK: - Exchanges

  func take() -> Response {
    let response = spares.popLast() ?? Response()
    response.begin()
    return response
  }

  func recycle(_ response: Response) {
    if spares.count < limits.streamsMax { spares.append(response) }
  }

  func opened(_ response: Response, on streamID: Int32) {
    response.streamID = streamID
    response.index = open.count
    open.append(response)
    unsentBytes += response.requestBody.count
  }

  /// The open exchange of a stream, also where the library has not begun the stream yet.
  func response(of streamID: Int32) -> Response? {
    open.first { $0.streamID == streamID }
  }

  func nextDone() -> Response? {
    guard doneHead < done.count else { return nil }
    let response = done[doneHead]
    doneHead += 1
    if doneHead == done.count {
      done.removeAll(keepingCapacity: true)
      doneHead = 0
    }
    return response
  }

  /// Ends all that is open. Afterwards the library must not be called any more.
  func failAll() {
    while let response = open.last {
      response.failure = response.failure ?? .connectionLost
      finish(response)
    }
  }

  private func finish(_ response: Response) {
    open.swapAt(response.index, open.count - 1)
    open[response.index].index = response.index
    open.removeLast()
    unsentBytes -= response.requestBody.count - response.requestOffset
    if response.isCancelled { recycle(response) } else { done.append(response) }
  }

  // MARK: - Frames

  func received(_ head: nghttp2_frame_hd, _ library: Library) {
    let isAck = head.flags & FrameHead.Flag.ack != 0
    switch head.type {
    case FrameHead.Kind.headers, FrameHead.Kind.data:
      guard let response = library.response(of: head.stream_id) else { return }
      if head.type == FrameHead.Kind.headers, response.status >= 200 {
        response.isInTrailers = true
      }
      if head.flags & FrameHead.Flag.endStream != 0 {
        response.isComplete = true
        responsesCompleted += 1
      }
    case FrameHead.Kind.goAway: isPeerGoingAway = true
    case FrameHead.Kind.settings: if !isAck { expectedFrames += 1 }
    case FrameHead.Kind.ping: if isAck { pingAcks += 1 } else { expectedFrames += 1 }
    default: break
    }
  }

  func beganHeaders(_ streamID: Int32, _ library: Library) {
    guard let response = library.response(of: streamID), !response.isInTrailers
    else { return }
    response.beginHeaders()
  }

  /// Stores one field; false makes the library reset the stream.
  func receivedHeader(
    _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, on streamID: Int32,
    _ library: Library
  ) -> Bool {
    guard let response = library.response(of: streamID) else { return true }
    response.headerFieldCount += 1
    response.headerListBytes += name.count + value.count + 32
    guard response.headerFieldCount <= limits.headerFieldsMax,
      response.headerListBytes <= limits.headerListBytesMax,
      name.count + value.count <= limits.headerFieldBytesMax
    else {
      response.failure = .tooLarge
      return false
    }
    if !response.isInTrailers { unsafe response.store(name, value) }
    return true
  }

  func receivedData(
    _ bytes: UnsafeBufferPointer<UInt8>, on streamID: Int32, isLast: Bool, _ library: Library
  ) {
    connectionConsumed += bytes.count
    guard let response = library.response(of: streamID), response.failure == nil
    else { return }
    let queued = library.queuedFrames
    if response.body.count + bytes.count > limits.bodyBytesMax {
      response.failure = .tooLarge
      library.reset(streamID, code: ErrorCode.cancel)
    } else {
      unsafe response.body.append(contentsOf: bytes)
      if !isLast { library.consumeStream(streamID, bytes.count) }
    }
    expectedFrames += library.queuedFrames - queued
  }

  /// Copies the next part of a request's body into a DATA frame's buffer.
  func readBody(
    of response: Response, into buffer: UnsafeMutablePointer<UInt8>, max: Int, isLast: inout Bool
  ) -> Int {
    let count = min(max, response.requestBody.count - response.requestOffset)
    unsafe response.requestBody.withUnsafeBufferPointer { body in
      guard let start = body.baseAddress else { return }
      unsafe buffer.update(from: start + response.requestOffset, count: count)
    }
    response.requestOffset += count
    unsentBytes -= count
    dataFramesSent += 1
    isLast = response.requestOffset == response.requestBody.count
    return count
  }

  func closed(_ streamID: Int32, errorCode: UInt32, _ library: Library) {
    guard let response = library.response(of: streamID) else { return }
    if response.failure == nil, !response.isComplete {
      response.failure =
        errorCode == ErrorCode.refusedStream ? .refused : .reset(errorCode)
    }
    finish(response)
  }
}
