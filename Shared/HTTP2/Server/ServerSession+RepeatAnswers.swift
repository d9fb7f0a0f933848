/// Answers to requests that the lane took: frames written here instead of by the library.
extension ServerSession {
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
    writeAcknowledgement()
    let start = inbox.value.lane.output.count
    inbox.value.lane.output.appendFrameHead(
      byteCount: 0, FrameHead.Kind.headers,
      flags: FrameHead.Flag.endHeaders | (isEmpty ? FrameHead.Flag.endStream : 0), streamID)
    if let smallest = inbox.value.lane.tableBytesUnsaid {
      // The library's encoder will say the same once more, which changes nothing.
      inbox.value.lane.output.appendTableSize(smallest)
      let last = inbox.value.lane.tableBytes
      if last > smallest { inbox.value.lane.output.appendTableSize(last) }
      inbox.value.lane.saidTableBytes()
    }
    inbox.value.lane.output.appendHeaders(
      status: status, contentType: contentType, byteCount: byteCount, headers)
    inbox.value.lane.output.endHeaders(at: start, streamID)
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
        rest, RepeatLane.frameBytesMax, library.peerInitialWindow + request.value.windowCredit,
        library.peerConnectionWindow - inbox.value.lane.debt)
      guard count > 0 else { return false }
      inbox.value.lane.output.appendFrameHead(
        byteCount: count, FrameHead.Kind.data,
        flags: count == rest ? FrameHead.Flag.endStream : 0, streamID)
      if count == request.value.answer.count {
        inbox.value.lane.output.append(copying: request.value.answer.span)
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

  /// Whether the lane has frames to send.
  var wantsRepeatOutput: Bool {
    if !inbox.value.lane.output.isEmpty || owesWindow { return true }
    guard !inbox.value.lane.waiting.isEmpty,
      library.peerConnectionWindow > inbox.value.lane.debt
    else { return false }
    let window = library.peerInitialWindow
    return inbox.value.lane.waiting.contains { window + $0.value.windowCredit > 0 }
  }

  /// The window is given back in few large steps: an update costs both sides more than a scan's
  /// body.
  private var owesWindow: Bool {
    inbox.value.lane.bodyBytesOwed > 0
      && inbox.value.lane.bodyBytesOwed >= inbox.value.limits.connectionWindowBytes / 4
  }

  /// Sends the library's acknowledgement of SETTINGS in front of what depends on them: a peer may
  /// hold on to its old ones until then.
  private mutating func writeAcknowledgement() {
    guard inbox.value.lane.acknowledgementsDue > 0 else { return }
    // Out of the inbox: the library's callbacks use that.
    var output = exchange(&inbox.value.lane.output, with: [])
    while inbox.value.lane.acknowledgementsDue > 0, sendFrame(into: &output) > 0 {}
    inbox.value.lane.output = output
  }

  /// Appends the lane's frames to `output`.
  mutating func takeRepeatOutput(into output: inout [UInt8]) {
    guard inbox.value.lane.lastStreamID > 0 else { return }
    if !inbox.value.lane.waiting.isEmpty {
      writeAcknowledgement()
      for request in exchange(&inbox.value.lane.waiting, with: []) where !sendAnswer(of: request) {
        inbox.value.lane.waiting.append(request)
      }
    }
    if owesWindow {
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
