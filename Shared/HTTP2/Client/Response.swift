/// Why there is no answer.
package enum ResponseFailure: Sendable, Equatable {
  /// The server did nothing for it: safe to send again, on another connection.
  case refused
  /// The server reset the stream with this error code; whether it did anything is unknown.
  case reset(UInt32)
  /// The answer is larger than `bodyBytesMax` or its header list than the limits.
  case tooLarge
  /// The connection ended first; whether the server did anything is unknown.
  case connectionLost
}

/// What came back for one request: an answer or a failure.
package final class Response {
  package internal(set) var streamID: Int32 = 0
  package internal(set) var failure: ResponseFailure?
  /// Zero if there was a failure first.
  package internal(set) var status = 0
  package internal(set) var contentType: [UInt8] = []
  package internal(set) var body: [UInt8] = []

  var fields = FieldStore()
  var headerFieldCount = 0
  var headerListBytes = 0
  /// Whether the header block under way is the answer's, neither informational nor trailers.
  var isInTrailers = false
  /// Whether the server has sent all.
  var isComplete = false
  var isCancelled = false
  /// Place in the inbox's list of open exchanges.
  var index = 0

  var requestBody: [UInt8] = []
  var requestOffset = 0

  init() {}

  /// The value of any other header field.
  package func header(_ lowercaseName: String) -> [UInt8]? {
    fields.withValue(of: lowercaseName.utf8.span) { value in
      var bytes: [UInt8] = []
      bytes.append(copying: value)
      return bytes
    }
  }

  func begin() {
    streamID = 0
    failure = nil
    isComplete = false
    isCancelled = false
    isInTrailers = false
    body.removeAll(keepingCapacity: true)
    requestBody.removeAll(keepingCapacity: true)
    requestOffset = 0
    beginHeaders()
  }

  /// Forgets an informational answer's fields, too.
  func beginHeaders() {
    status = 0
    headerFieldCount = 0
    headerListBytes = 0
    contentType.removeAll(keepingCapacity: true)
    fields.removeAll()
  }

  func store(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
    // The buffers are the library's and live until the callback returns.
    let key = unsafe Span(_unsafeElements: name)
    switch name.count {
    case 7 where key.equals(":status"):
      status = unsafe value.reduce(0) { $0 * 10 + Int($1 &- 48) }
    case 12 where key.equals("content-type") && contentType.isEmpty:
      unsafe contentType.append(contentsOf: value)
    default:
      unsafe fields.append(name: name, value: value)
    }
  }
}

/// The head of a request to send.
package struct OutgoingRequest: Sendable {
  package var method: Method
  package var scheme: StaticString
  package var authority: String
  /// Path and query.
  package var path: String
  /// Names in lower case; `content-length` is added.
  package var headers: [HeaderField]

  package init(
    _ method: Method, scheme: StaticString = "https", authority: String, path: String,
    headers: [HeaderField] = []
  ) {
    self.method = method
    self.scheme = scheme
    self.authority = authority
    self.path = path
    self.headers = headers
  }
}
