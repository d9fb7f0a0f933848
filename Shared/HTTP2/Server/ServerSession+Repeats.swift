/// Requests that repeat an earlier header block; see `RepeatLane`.
extension ServerSession {
  /// RST_STREAM and WINDOW_UPDATE with their head.
  private static let shortFrameBytes = FrameHead.byteCount + 4

  /// Takes what the lane can of `bytes`, which begin with a frame at `start`, and moves `start`
  /// behind it; false if the next frame is the library's.
  mutating func takeRepeats(
    _ bytes: Span<UInt8>, from start: inout Int
  ) throws(HTTP2Error) -> Bool {
    if !inbox.value.isDraining, !inbox.value.lane.isPaused, RepeatLane.mayBegin(bytes, at: start) {
      let end = inbox.value.lane.planRequests(
        bytes, from: start, newest: inbox.value.highestStreamID)
      if end > start {
        start = end
        try carryOut(bytes)
        return true
      }
      guard let end = RepeatLane.neutralHeaders(bytes, at: start) else { return false }
      let frame = bytes.extracting(start..<end)
      start = end
      try passNeutral(frame)
      learn(frame)
      return true
    }
    return try takeControl(bytes, from: &start)
  }

  /// Takes the planned requests that are whole, and gives the others to the library, in order.
  private mutating func carryOut(_ bytes: Span<UInt8>) throws(HTTP2Error) {
    var taken = 0
    // By index: the library's callbacks may reach the lane meanwhile.
    for index in inbox.value.lane.plan.indices {
      let planned = inbox.value.lane.plan[index]
      if planned.isComplete, inbox.value.take(planned, bytes) {
        taken += 1
      } else {
        try passNeutral(bytes.extracting(planned.headers))
        var offset = planned.data.lowerBound
        // Large frames pass in several slices.
        while offset < planned.data.upperBound {
          try pass(bytes.extracting(offset..<planned.data.upperBound), from: &offset)
        }
      }
    }
    if taken > 0 { flood.requestsTaken(taken) }
  }

  /// Gives the library a HEADERS frame whose block changes no table.
  private mutating func passNeutral(_ frame: Span<UInt8>) throws(HTTP2Error) {
    var consumed = 0
    let broken = flood.scan(
      frame, now: inbox.value.now, closed: &inbox.value.closedStreams, consumed: &consumed)
    flood.sawTableChange = false
    try feed(frame.extracting(0..<consumed), now: inbox.value.now)
    if let broken { throw end(breaking: broken) }
  }

  /// Remembers what the library made of a block, if it made a request of it.
  private mutating func learn(_ frame: Span<UInt8>) {
    let streamID = Int32(FrameHead(frame, at: 0).streamID)
    guard library.hasStream(streamID), let request = inbox.value.request(streamID, library),
      request.value.fault == nil, !request.value.isInTrailers,
      request.value.stage == .body || request.value.stage == .ready
    else { return }
    inbox.value.lane.learn(frame.extracting(FrameHead.byteCount...), request.value)
  }

  // MARK: - RST_STREAM and WINDOW_UPDATE

  /// Takes a frame that is about the lane's streams, or about the window it shares with the
  /// library's. The library would take the lane's streams for ones that were never opened.
  private mutating func takeControl(
    _ bytes: Span<UInt8>, from start: inout Int
  ) throws(HTTP2Error) -> Bool {
    guard inbox.value.lane.lastStreamID > 0 else { return false }
    let rest = bytes.count - start
    guard rest >= FrameHead.byteCount else {
      inbox.value.lane.holdBack(bytes.extracting(start...))
      start = bytes.count
      return true
    }
    let head = FrameHead(bytes, at: start)
    if head.type == FrameHead.Kind.data, inbox.value.isLanes(Int32(head.streamID), library) {
      // The peer has ended every stream that the lane took (RFC 9113 §5.1).
      throw end(breaking: .staleStream)
    }
    guard head.type == FrameHead.Kind.windowUpdate || head.type == FrameHead.Kind.reset,
      head.length == 4
    else { return false }
    let streamID = Int32(head.streamID)
    let isConnection = head.type == FrameHead.Kind.windowUpdate && streamID == 0
    guard isConnection || inbox.value.isLanes(streamID, library) else { return false }
    guard rest >= Self.shortFrameBytes else {
      inbox.value.lane.holdBack(bytes.extracting(start...))
      start = bytes.count
      return true
    }
    let frame = bytes.extracting(start..<(start + Self.shortFrameBytes))
    start += Self.shortFrameBytes
    var consumed = 0
    let broken = flood.scan(
      frame, now: inbox.value.now, closed: &inbox.value.closedStreams, consumed: &consumed)
    if let broken { throw end(breaking: broken) }
    let number = FrameHead.number(in: frame)
    if isConnection {
      try widenConnection(by: number, frame)
    } else if head.type == FrameHead.Kind.reset {
      inbox.value.closeRepeat(streamID)
    } else {
      try widenStream(streamID, by: number)
    }
    return true
  }

