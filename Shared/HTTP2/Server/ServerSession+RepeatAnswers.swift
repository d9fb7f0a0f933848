/// Answers to requests that the lane took: frames written here instead of by the library.
extension ServerSession {
  /// Every peer takes DATA frames of this size (RFC 9113 §4.2).
  private static let frameBytesMax = 16_384

  /// Answers a request of the lane. Its body is in `answer`.
  mutating func submitRepeat(
    _ request: Box<RequestState>, status: Int, contentType: StaticString?, headers: [HeaderField]
  ) {
    let streamID = request.value.streamID
    let byteCount = request.value.answer.count
    let isBodiless = request.value.method == .head || status == 204 || status == 304
    if isBodiless { request.value.answer.removeAll(keepingCapacity: true) }
    request.value.stage = .answered
    request.value.answerOffset = 0
    let isEmpty = request.value.answer.isEmpty
    let start = inbox.value.lane.output.count
    inbox.value.lane.output.appendFrameHead(
      byteCount: 0, FrameHead.Kind.headers,
      flags: FrameHead.Flag.endHeaders | (isEmpty ? FrameHead.Flag.endStream : 0), streamID)
    inbox.value.lane.output.appendHeaders(
      status: status, contentType: contentType, byteCount: byteCount, headers)
    inbox.value.lane.output.setFrameLength(at: start)
    inbox.value.unsentBytes += request.value.answer.count
    if isEmpty { return inbox.value.closeRepeat(streamID) }
    if !sendAnswer(of: request) { inbox.value.lane.waiting.append(request) }
  }

  /// Writes as much of an answer as the windows allow; true when that was all.
  private mutating func sendAnswer(of request: Box<RequestState>) -> Bool {
    let streamID = request.value.streamID
    while true {
      let offset = request.value.answerOffset
      let rest = request.value.answer.count - offset
      let count = min(
        rest, Self.frameBytesMax, library.peerInitialWindow + request.value.windowCredit,
        library.peerConnectionWindow - inbox.value.lane.debt)
      guard count > 0 else { return false }
      inbox.value.lane.output.appendFrameHead(
        byteCount: count, FrameHead.Kind.data,
        flags: count == rest ? FrameHead.Flag.endStream : 0, streamID)
      if count == request.value.answer.count {
        inbox.value.lane.output.append(contentsOf: request.value.answer)
      } else {
        inbox.value.lane.output.append(
          contentsOf: request.value.answer[offset..<(offset + count)])
      }
      request.value.answerOffset += count
      request.value.windowCredit -= count
      inbox.value.lane.debt += count
      inbox.value.repeatSent(count)
      if count == rest {
        inbox.value.closeRepeat(streamID)
        return true
      }
    }
  }

  /// Appends the lane's frames to `output`.
  mutating func takeRepeatOutput(into output: inout [UInt8]) {
    guard inbox.value.lane.lastStreamID > 0 else { return }
    if !inbox.value.lane.waiting.isEmpty {
      for request in exchange(&inbox.value.lane.waiting, with: []) where !sendAnswer(of: request) {
        inbox.value.lane.waiting.append(request)
      }
    }
    // The window is given back in few large steps: an update costs both sides more than a scan's
    // body.
    if inbox.value.lane.bodyBytesOwed >= inbox.value.limits.connectionWindowBytes / 4 {
      inbox.value.lane.output.appendFrameHead(
        byteCount: 4, FrameHead.Kind.windowUpdate, flags: 0, 0)
      inbox.value.lane.output.append(bigEndian: UInt32(inbox.value.lane.bodyBytesOwed))
      inbox.value.lane.bodyBytesOwed = 0
    }
    if output.isEmpty {
      swap(&output, &inbox.value.lane.output)
    } else {
      output.append(contentsOf: inbox.value.lane.output)
      inbox.value.lane.output.removeAll(keepingCapacity: true)
    }
  }
}

extension ServerInbox {
  /// Counts a DATA frame that the lane wrote.
  mutating func repeatSent(_ count: Int) {
    unsentBytes -= count
    sentBytes += count
    dataFramesSent += 1
  }
}
