import RawHTTP2

extension Requirement {
  /// WINDOW_UPDATE and the windows (RFC 9113 §6.9).
  static let flowControl = windowUpdate + window + initialWindow

  private static let windowUpdate = [
    Requirement(
      "http2/6.9/1", "RFC 9113 §6.9", "WINDOW_UPDATE by 0 on the connection is PROTOCOL_ERROR."
    ) { connection in
      connection.send(.windowUpdate(0, 0))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement(
      "http2/6.9/2", "RFC 9113 §6.9", "WINDOW_UPDATE by 0 on a stream is PROTOCOL_ERROR."
    ) { connection in
      connection.send(.headers(1, connection.block(), .endHeaders), .windowUpdate(1, 0))
      try connection.expectStreamError(.protocolError)
    },
    Requirement(
      "http2/6.9/3", "RFC 9113 §6.9", "WINDOW_UPDATE not 4 bytes long is FRAME_SIZE_ERROR."
    ) { connection in
      connection.send(Frame(.windowUpdate, payload: [0, 0, 1]))
      try connection.expectConnectionError(.frameSizeError)
    },
  ]

  private static let window = [
    Requirement(
      "http2/6.9.1/1", "RFC 9113 §6.9.1",
      "No more DATA is sent than the stream's window has room for."
    ) { connection in
      try connection.setInitialWindow(1)
      connection.send(.headers(1, connection.block()))
      try connection.expectData(byteCount: 1)
      try connection.expectAlive()
      let dataCount = connection.transcript.count { event in
        if case .data = event { true } else { false }
      }
      guard dataCount == 1 else {
        throw connection.unmet("one byte of DATA only")
      }
    },
    Requirement(
      "http2/6.9.1/2", "RFC 9113 §6.9.1",
      "A connection window above 2^31-1 ends the connection with FLOW_CONTROL_ERROR."
    ) { connection in
      connection.send(.windowUpdate(0, 0x7fff_ffff), .windowUpdate(0, 0x7fff_ffff))
      try connection.expectGoAway(.flowControlError)
    },
    Requirement(
      "http2/6.9.1/3", "RFC 9113 §6.9.1",
      "A stream window above 2^31-1 resets the stream with FLOW_CONTROL_ERROR."
    ) { connection in
      connection.send(
        .headers(1, connection.block(), .endHeaders), .windowUpdate(1, 0x7fff_ffff),
        .windowUpdate(1, 0x7fff_ffff))
      try connection.expectReset(.flowControlError, on: 1)
    },
  ]

  private static let initialWindow = [
    Requirement(
      "http2/6.9.2/1", "RFC 9113 §6.9.2",
      "A new SETTINGS_INITIAL_WINDOW_SIZE counts for streams that are open."
    ) { connection in
      try connection.setInitialWindow(0)
      connection.send(.headers(1, connection.block()))
      try connection.expectResponseHeaders()
      try connection.setInitialWindow(1)
      try connection.expectData(byteCount: 1)
    },
    Requirement(
      "http2/6.9.2/2", "RFC 9113 §6.9.2", "A window can become negative and is kept track of."
    ) { connection in
      try connection.setInitialWindow(3)
      connection.send(.headers(1, connection.block()))
      try connection.expectData(byteCount: 3)
      try connection.setInitialWindow(2)
      connection.send(.windowUpdate(1, 2))
      try connection.expectData(byteCount: 1)
    },
    Requirement(
      "http2/6.9.2/3", "RFC 9113 §6.9.2",
      "An initial window above the maximum ends the connection with FLOW_CONTROL_ERROR."
    ) { connection in
      connection.send(.settings(.initialWindowSize(0x8000_0000)))
      try connection.expectConnectionError(.flowControlError)
    },
  ]
}