  /// Pays the lane's debt with the increment; what is left is the library's.
  private mutating func widenConnection(
    by increment: Int, _ frame: Span<UInt8>
  ) throws(HTTP2Error) {
    let paid = min(inbox.value.lane.debt, increment)
    inbox.value.lane.debt -= paid
    if paid == 0 {
      try feed(frame, now: inbox.value.now)
    } else if increment > paid {
      var rest: [UInt8] = [0, 0, 4, FrameHead.Kind.windowUpdate, 0, 0, 0, 0, 0]
      rest.append(bigEndian: UInt32(increment - paid))
      try feed(rest.span, now: inbox.value.now)
    }
    for streamID in exchange(&inbox.value.lane.deferred, with: []) { library.resume(streamID) }
  }

  private mutating func widenStream(
    _ streamID: Int32, by increment: Int
  ) throws(HTTP2Error) {
    guard let request = inbox.value.lane.request(streamID) else { return }
    let window = library.peerInitialWindow + request.value.windowCredit + increment
    if increment == 0 {
      try refuseWindow(streamID, ErrorCode.protocolError)
    } else if window > Int32.max {
      try refuseWindow(streamID, ErrorCode.flowControlError)
    } else {
      request.value.windowCredit += increment
    }
  }

  private mutating func refuseWindow(_ streamID: Int32, _ code: UInt32) throws(HTTP2Error) {
    resetRepeat(streamID, code)
    if let broken = flood.resetStreams(count: 1, now: inbox.value.now) {
      throw end(breaking: broken)
    }
  }

  mutating func resetRepeat(_ streamID: Int32, _ code: UInt32) {
    inbox.value.closedStreams.appendReset(streamID)
    inbox.value.closeRepeat(streamID)
    inbox.value.lane.output.appendFrameHead(
      byteCount: 4, FrameHead.Kind.reset, flags: 0, streamID)
    inbox.value.lane.output.append(bigEndian: code)
  }
}

extension ServerInbox {
  /// Makes a request of the planned frames; false where only the library can.
  mutating func take(_ planned: RepeatLane.Planned, _ bytes: Span<UInt8>) -> Bool {
    let body =
      planned.data.isEmpty
      ? 0..<0 : (planned.data.lowerBound + FrameHead.byteCount)..<planned.data.upperBound
    guard openStreams < limits.streamsMax, body.count <= limits.streamWindowBytes,
      bufferedBytes + body.count <= limits.bufferedBytesMax
    else { return false }
    let request = pool.take()
    request.value.beginRepeat(streamID: planned.streamID)
    // Requests are recycled, and a peer has few templates: nearly always the fields are there.
    if request.value.template != lane.templates[planned.template].serial {
      request.value.repeatFields(of: lane.templates[planned.template])
    }
    if !body.isEmpty {
      // The buffer is only read inside the closure.
      unsafe bytes.extracting(body).withUnsafeBufferPointer { unsafe request.value.body.set($0) }
    }
    openStreams += 1
    bufferedBytes += body.count
    highestStreamID = planned.streamID
    lane.lastStreamID = planned.streamID
    lane.bodyBytesOwed += body.count
    lane.opened(request)
    deliver(request)
    return true
  }

  /// Whether a stream is one that the library has never heard of, though it was opened.
  func isLanes(_ streamID: Int32, _ library: Library) -> Bool {
    if lane.request(streamID) != nil { return true }
    return streamID & 1 == 1 && streamID <= lane.lastStreamID && streamID > libraryStreamID
  }

  /// The stream of a taken request is over.
  mutating func closeRepeat(_ streamID: Int32) {
    guard let request = lane.request(streamID) else { return }
    lane.closed(streamID)
    openStreams -= 1
    bufferedBytes -= request.value.body.count
    if request.value.stage == .answered {
      unsentBytes -= request.value.answer.count - request.value.answerOffset
    }
    closedStreams.appendClosed(streamID)
    pool.close(request)
  }
}

extension FrameHead {
  /// The 31 bits behind the head: an increment. Of RST_STREAM, the error code.
  static func number(in frame: Span<UInt8>) -> Int {
    var number = 0
    for index in byteCount..<(byteCount + 4) { number = number << 8 | Int(frame[index]) }
    return number & 0x7FFF_FFFF
  }
}
