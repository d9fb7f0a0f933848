internal import CNghttp2

extension ServerSession {
  /// Answers a request. The body is copied. Returns false, and does nothing, if the stream has
  /// closed or was answered already. `content-length` is always sent; HEAD gets no body.
  @discardableResult
  package mutating func respond(
    to streamID: Int32, status: Int, contentType: StaticString? = nil,
    headers: [HeaderField] = [], body: Span<UInt8>
  ) -> Bool {
    guard let request = delivered(streamID) else { return false }
    request.value.answer.append(copying: body)
    return submit(request, status: status, contentType: contentType, headers: headers)
  }

  /// The same, with the body appended by `write` to the stream's own reused buffer.
  @discardableResult
  package mutating func respond(
    to streamID: Int32, status: Int, contentType: StaticString? = nil,
    headers: [HeaderField] = [], writing write: (inout [UInt8]) -> Void
  ) -> Bool {
    guard let request = delivered(streamID) else { return false }
    write(&request.value.answer)
    return submit(request, status: status, contentType: contentType, headers: headers)
  }

  /// Whether the stream has a request that was handed out and not answered.
  package func isAwaitingAnswer(_ streamID: Int32) -> Bool { delivered(streamID) != nil }

  private func delivered(_ streamID: Int32) -> Box<RequestState>? {
    guard failure == nil,
      let request = inbox.value.lane.request(streamID) ?? inbox.value.request(streamID, library),
      request.value.stage == .delivered
    else { return nil }
    return request
  }

  private mutating func submit(
    _ request: Box<RequestState>, status: Int, contentType: StaticString?, headers: [HeaderField]
  ) -> Bool {
    if request.value.isRepeat {
      submitRepeat(request, status: status, contentType: contentType, headers: headers)
      return true
    }
    block.begin(copiedBytesMax: 40 + HeaderBlock.copiedBytes(of: headers))
    if let text = Self.constant(status) {
      block.add(":status", text)
    } else {
      block.add(":status", number: status)
    }
    if let contentType { block.add("content-type", contentType) }
    // RFC 9110 §8.6: neither 1xx nor 204 has a length.
    if status >= 200, status != 204 {
      block.add("content-length", number: request.value.answer.count)
    }
    for field in headers { block.add(field) }
    if request.value.method == .head || status == 204 || status == 304 {
      request.value.answer.removeAll(keepingCapacity: true)
    }
    request.value.stage = .answered
    request.value.answerOffset = 0
    inbox.value.unsentBytes += request.value.answer.count
    if !request.value.isComplete {
      inbox.value.earlyAnswers.append((request.value.streamID, inbox.value.now))
    }
    return submit(to: request.value.streamID, answer: request)
  }

  private mutating func submit(to streamID: Int32, answer request: Box<RequestState>) -> Bool {
    if request.value.answer.isEmpty {
      return unsafe nghttp2_submit_response(
        library.session, streamID, block.pointer, block.count, nil) == 0
    }
    // The pool keeps the request until its stream has closed, and with it the library's last use.
    var provider = unsafe nghttp2_data_provider(
      source: nghttp2_data_source(ptr: request.address),
      read_callback: ServerCallbacks.readAnswer)
    return unsafe nghttp2_submit_response(
      library.session, streamID, block.pointer, block.count, &provider) == 0
  }

  /// Statuses that are never formatted.
  private static func constant(_ status: Int) -> StaticString? {
    switch status {
    case 200: "200"
    case 201: "201"
    case 202: "202"
    case 204: "204"
    case 304: "304"
    case 400: "400"
    case 401: "401"
    case 403: "403"
    case 404: "404"
    case 405: "405"
    case 409: "409"
    case 413: "413"
    case 415: "415"
    case 429: "429"
    case 431: "431"
    case 500: "500"
    case 503: "503"
    default: nil
    }
  }
}
