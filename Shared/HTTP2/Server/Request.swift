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
  /// Requests of which this is the same, and not zero, come from one connection and have the same
  /// method and header fields: what was made of them once is true for all.
  package var fieldsID: Int { box.value.isRepeat ? box.value.template : 0 }
  package var method: Method { box.value.method }
  /// `:path`, with the query.
  package var path: [UInt8] { box.value.path.bytes }
  /// `:authority`, or `host` where there is none.
  package var authority: [UInt8] { box.value.authority.bytes }
  package var contentType: [UInt8] { box.value.contentType.bytes }
  package var accept: [UInt8] { box.value.accept.bytes }
  package var authorization: [UInt8] { box.value.authorization.bytes }
  package var body: [UInt8] { box.value.body.bytes }
  package var bodyByteCount: Int { box.value.body.bytes.count }
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

  /// How many header fields have that name, which no property has.
  package func headerCount(_ lowercaseName: Span<UInt8>) -> Int {
    box.value.fields.count(of: lowercaseName)
  }
}
