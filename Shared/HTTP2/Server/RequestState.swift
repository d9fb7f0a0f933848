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
