import RawHTTP2

extension Requirement {
  /// What any client of today does must simply work.
  static let generic =
    genericConnection + genericStreams + genericFrames + genericMessages
    + genericFields

  private static let genericConnection = [
    Requirement(
      "generic/1/1", "RFC 9113 §3.4", "The server's first frame is SETTINGS.",
      opensConnection: false
    ) { connection in
      connection.send(bytes: RawConnection.preface)
      connection.send(.settings(.initialWindowSize(65_535)))
      var isFirst = true
      try connection.expect("SETTINGS before anything else") { event in
        defer { isFirst = false }
        if case .settings = event { return isFirst }
        return false
      }
    }
  ]

  private static let genericStreams = [
    Requirement("generic/2/1", "RFC 9113 §5.1", "PRIORITY is taken on an idle stream.") {
      connection in
      connection.send(.priority(1))
      try connection.expectAlive()
    },
    Requirement(
      "generic/2/2", "RFC 9113 §5.1", "WINDOW_UPDATE is taken on a half-closed (remote) stream."
    ) { connection in
      try connection.setInitialWindow(0)
      connection.send(.headers(1, connection.block()), .windowUpdate(1, 1))
      try connection.expectData(byteCount: 1)
    },
    Requirement(
      "generic/2/3", "RFC 9113 §5.1", "PRIORITY is taken on a half-closed (remote) stream."
    ) { connection in
      try connection.setInitialWindow(0)
      connection.send(.headers(1, connection.block()), .priority(1), .windowUpdate(1, 1))
      try connection.expectData(byteCount: 1)
    },
    Requirement(
      "generic/2/4", "RFC 9113 §5.1", "RST_STREAM is taken on a half-closed (remote) stream."
    ) { connection in
      connection.send(.headers(1, connection.block()), .rstStream(1))
      try connection.expectAlive()
    },
    Requirement("generic/2/5", "RFC 9113 §5.1", "PRIORITY is taken on a closed stream.") {
      connection in
      try connection.completeRequest()
      connection.send(.priority(1))
      try connection.expectAlive()
    },
  ]

  private static let genericFrames =
    genericPriorities + [
      Requirement("generic/3.1/1", "RFC 9113 §6.1", "A DATA frame is taken.") { connection in
        connection.send(
          .headers(1, connection.block("POST"), .endHeaders), .data(1, someBody, .endStream))
        try connection.expectResponseHeaders()
      },
      Requirement("generic/3.1/2", "RFC 9113 §6.1", "Several DATA frames are taken.") {
        connection in
        connection.send(
          .headers(1, connection.block("POST"), .endHeaders), .data(1, someBody),
          .data(1, someBody, .endStream))
        try connection.expectResponseHeaders()
      },
      Requirement("generic/3.1/3", "RFC 9113 §6.1", "A padded DATA frame is taken.") { connection in
        connection.send(
          .headers(1, connection.block("POST"), .endHeaders),
          .data(1, someBody, .endStream, padding: 6))
        try connection.expectResponseHeaders()
      },
      Requirement("generic/3.2/1", "RFC 9113 §6.2", "A HEADERS frame is taken.") { connection in
        connection.send(.headers(1, connection.block()))
        try connection.expectResponseHeaders()
      },
      Requirement("generic/3.2/2", "RFC 9113 §6.2", "A padded HEADERS frame is taken.") {
        connection in
        connection.send(.headers(1, connection.block(), padding: 8))
        try connection.expectResponseHeaders()
      },
      Requirement("generic/3.2/3", "RFC 9113 §6.2", "HEADERS may carry a priority.") { connection in
        connection.send(.headers(1, connection.block(), priority: Priority()))
        try connection.expectResponseHeaders()
      },
      Requirement("generic/3.4/1", "RFC 9113 §6.4", "RST_STREAM is taken.") { connection in
        connection.send(.headers(1, connection.block("POST"), .endHeaders), .rstStream(1))
        try connection.expectAlive()
      },
      Requirement("generic/3.5/1", "RFC 9113 §6.5", "SETTINGS is acknowledged.") { connection in
        connection.send(.settings(.initialWindowSize(65_535)))
        try connection.expectSettingsAcknowledged()
      },
      Requirement("generic/3.7/1", "RFC 9113 §6.7", "PING is answered.") { connection in
        connection.send(.ping(0))
        try connection.expectPingAcknowledged(0)
      },
      Requirement("generic/3.8/1", "RFC 9113 §6.8", "GOAWAY is taken.") { connection in
        connection.send(.goAway(.noError), .ping(1))
        try connection.expect("PING(1, ACK) or close") { event in
          event == .pingAcknowledged(1) || event == .closed
        }
      },
      Requirement(
        "generic/3.9/1", "RFC 9113 §6.9", "WINDOW_UPDATE is taken for the connection."
      ) { connection in
        connection.send(.windowUpdate(0, 1))
        try connection.expectAlive()
      },
      Requirement(
        "generic/3.9/2", "RFC 9113 §6.9", "WINDOW_UPDATE is taken for a stream."
      ) { connection in
        try connection.setInitialWindow(0)
        connection.send(.headers(1, connection.block()), .windowUpdate(1, 1))
        try connection.expectData(byteCount: 1)
      },
      Requirement("generic/3.10/1", "RFC 9113 §6.10", "A CONTINUATION is taken.") { connection in
        connection.send(
          .headers(1, connection.block(), .endStream),
          .continuation(1, HPACK.block([.filler])))
        try connection.expectResponseHeaders()
      },
      Requirement("generic/3.10/2", "RFC 9113 §6.10", "Several CONTINUATIONs are taken.") {
        connection in
        connection.send(
          .headers(1, connection.block(), .endStream),
          .continuation(1, HPACK.block([.filler]), []),
          .continuation(1, HPACK.block([.filler])))
        try connection.expectResponseHeaders()
      },
    ]

