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

  /// Whether `RepeatLane` took the request, so that the library does not know its stream.
  var isRepeat = false
  /// The `RepeatLane.Template` whose fields the buffers hold; zero for none.
  var template = 0
  /// WINDOW_UPDATE increments of the stream less the bytes sent, while `isRepeat`.
  var windowCredit = 0

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
    isRepeat = false
    template = 0
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

  /// Prepares for a whole request, whose header fields are those of `template`.
  mutating func beginRepeat(streamID: Int32) {
    self.streamID = streamID
    stage = .body
    isComplete = true
    isInTrailers = false
    isRepeat = true
    windowCredit = 0
    fault = nil
    body.begin()
  }

  /// Takes over the header fields that the library decoded for another request.
  mutating func repeatFields(of template: RepeatLane.Template) {
    self.template = template.serial
    let fields = template.fields
    method = fields.method
    path = fields.path
    authority = fields.authority
    contentType = fields.contentType
    accept = fields.accept
    authorization = fields.authorization
    contentLength = fields.contentLength
    bodyBytesMax = fields.bodyBytesMax
    self.fields = fields.fields
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
