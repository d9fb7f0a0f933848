import RawHTTP2

extension Requirement {
  /// Error codes, requests that are malformed, and push, which a client cannot (RFC 9113 §7, §8).
  static let messages =
    errorCodes + requestForm + fieldNames + pseudoFields + connectionFields
    + requestPseudoFields + contentLength + push

  private static let errorCodes = [
    Requirement("http2/7/1", "RFC 9113 §7", "GOAWAY with an unknown code does nothing special.") {
      connection in
      connection.send(.goAway(ErrorCode(rawValue: 0xff)), .ping(1))
      try connection.expectReaction("PING(1, ACK) or close, without an error") { event in
        switch event {
        case .pingAcknowledged(1), .closed: true
        case .goAway(_, let code) where code != .noError: false
        default: nil
        }
      }
    },
    Requirement("http2/7/2", "RFC 9113 §7", "RST_STREAM with an unknown code does nothing special.")
    {
      connection in
      connection.send(
        .headers(1, connection.block("POST"), .endHeaders),
        .rstStream(1, ErrorCode(rawValue: 0xff)))
      try connection.expectAlive()
    },
  ]

  private static let requestForm = [
    Requirement(
      "http2/8.1/1", "RFC 9113 §8.1", "Second HEADERS without END_STREAM are PROTOCOL_ERROR."
    ) { connection in
      connection.send(
        .headers(1, connection.block("POST"), .endHeaders), .data(1, someBody),
        .headers(1, HPACK.literal("x-end", "yes"), .endHeaders))
      try connection.expectStreamError(.protocolError)
    }
  ]

  private static let fieldNames = [
    malformed("http2/8.1.2/1", "8.2.1", "An upper-case field name") { endpoint in
      endpoint.fields() + [HeaderField("X-UPPER", "yes")]
    }
  ]

  private static let pseudoFields = [
    malformed("http2/8.1.2.1/1", "8.3", "An unknown pseudo-header field") { endpoint in
      endpoint.fields() + [HeaderField(":unknown", "yes")]
    },
    malformed("http2/8.1.2.1/2", "8.3", "A response's pseudo-header field") { endpoint in
      endpoint.fields() + [HeaderField(":status", "200")]
    },
    Requirement(
      "http2/8.1.2.1/3", "RFC 9113 §8.1", "A pseudo-header field in trailers is PROTOCOL_ERROR."
    ) { connection in
      connection.send(
        .headers(1, connection.block("POST"), .endHeaders), .data(1, someBody),
        .headers(1, HPACK.literal(":method", "POST")))
      try connection.expectStreamError(.protocolError)
    },
    malformed("http2/8.1.2.1/4", "8.3", "A pseudo-header field after a regular one") { endpoint in
      [HeaderField("x-early", "yes")] + endpoint.fields()
    },
  ]

  private static let connectionFields = [
    malformed("http2/8.1.2.2/1", "8.2.2", "A connection-specific field") { endpoint in
      endpoint.fields() + [HeaderField("connection", "keep-alive")]
    },
    malformed("http2/8.1.2.2/2", "8.2.2", "TE with anything but \"trailers\"") { endpoint in
      endpoint.fields() + [HeaderField("te", "trailers, deflate")]
    },
  ]

  private static let requestPseudoFields = [
    malformed("http2/8.1.2.3/1", "8.3.1", "An empty \":path\"") { endpoint in
      endpoint.fields(path: "")
    },
    malformed("http2/8.1.2.3/2", "8.3.1", "A request without \":method\"") { endpoint in
      endpoint.fields().filter { $0.name != ":method" }
    },
    malformed("http2/8.1.2.3/3", "8.3.1", "A request without \":scheme\"") { endpoint in
      endpoint.fields().filter { $0.name != ":scheme" }
    },
    malformed("http2/8.1.2.3/4", "8.3.1", "A request without \":path\"") { endpoint in
      endpoint.fields().filter { $0.name != ":path" }
    },
    malformed("http2/8.1.2.3/5", "8.3.1", "A second \":method\"") { endpoint in
      endpoint.fields() + endpoint.fields().filter { $0.name == ":method" }
    },
    malformed("http2/8.1.2.3/6", "8.3.1", "A second \":scheme\"") { endpoint in
      endpoint.fields() + endpoint.fields().filter { $0.name == ":scheme" }
    },
    malformed("http2/8.1.2.3/7", "8.3.1", "A second \":path\"") { endpoint in
      endpoint.fields() + endpoint.fields().filter { $0.name == ":path" }
    },
  ]

  private static let contentLength = [
    Requirement(
      "http2/8.1.2.6/1", "RFC 9113 §8.1.1", "A body longer than its content-length: PROTOCOL_ERROR."
    ) { connection in
      let length = HeaderField("content-length", "1")
      connection.send(
        .headers(1, connection.block("POST", adding: length), .endHeaders),
        .data(1, someBody, .endStream))
      try connection.expectStreamError(.protocolError)
    },
    Requirement(
      "http2/8.1.2.6/2", "RFC 9113 §8.1.1",
      "Several DATA frames that do not add up to the content-length: PROTOCOL_ERROR."
    ) { connection in
      let length = HeaderField("content-length", "1")
      connection.send(
        .headers(1, connection.block("POST", adding: length), .endHeaders),
        .data(1, someBody), .data(1, someBody, .endStream))
      try connection.expectStreamError(.protocolError)
    },
  ]

  private static let push = [
    Requirement("http2/8.2/1", "RFC 9113 §8.4", "PUSH_PROMISE from a client is PROTOCOL_ERROR.") {
      connection in
      connection.send(.pushPromise(1, promised: 3, connection.block()))
      try connection.expectConnectionError(.protocolError)
    }
  ]

  /// A request whose fields are wrong is a stream error of type PROTOCOL_ERROR (§8.1.1).
  private static func malformed(
    _ id: String, _ section: String, _ what: String,
    _ fields: @escaping @Sendable (Endpoint) -> [HeaderField]
  ) -> Requirement {
    Requirement(id, "RFC 9113 §\(section)", "\(what) is PROTOCOL_ERROR.") { connection in
      connection.send(.headers(1, HPACK.block(fields(connection.endpoint))))
      try connection.expectStreamError(.protocolError)
    }
  }
}