  private static let genericPriorities: [Requirement] = {
    let signals: [(String, UInt32, Priority)] = [
      ("with the least weight", 1, Priority(weightByte: 0)),
      ("with the greatest weight", 1, Priority(weightByte: 255)),
      ("that depends on another stream", 3, Priority(on: 1, weightByte: 0)),
      ("that is exclusive", 1, Priority(isExclusive: true, weightByte: 0)),
      ("for an idle stream above the next request's", 3, Priority()),
    ]
    return signals.enumerated().map { index, signal in
      let (what, streamID, priority) = signal
      return Requirement(
        "generic/3.3/\(index + 1)", "RFC 9113 §6.3", "PRIORITY \(what) is taken."
      ) { connection in
        connection.send(.priority(streamID, priority), .headers(1, connection.block()))
        try connection.expectResponseHeaders()
      }
    }
  }()

  private static let genericMessages = [
    Requirement("generic/4/1", "RFC 9113 §8.1", "GET is answered.") { connection in
      connection.send(.headers(1, connection.block()))
      try connection.expectResponse()
    },
    Requirement("generic/4/2", "RFC 9113 §8.1", "HEAD is answered, without a body.") { connection in
      connection.send(.headers(1, connection.block("HEAD")))
      let response = try connection.expectResponse()
      guard response.bodyByteCount == 0 else {
        throw connection.unmet("no body")
      }
    },
    Requirement("generic/4/3", "RFC 9113 §8.1", "POST is answered.") { connection in
      connection.send(
        .headers(1, connection.block("POST"), .endHeaders), .data(1, someBody, .endStream))
      try connection.expectResponse()
    },
    Requirement("generic/4/4", "RFC 9113 §8.1", "POST with trailers is answered.") { connection in
      connection.send(
        .headers(1, connection.block("POST", adding: HeaderField("trailer", "x-end")), .endHeaders),
        .data(1, someBody), .headers(1, HPACK.literal("x-end", "yes")))
      try connection.expectResponse()
    },
  ]

  private static let genericFields: [Requirement] = {
    let kinds: [(String, String, HPACK.Indexing)] = [
      ("with incremental indexing", "6.2.1", .incremental),
      ("without indexing", "6.2.2", .without), ("never indexed", "6.2.3", .never),
    ]
    var forms = [("An indexed field", "6.1", HPACK.indexed(58))]
    for (kind, section, indexing) in kinds {
      for huffman in [false, true] {
        let coding = huffman ? ", Huffman coded" : ""
        forms.append(
          (
            "A literal field \(kind), name from the table\(coding),", section,
            HPACK.literal(nameIndex: 58, "raw", indexing, huffman: huffman)
          ))
        forms.append(
          (
            "A literal field \(kind), new name\(coding),", section,
            HPACK.literal("x-new", "raw", indexing, huffman: huffman)
          ))
      }
    }
    let fields = forms.enumerated().map { index, form in
      let (what, section, bytes) = form
      return Requirement("generic/5/\(index + 1)", "RFC 7541 §\(section)", "\(what) is taken.") {
        connection in
        connection.send(.headers(1, connection.block() + bytes))
        try connection.expectResponseHeaders()
      }
    }
    return fields + [
      Requirement(
        "generic/5/14", "RFC 7541 §6.3", "A table size update is taken at the start of a block."
      ) { connection in
        connection.send(.headers(1, HPACK.tableSizeUpdate(0) + connection.block()))
        try connection.expectResponseHeaders()
      },
      Requirement(
        "generic/5/15", "RFC 7541 §4.2", "Two table size updates are taken at the start of a block."
      ) { connection in
        let updates = HPACK.tableSizeUpdate(0) + HPACK.tableSizeUpdate(4_096)
        connection.send(.headers(1, updates + connection.block()))
        try connection.expectResponseHeaders()
      },
    ]
  }()
}
