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

/// One request. Requests are pooled: this object serves another stream once its own has closed, so
/// never keep it beyond the answer or beyond the moment `nextClosedStream` names its stream.
package final class Request {
  /// The object owns the box; the session's pool owns the object.
  let box: Box<RequestState>

  init(index: Int) {
    box = Box(RequestState(index: index))
  }

  deinit { box.free() }

  package var streamID: Int32 { box.value.streamID }
  package var method: Method { box.value.method }
  /// `:path`, with the query.
  package var path: [UInt8] { box.value.path.bytes }
  /// `:authority`, or `host` where there is none.
  package var authority: [UInt8] { box.value.authority.bytes }
  package var contentType: [UInt8] { box.value.contentType.bytes }
  package var accept: [UInt8] { box.value.accept.bytes }
  package var authorization: [UInt8] { box.value.authorization.bytes }
  package var body: [UInt8] { box.value.body.bytes }
  package var fault: RequestFault? { box.value.fault }

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
    box.value.fields.withValue(of: lowercaseName, body)
  }
}

/// What a `Request` holds, and the buffer for its answer.
struct RequestState {
  /// Place in the pool.
  let index: Int
  var streamID: Int32 = 0
  var method = Method.other
  var path = ReusedBytes()
  var authority = ReusedBytes()
  var contentType = ReusedBytes()
  var accept = ReusedBytes()
  var authorization = ReusedBytes()
  var body = ReusedBytes()
  var fields = FieldStore()
  var fault: RequestFault?

  /// Where the request is in its life; only the inbox and the pool move it.
  enum Stage: UInt8 {
    case pooled, headers, body, ready, delivered, answered
    /// Closed while waiting in a queue, before and after it was handed out.
    case cancelled, abandoned
  }
  var stage = Stage.pooled
  /// Whether the peer has sent all it is going to send.
  var isComplete = false
  /// Whether the header block under way is not the request's but its trailers.
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
  private static let keptBytesMax = 16_384

  init(index: Int) {
    self.index = index
  }

  /// Prepares for a new stream.
  mutating func begin(streamID: Int32, bodyBytesMax: Int) {
    self.streamID = streamID
    self.bodyBytesMax = bodyBytesMax
    stage = .headers
    isComplete = false
    isInTrailers = false
    method = .other
    fault = nil
    contentLength = nil
    headerFieldCount = 0
    headerListBytes = 0
    path.begin()
    authority.begin()
    contentType.begin()
    accept.begin()
    authorization.begin()
    body.begin()
    fields.removeAll()
  }

  /// All header fields are here.
  mutating func endHeaders(now: UInt64) {
    stage = .body
    bodySince = now
    path.end()
    authority.end()
    contentType.end()
    accept.end()
    authorization.end()
  }

  /// Becomes a spare. Large buffers go.
  mutating func end() {
    stage = .pooled
    streamID = 0
    answerOffset = 0
    body.trim(to: Self.keptBytesMax)
    if !answer.isEmpty { answer.removeAll(keepingCapacity: answer.capacity <= Self.keptBytesMax) }
  }
}

/// Bytes that take the place of the last request's. Equal traffic is copied over them in place;
/// what a request does not have is cleared at the end of its headers.
struct ReusedBytes {
  private(set) var bytes: [UInt8] = []
  private var isSet = false

  /// Whether this request has put something here.
  var isEmpty: Bool { !isSet || bytes.isEmpty }
  var count: Int { isSet ? bytes.count : 0 }

  mutating func begin() {
    isSet = false
  }

  mutating func end() {
    if !isSet, !bytes.isEmpty { bytes.removeAll(keepingCapacity: true) }
    isSet = true
  }

  mutating func set(_ value: UnsafeBufferPointer<UInt8>) {
    isSet = true
    if bytes.count == value.count {
      unsafe bytes.withUnsafeMutableBufferPointer { target in
        guard let start = target.baseAddress, let source = value.baseAddress else { return }
        unsafe start.update(from: source, count: value.count)
      }
    } else {
      unsafe bytes.replaceSubrange(0..<bytes.count, with: value)
    }
  }

  /// The first part takes the old one's place, the others follow it.
  mutating func append(_ value: UnsafeBufferPointer<UInt8>) {
    if isSet { unsafe bytes.append(contentsOf: value) } else { unsafe set(value) }
  }

  mutating func trim(to keptBytesMax: Int) {
    if bytes.capacity > keptBytesMax { bytes = [] }
  }
}

extension [UInt8] {
  /// Appends the bytes of a span.
  mutating func append(copying span: Span<UInt8>) {
    // The buffer is only read inside the closure.
    unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
}
