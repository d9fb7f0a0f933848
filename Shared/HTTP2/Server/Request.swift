internal import CNghttp2

/// Why a request cannot be served as it is. It is delivered all the same, so that the server can
/// answer with a problem document.
package enum RequestFault: Sendable {
  /// Too many or too long header fields: answer 431. Fields beyond the limit are missing.
  case headerListTooLarge
  /// The body is larger than this path allows: answer 413. The body is cut off.
  case bodyTooLarge
  /// The connection holds too many unfinished bodies: answer 503. The body is cut off.
  case overloaded

  /// The status to answer with.
  package var status: Int {
    switch self {
    case .headerListTooLarge: 431
    case .bodyTooLarge: 413
    case .overloaded: 503
    }
  }
}

/// One request and the buffer for its answer. Requests are pooled: this object serves another
/// stream once its own has closed, so never keep it beyond the answer or beyond the moment
/// `nextClosedStream` names its stream.
package final class Request {
  package internal(set) var streamID: Int32 = 0
  package internal(set) var method = Method.other
  /// `:path`, with the query.
  package internal(set) var path: [UInt8] = []
  /// `:authority`, or `host` where there is none.
  package internal(set) var authority: [UInt8] = []
  package internal(set) var contentType: [UInt8] = []
  package internal(set) var accept: [UInt8] = []
  package internal(set) var authorization: [UInt8] = []
  package internal(set) var body: [UInt8] = []
  package internal(set) var fault: RequestFault?

  var fields = FieldStore()

  /// Where the request is in its life; only the inbox and the pool move it.
  enum State: UInt8 {
    case pooled, headers, body, ready, delivered, answered
    /// Closed while waiting in a queue, before and after it was handed out.
    case cancelled, abandoned
  }
  var state = State.pooled
  /// Whether the peer has sent all it is going to send.
  var isComplete = false
  /// Whether the header block under way is the request's, not its trailers.
  var isInTrailers = false
  /// When the body began, on the caller's clock.
  var bodySince: UInt64 = 0
  var bodyBytesMax = 0
  var contentLength: Int?
  var headerFieldCount = 0
  var headerListBytes = 0

  var answer: [UInt8] = []
  var answerOffset = 0

  /// Buffers larger than this are given back to the system when the stream closes.
  private static let keptBytesMax = 65_536

  init() {}

  /// The value of any other header field.
  package func header(_ lowercaseName: String) -> [UInt8]? {
    withHeader(lowercaseName.utf8.span) { value in
      var bytes: [UInt8] = []
      bytes.append(copying: value)
      return bytes
    }
  }

  /// Calls `body` with the value of any other header field, or returns nil when there is none. The
  /// bytes are valid only for the duration of the call.
  package func withHeader<Result>(
    _ lowercaseName: Span<UInt8>, _ body: (Span<UInt8>) -> Result
  ) -> Result? {
    fields.withValue(of: lowercaseName, body)
  }

  /// Prepares the object for a new stream.
  func begin(streamID: Int32, bodyBytesMax: Int) {
    self.streamID = streamID
    self.bodyBytesMax = bodyBytesMax
    state = .headers
    isComplete = false
    isInTrailers = false
    method = .other
    fault = nil
    contentLength = nil
    headerFieldCount = 0
    headerListBytes = 0
    path.removeAll(keepingCapacity: true)
    authority.removeAll(keepingCapacity: true)
    contentType.removeAll(keepingCapacity: true)
    accept.removeAll(keepingCapacity: true)
    authorization.removeAll(keepingCapacity: true)
    fields.removeAll()
  }

  /// Forgets the message; secrets are not kept for the next stream.
  func end() {
    state = .pooled
    streamID = 0
    answerOffset = 0
    body.removeAll(keepingCapacity: body.capacity <= Self.keptBytesMax)
    answer.removeAll(keepingCapacity: answer.capacity <= Self.keptBytesMax)
  }
}

extension [UInt8] {
  /// Appends the bytes of a span.
  mutating func append(copying span: Span<UInt8>) {
    // The buffer is only read inside the closure.
    unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
}
