import RawHTTP2

extension Requirement {
  /// Prefaces, the form of frames, their size, header blocks, the end of connections, extensions.
  static let connection =
    prefaces + frameForm + frameSize + headerBlocks + connectionErrors
    + extensions

  private static let prefaces = [
    Requirement(
      "http2/3.5/1", "RFC 9113 §3.4", "The server sends SETTINGS as its preface.",
      opensConnection: false
    ) { connection in
      connection.send(bytes: RawConnection.preface)
      connection.send(.settings(.initialWindowSize(65_535)))
      try connection.expect("SETTINGS") { event in
        if case .settings = event { true } else { false }
      }
    },
    Requirement(
      "http2/3.5/2", "RFC 9113 §3.4", "A wrong preface ends the connection.",
      opensConnection: false
    ) { connection in
      connection.send(bytes: Array("NOT THE PREFACE OF HTTP/2\r\n\r\n".utf8))
      try connection.expectClosed()
    },
  ]

  private static let unknownFrame = Frame(
    FrameKind(rawValue: 0x16), payload: [UInt8](repeating: 0, count: 8))

  private static let frameForm = [
    Requirement("http2/4.1/1", "RFC 9113 §4.1", "A frame of unknown type is ignored.") {
      connection in
      connection.send(unknownFrame)
      try connection.expectAlive()
    },
    Requirement("http2/4.1/2", "RFC 9113 §4.1", "Undefined flags are ignored.") { connection in
      connection.send(.ping(7, FrameFlags(rawValue: 0x16)))
      try connection.expectPingAcknowledged(7)
    },
    Requirement("http2/4.1/3", "RFC 9113 §4.1", "The reserved bit is ignored.") { connection in
      var ping = Frame.ping(7)
      ping.streamID = 0x8000_0000
      connection.send(ping)
      try connection.expectPingAcknowledged(7)
    },
  ]

  private static let frameSize = [
    Requirement("http2/4.2/1", "RFC 9113 §4.2", "2^14 bytes of DATA are taken.") { connection in
      let body = [UInt8](repeating: 0x61, count: Frame.payloadBytesMax)
      connection.send(
        .headers(1, connection.block("POST"), .endHeaders), .data(1, body, .endStream))
      try connection.expectResponseHeaders()
    },
    Requirement(
      "http2/4.2/2", "RFC 9113 §4.2", "DATA above SETTINGS_MAX_FRAME_SIZE is FRAME_SIZE_ERROR."
    ) { connection in
      let body = [UInt8](repeating: 0x61, count: connection.peerFramePayloadBytesMax + 1)
      connection.send(
        .headers(1, connection.block("POST"), .endHeaders), .data(1, body, .endStream))
      try connection.expectStreamError(.frameSizeError)
    },
    Requirement(
      "http2/4.2/3", "RFC 9113 §4.2",
      "HEADERS above SETTINGS_MAX_FRAME_SIZE end the connection with FRAME_SIZE_ERROR."
    ) { connection in
      var block = connection.block()
      while block.count <= connection.peerFramePayloadBytesMax {
        block += HPACK.block([.filler])
      }
      connection.send(.headers(1, block))
      try connection.expectConnectionError(.frameSizeError)
    },
  ]

  private static let headerBlocks = [
    Requirement(
      "http2/4.3/1", "RFC 9113 §4.3",
      "A header block that cannot be decoded ends the connection with COMPRESSION_ERROR."
    ) { connection in
      connection.send(.headers(1, [HPACK.Indexing.incremental.rawValue]))
      try connection.expectConnectionError(.compressionError)
    },
    Requirement(
      "http2/4.3/2", "RFC 9113 §4.3", "PRIORITY inside a header block is PROTOCOL_ERROR."
    ) { connection in
      connection.send(
        .headers(1, connection.block(), []), .priority(1),
        .continuation(1, HPACK.block([.filler])))
      try connection.expectConnectionError(.protocolError)
    },
    Requirement(
      "http2/4.3/3", "RFC 9113 §4.3",
      "HEADERS of another stream inside a header block are PROTOCOL_ERROR."
    ) { connection in
      connection.send(
        .headers(1, connection.block(), []), .headers(3, connection.block()),
        .continuation(1, HPACK.block([.filler])))
      try connection.expectConnectionError(.protocolError)
    },
  ]

  /// A PING on a stream, which is PROTOCOL_ERROR (§6.7).
  private static let misplacedPing = Frame(
    .ping, streamID: 3, payload: [UInt8](repeating: 0, count: 8))

  private static let connectionErrors = [
    Requirement(
      "http2/5.4.1/1", "RFC 9113 §5.4.1", "After a connection error the server closes TCP."
    ) { connection in
      connection.send(misplacedPing)
      try connection.expectClosed()
    },
    Requirement(
      "http2/5.4.1/2", "RFC 9113 §5.4.1", "Before it closes, the server says GOAWAY and why."
    ) { connection in
      connection.send(misplacedPing)
      try connection.expectGoAway(.protocolError)
    },
  ]

  private static let extensions = [
    Requirement("http2/5.5/1", "RFC 9113 §5.5", "An extension frame is ignored.") { connection in
      connection.send(unknownFrame)
      try connection.expectAlive()
    },
    Requirement(
      "http2/5.5/2", "RFC 9113 §5.5", "An extension frame inside a header block is PROTOCOL_ERROR."
    ) { connection in
      connection.send(.headers(1, connection.block(), .endStream), unknownFrame)
      try connection.expectConnectionError(.protocolError)
    },
  ]
}

extension RawConnection {
  /// The largest frame payload the server takes.
  var peerFramePayloadBytesMax: Int { peerSettings[5].map(Int.init) ?? Frame.payloadBytesMax }
}
