import RawHTTP2

extension Requirement {
  /// What each frame type may not be (RFC 9113 §6), but for flow control.
  static let frames =
    data + headers + priority + rstStream + settings + settingsValues
    + settingsOrder + ping + goAway + continuation

  private static let data = [
    Requirement("http2/6.1/1", "RFC 9113 §6.1", "DATA on stream 0 is PROTOCOL_ERROR.") {
      connection in
      connection.send(.data(0, someBody, .endStream))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement(
      "http2/6.1/2", "RFC 9113 §6.1", "DATA after END_STREAM is STREAM_CLOSED."
    ) { connection in
      connection.send(.headers(1, connection.block("POST")), .data(1, someBody, .endStream))
      try connection.expectStreamError(.streamClosed)
    },
    Requirement(
      "http2/6.1/3", "RFC 9113 §6.1", "Padding longer than the DATA frame is PROTOCOL_ERROR."
    ) { connection in
      let length = HeaderField("content-length", "4")
      connection.send(
        .headers(1, connection.block("POST", adding: length), .endHeaders),
        Frame(.data, flags: [.padded, .endStream], streamID: 1, payload: [6] + someBody))
      try connection.expectConnectionError(.protocolError)
    },
  ]

  private static let headers = [
    Requirement(
      "http2/6.2/1", "RFC 9113 §6.2", "HEADERS without END_HEADERS, then PRIORITY: PROTOCOL_ERROR."
    ) { connection in
      connection.send(
        .headers(1, connection.block(), []), .priority(1),
        .continuation(1, HPACK.block([.filler])))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement(
      "http2/6.2/2", "RFC 9113 §6.2",
      "HEADERS without END_HEADERS, then HEADERS of another stream: PROTOCOL_ERROR."
    ) { connection in
      connection.send(
        .headers(1, connection.block(), []), .headers(3, connection.block()),
        .continuation(1, HPACK.block([.filler])))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement("http2/6.2/3", "RFC 9113 §6.2", "HEADERS on stream 0 are PROTOCOL_ERROR.") {
      connection in
      connection.send(.headers(0, connection.block()))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement(
      "http2/6.2/4", "RFC 9113 §6.2", "Padding longer than the HEADERS frame is PROTOCOL_ERROR."
    ) { connection in
      let block = connection.block()
      connection.send(
        Frame(
          .headers, flags: [.padded, .endStream, .endHeaders], streamID: 1,
          payload: [UInt8(block.count + 2)] + block))
      try connection.expectConnectionError(.protocolError)
    },
  ]

  private static let priority = [
    Requirement("http2/6.3/1", "RFC 9113 §6.3", "PRIORITY on stream 0 is PROTOCOL_ERROR.") {
      connection in
      connection.send(.priority(0))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement(
      "http2/6.3/2", "RFC 9113 §6.3", "PRIORITY that is not 5 bytes long is FRAME_SIZE_ERROR."
    ) { connection in
      connection.send(
        .headers(1, connection.block()), Frame(.priority, streamID: 1, payload: [0x80, 0, 0, 1]))
      try connection.expectStreamError(.frameSizeError)
    },
  ]

  private static let rstStream = [
    Requirement("http2/6.4/1", "RFC 9113 §6.4", "RST_STREAM on stream 0 is PROTOCOL_ERROR.") {
      connection in
      connection.send(.rstStream(0))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement("http2/6.4/2", "RFC 9113 §6.4", "RST_STREAM on an idle stream is PROTOCOL_ERROR.") {
      connection in
      connection.send(.rstStream(1))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement(
      "http2/6.4/3", "RFC 9113 §6.4",
      "RST_STREAM that is not 4 bytes long ends the connection with FRAME_SIZE_ERROR."
    ) { connection in
      connection.send(
        .headers(1, connection.block()), Frame(.rstStream, streamID: 1, payload: [0, 0, 0]))
      try connection.expectConnectionError(.frameSizeError)
    },
  ]

  private static let settings = [
    Requirement(
      "http2/6.5/1", "RFC 9113 §6.5", "SETTINGS with ACK and a payload are FRAME_SIZE_ERROR."
    ) { connection in
      connection.send(Frame(.settings, flags: .acknowledge, payload: [0]))
      try connection.expectConnectionError(.frameSizeError)
    },
    Requirement("http2/6.5/2", "RFC 9113 §6.5", "SETTINGS on a stream are PROTOCOL_ERROR.") {
      connection in
      var frame = Frame.settings(Setting(id: Setting.streamsMaxID, value: 100))
      frame.streamID = 1
      connection.send(frame)
      try connection.expectConnectionError(.protocolError)
    },
    Requirement(
      "http2/6.5/3", "RFC 9113 §6.5",
      "SETTINGS whose length is no multiple of 6 are FRAME_SIZE_ERROR."
    ) { connection in
      connection.send(Frame(.settings, payload: [0, 3, 0, 0, 0, 100, 0, 2, 0]))
      try connection.expectConnectionError(.frameSizeError)
    },
  ]

  private static let settingsValues: [Requirement] = {
    let wrong: [(String, Setting, ErrorCode)] = [
      ("SETTINGS_ENABLE_PUSH of 2", .enablePush(2), .protocolError),
      (
        "SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1", .initialWindowSize(0x8000_0000),
        .flowControlError
      ),
      ("SETTINGS_MAX_FRAME_SIZE below 2^14", .maxFrameSize(16_383), .protocolError),
      ("SETTINGS_MAX_FRAME_SIZE above 2^24-1", .maxFrameSize(16_777_216), .protocolError),
    ]
    let refused = wrong.enumerated().map { index, row in
      let (what, setting, code) = row
      return Requirement("http2/6.5.2/\(index + 1)", "RFC 9113 §6.5.2", "\(what) is \(code).") {
        connection in
        connection.send(.settings(setting))
        try connection.expectConnectionError(code)
      }
    }
    return refused + [
      Requirement("http2/6.5.2/5", "RFC 9113 §6.5.2", "An unknown setting is ignored.") {
        connection in
        connection.send(.settings(Setting(id: 0xff, value: 1)))
        try connection.expectAlive()
      }
    ]
  }()

  private static let settingsOrder = [
    Requirement(
      "http2/6.5.3/1", "RFC 9113 §6.5.3", "Of two values in one SETTINGS the later one counts."
    ) { connection in
      connection.send(.settings(.initialWindowSize(100), .initialWindowSize(1)))
      try connection.expectSettingsAcknowledged()
      connection.send(.headers(1, connection.block()))
      try connection.expectData(byteCount: 1)
    },
    Requirement("http2/6.5.3/2", "RFC 9113 §6.5.3", "SETTINGS is acknowledged at once.") {
      connection in
      connection.send(.settings(.enablePush(0)))
      try connection.expectSettingsAcknowledged()
    },
  ]

  private static let ping = [
    Requirement("http2/6.7/1", "RFC 9113 §6.7", "PING is answered with the same bytes.") {
      connection in
      connection.send(.ping(0x1234_5678))
      try connection.expectPingAcknowledged(0x1234_5678)
    },
    Requirement("http2/6.7/2", "RFC 9113 §6.7", "PING with ACK is not answered.") { connection in
      connection.send(.ping(1, .acknowledge), .ping(2))
      try connection.expectPingAcknowledged(2)
      try connection.expectAlive()
      guard !connection.transcript.contains(.pingAcknowledged(1)) else {
        throw connection.unmet("no answer to the ACK")
      }
    },
    Requirement("http2/6.7/3", "RFC 9113 §6.7", "PING on a stream is PROTOCOL_ERROR.") {
      connection in
      var frame = Frame.ping(0)
      frame.streamID = 1
      connection.send(frame)
      try connection.expectConnectionError(.protocolError)
    },
    Requirement(
      "http2/6.7/4", "RFC 9113 §6.7", "PING that is not 8 bytes long is FRAME_SIZE_ERROR."
    ) { connection in
      connection.send(Frame(.ping, payload: [UInt8](repeating: 0, count: 6)))
      try connection.expectConnectionError(.frameSizeError)
    },
  ]

  private static let goAway = [
    Requirement("http2/6.8/1", "RFC 9113 §6.8", "GOAWAY on a stream is PROTOCOL_ERROR.") {
      connection in
      var frame = Frame.goAway(.noError)
      frame.streamID = 1
      connection.send(frame)
      try connection.expectConnectionError(.protocolError)
    }
  ]

  private static let continuation = [
    Requirement("http2/6.10/1", "RFC 9113 §6.10", "Two CONTINUATIONs after HEADERS are taken.") {
      connection in
      connection.send(
        .headers(1, connection.block(), .endStream),
        .continuation(1, HPACK.block([.filler]), []), .continuation(1, HPACK.block([.filler])))
      try connection.expectResponseHeaders()
    },
    Requirement(
      "http2/6.10/2", "RFC 9113 §6.10", "DATA after an open CONTINUATION is PROTOCOL_ERROR."
    ) { connection in
      connection.send(
        .headers(1, connection.block("POST"), []),
        .continuation(1, HPACK.block([.filler]), []), .data(1, someBody, .endStream))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement("http2/6.10/3", "RFC 9113 §6.10", "CONTINUATION on stream 0 is PROTOCOL_ERROR.") {
      connection in
      connection.send(
        .headers(1, connection.block(), .endStream), .continuation(0, HPACK.block([.filler])))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement(
      "http2/6.10/4", "RFC 9113 §6.10", "CONTINUATION after HEADERS' END_HEADERS: PROTOCOL_ERROR."
    ) { connection in
      connection.send(
        .headers(1, connection.block()), .continuation(1, HPACK.block([.filler])))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement(
      "http2/6.10/5", "RFC 9113 §6.10",
      "CONTINUATION after a CONTINUATION's END_HEADERS: PROTOCOL_ERROR."
    ) { connection in
      connection.send(
        .headers(1, connection.block(), .endStream), .continuation(1, HPACK.block([.filler])),
        .continuation(1, HPACK.block([.filler])))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement("http2/6.10/6", "RFC 9113 §6.10", "CONTINUATION after DATA is PROTOCOL_ERROR.") {
      connection in
      connection.send(
        .headers(1, connection.block("POST"), []), .data(1, someBody, .endStream),
        .continuation(1, HPACK.block([.filler])))
      try connection.expectConnectionError(.protocolError)
    },
  ]
}
