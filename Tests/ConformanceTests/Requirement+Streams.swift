import RawHTTP2

extension Requirement {
  /// States, numbers and number of streams, and the priorities that RFC 7540 gave them.
  static let streams =
    idle + halfClosed + afterReset + closed + identifiers + concurrency
    + dependencies

  private static let idle = [
    Requirement("http2/5.1/1", "RFC 9113 §5.1", "DATA on an idle stream is PROTOCOL_ERROR.") {
      connection in
      connection.send(.data(1, someBody, .endStream))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement("http2/5.1/2", "RFC 9113 §5.1", "RST_STREAM on an idle stream is PROTOCOL_ERROR.") {
      connection in
      connection.send(.rstStream(1))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement(
      "http2/5.1/3", "RFC 9113 §5.1", "WINDOW_UPDATE on an idle stream is PROTOCOL_ERROR."
    ) { connection in
      connection.send(.windowUpdate(1, 100))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement(
      "http2/5.1/4", "RFC 9113 §5.1", "CONTINUATION on an idle stream is PROTOCOL_ERROR."
    ) { connection in
      connection.send(.continuation(1, connection.block()))
      try connection.expectConnectionError(.protocolError)
    },
  ]

  private static let halfClosed = [
    Requirement(
      "http2/5.1/5", "RFC 9113 §5.1", "DATA on a half-closed (remote) stream is STREAM_CLOSED."
    ) { connection in
      connection.send(.headers(1, connection.block()), .data(1, someBody, .endStream))
      try connection.expectStreamError(.streamClosed)
    },
    Requirement(
      "http2/5.1/6", "RFC 9113 §5.1", "HEADERS on a half-closed (remote) stream are STREAM_CLOSED."
    ) { connection in
      connection.send(.headers(1, connection.block()), .headers(1, connection.block()))
      try connection.expectStreamError(.streamClosed)
    },
    Requirement(
      "http2/5.1/7", "RFC 9113 §5.1",
      "CONTINUATION on a half-closed (remote) stream is STREAM_CLOSED or PROTOCOL_ERROR."
    ) { connection in
      connection.send(
        .headers(1, connection.block()), .continuation(1, HPACK.block([.filler])))
      try connection.expectStreamError(.streamClosed, .protocolError)
    },
  ]

  private static let afterReset = [
    Requirement(
      "http2/5.1/8", "RFC 9113 §5.1", "DATA after the client's RST_STREAM is STREAM_CLOSED."
    ) { connection in
      connection.send(
        .headers(1, connection.block(), .endHeaders), .rstStream(1),
        .data(1, someBody, .endStream))
      try connection.expectStreamError(.streamClosed)
    },
    Requirement(
      "http2/5.1/9", "RFC 9113 §5.1", "HEADERS after the client's RST_STREAM are STREAM_CLOSED."
    ) { connection in
      connection.send(
        .headers(1, connection.block(), .endHeaders), .rstStream(1),
        .headers(1, connection.block()))
      try connection.expectStreamError(.streamClosed)
    },
    Requirement(
      "http2/5.1/10", "RFC 9113 §5.1",
      "CONTINUATION after the client's RST_STREAM is STREAM_CLOSED or PROTOCOL_ERROR."
    ) { connection in
      connection.send(
        .headers(1, connection.block(), .endHeaders), .rstStream(1),
        .continuation(1, HPACK.block([.filler])))
      try connection.expectStreamError(.streamClosed, .protocolError)
    },
  ]

  private static let closed = [
    Requirement(
      "http2/5.1/11", "RFC 9113 §5.1", "DATA on a closed stream end the connection: STREAM_CLOSED."
    ) { connection in
      try connection.completeRequest()
      connection.send(.data(1, someBody, .endStream))
      try connection.expectConnectionError(.streamClosed)
    },
    Requirement(
      "http2/5.1/12", "RFC 9113 §5.1",
      "HEADERS on a closed stream end the connection: STREAM_CLOSED."
    ) { connection in
      try connection.completeRequest()
      connection.send(.headers(1, connection.block()))
      try connection.expectConnectionError(.streamClosed)
    },
    Requirement(
      "http2/5.1/13", "RFC 9113 §5.1",
      "CONTINUATION on a closed stream ends the connection: STREAM_CLOSED or PROTOCOL_ERROR."
    ) { connection in
      try connection.completeRequest()
      connection.send(.continuation(1, HPACK.block([.filler])))
      try connection.expectConnectionError(.streamClosed, .protocolError)
    },
  ]

  private static let identifiers = [
    Requirement(
      "http2/5.1.1/1", "RFC 9113 §5.1.1", "An even stream number from a client is PROTOCOL_ERROR."
    ) { connection in
      connection.send(.headers(2, connection.block()))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement(
      "http2/5.1.1/2", "RFC 9113 §5.1.1",
      "A new stream numbered below an earlier one is PROTOCOL_ERROR."
    ) { connection in
      connection.send(.headers(5, connection.block()))
      connection.send(.headers(3, connection.block()))
      try connection.expectConnectionError(.protocolError)
    },
  ]

  private static let concurrency = [
    Requirement(
      "http2/5.1.2/1", "RFC 9113 §5.1.2",
      "A stream above SETTINGS_MAX_CONCURRENT_STREAMS is REFUSED_STREAM or PROTOCOL_ERROR."
    ) { connection in
      guard let streamsMax = connection.peerSettings[Setting.streamsMaxID] else {
        throw connection.unmet("SETTINGS_MAX_CONCURRENT_STREAMS")
      }
      try connection.setInitialWindow(0)
      var bytes: [UInt8] = []
      for index in 0...streamsMax {
        Frame.headers(2 * index + 1, connection.block()).append(to: &bytes)
      }
      connection.send(bytes: bytes)
      try connection.expectStreamError(
        .refusedStream, .protocolError, on: 2 * streamsMax + 1)
    }
  ]

  private static let dependencies = [
    Requirement(
      "http2/5.3.1/1", "RFC 7540 §5.3.1", "HEADERS that depend on themselves are PROTOCOL_ERROR."
    ) { connection in
      connection.send(.headers(1, connection.block(), priority: Priority(on: 1)))
      try connection.expectStreamError(.protocolError)
    },
    Requirement(
      "http2/5.3.1/2", "RFC 7540 §5.3.1", "PRIORITY that depends on itself is PROTOCOL_ERROR."
    ) { connection in
      connection.send(.priority(1, Priority(on: 1)))
      try connection.expectStreamError(.protocolError)
    },
  ]
}
