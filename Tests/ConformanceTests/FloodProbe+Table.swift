import RawHTTP2

extension FloodProbe {
  static let all = resets + madeYouResets + control + frames + blocks

  private static func request(_ index: UInt32) -> UInt32 { 2 * index + 1 }

  /// A quarter more than the bucket holds leaves room for what it regains meanwhile.
  private static func glitches(_ weight: Double) -> @Sendable (TargetLimits) -> Int {
    { Int(Double($0.glitchBurst) / weight * 1.25) }
  }

  private static func half(
    of unitsMax: @escaping @Sendable (TargetLimits) -> Int
  ) -> @Sendable (TargetLimits) -> Int {
    { unitsMax($0) / 3 }
  }

  private static let resets = [
    FloodProbe(
      "reset/rapid", "P-31", "requests reset at once",
      tolerated: { $0.resetBurst / 2 }, max: { $0.resetBurst * 3 / 2 }
    ) { connection, index in
      [.headers(request(index), connection.block()), .rstStream(request(index))]
    },
    FloodProbe(
      "reset/unfinished", "P-31", "requests reset before they are complete",
      tolerated: { $0.resetBurst / 2 }, max: { $0.resetBurst * 3 / 2 }
    ) { connection, index in
      [
        .headers(request(index), connection.block("POST"), .endHeaders),
        .rstStream(request(index), .noError),
      ]
    },
  ]

  /// Ways to make the server reset streams by itself (CVE-2025-8671).
  private static let madeYouResets = [
    makesReset("window-overflow", "stream windows above 2^31-1") { connection, streamID in
      [
        .headers(streamID, connection.block("POST"), .endHeaders),
        .windowUpdate(streamID, 0x7fff_ffff), .windowUpdate(streamID, 0x7fff_ffff),
      ]
    },
    makesReset("window-zero", "WINDOW_UPDATE by 0", tolerates: false) { connection, streamID in
      [
        .headers(streamID, connection.block("POST"), .endHeaders), .windowUpdate(streamID, 0),
      ]
    },
    makesReset("half-closed", "DATA after END_STREAM", tolerates: false) { connection, streamID in
      [.headers(streamID, connection.block("POST")), .data(streamID, someBody)]
    },
    makesReset("priority-size", "PRIORITY of 4 bytes", tolerates: false) { connection, streamID in
      [
        .headers(streamID, connection.block("POST"), .endHeaders),
        Frame(.priority, streamID: streamID, payload: [0, 0, 0, 0]),
      ]
    },
    makesReset("priority-self", "PRIORITY on itself", tolerates: false) { connection, streamID in
      [
        .headers(streamID, connection.block("POST"), .endHeaders),
        .priority(streamID, Priority(on: streamID)),
      ]
    },
    makesReset("content-length", "bodies that belie their content-length") {
      connection, streamID in
      let length = HeaderField("content-length", "1")
      return [
        .headers(streamID, connection.block("POST", adding: length), .endHeaders),
        .data(streamID, someBody, .endStream),
      ]
    },
    makesReset("field-name", "upper-case field names") { connection, streamID in
      [.headers(streamID, connection.block("GET", adding: HeaderField("X-UPPER", "yes")))]
    },
    makesReset("pseudo-field", "unknown pseudo-header fields") { connection, streamID in
      [.headers(streamID, connection.block("GET", adding: HeaderField(":unknown", "yes")))]
    },
    refused("refused", "above the number of concurrent streams", isPolite: true),
    refused("refused-early", "above a number not yet acknowledged", isPolite: false),
  ]

  /// Before the client acknowledges the number the server can only refuse; afterwards it may call
  /// the excess an error of the connection.
  private static func refused(_ id: String, _ what: String, isPolite: Bool) -> FloodProbe {
    FloodProbe(
      "made-you-reset/\(id)", "P-32", "requests \(what)",
      tolerated: { isPolite ? 0 : $0.glitchBurst / 2 }, max: glitches(1), isPolite: isPolite,
      begin: { connection, limits in
        try connection.setInitialWindow(0)
        for index in 0..<limits.streamsMax {
          connection.send(.headers(request(index), connection.block()))
          if index % 16 == 15 { connection.drain() }
        }
        try connection.expectAlive()
      },
      unit: { connection, index in
        [.headers(request(index) + 2_000, connection.block())]
      })
  }

  private static func makesReset(
    _ id: String, _ what: String, tolerates: Bool = true,
    unit: @escaping @Sendable (RawConnection, UInt32) -> [Frame]
  ) -> FloodProbe {
    FloodProbe(
      "made-you-reset/\(id)", "P-32", what, tolerated: { tolerates ? $0.glitchBurst / 2 : 0 },
      max: glitches(1)
    ) { connection, index in unit(connection, request(index)) }
  }

  /// Frames of the connection, which cost a quarter each.
  private static let control = [true, false].flatMap { reads in
    let manner = reads ? "read" : "unread"
    return [
      FloodProbe(
        "ping/\(manner)", "P-32", "PINGs, their answers \(manner)",
        tolerated: half(of: glitches(0.25)), max: glitches(0.25), reads: reads
      ) { _, index in [.ping(index)] },
      FloodProbe(
        "settings/\(manner)", "P-32", "SETTINGS, their ACKs \(manner)",
        tolerated: half(of: glitches(0.25)), max: glitches(0.25), reads: reads
      ) { _, _ in [.settings(.initialWindowSize(65_535))] },
      FloodProbe(
        "settings/table-size/\(manner)", "P-33", "changes of the table's size, ACKs \(manner)",
        tolerated: half(of: glitches(0.25)), max: glitches(0.25), reads: reads
      ) { _, index in [.settings(.headerTableSize(index % 2 == 0 ? 0 : 4_096))] },
    ]
  }

  private static let frames = [
    FloodProbe(
      "settings/entries", "P-32", "SETTINGS of 100 entries", tolerated: { _ in 0 },
      max: { _ in 8 }
    ) { _, _ in
      var frame = Frame.settings(.initialWindowSize(65_535))
      frame.payload = Array([[UInt8]](repeating: frame.payload, count: 100).joined())
      return [frame]
    },
    FloodProbe(
      "priority", "P-32", "PRIORITY for streams that never open",
      tolerated: half(of: glitches(0.25)), max: glitches(0.25)
    ) { _, index in [.priority(request(index), Priority(on: request(index) + 2))] },
    FloodProbe(
      "data/empty", "P-32", "empty DATA frames", tolerated: half(of: glitches(0.25)),
      max: glitches(0.25),
      begin: { connection, _ in
        connection.send(.headers(1, connection.block("POST"), .endHeaders))
      }, unit: { _, _ in [.data(1, [])] }),
    FloodProbe(
      "data/padding", "P-32", "DATA frames of padding only", tolerated: { _ in 0 },
      max: glitches(0.25),
      begin: { connection, _ in
        connection.send(.headers(1, connection.block("POST"), .endHeaders))
      }, unit: { _, _ in [.data(1, [], padding: 0)] }),
    FloodProbe(
      "window-update/connection", "P-32", "WINDOW_UPDATEs nobody needs",
      tolerated: half(of: glitches(0.25)), max: glitches(0.25)
    ) { _, _ in [.windowUpdate(0, 1)] },
    FloodProbe(
      "window-update/stream", "P-32", "WINDOW_UPDATEs a stream does not need",
      tolerated: half(of: glitches(0.25)), max: glitches(0.25),
      begin: { connection, _ in
        connection.send(.headers(1, connection.block("POST"), .endHeaders))
      }, unit: { _, _ in [.windowUpdate(1, 1)] }),
    FloodProbe(
      "unknown/count", "P-32", "empty frames of unknown type",
      tolerated: { $0.unknownFramesBurst / 2 }, max: { $0.unknownFramesBurst * 5 / 4 }
    ) { _, _ in [Frame(FrameKind(rawValue: 0xf0))] },
    FloodProbe(
      "unknown/bytes", "P-32", "full frames of unknown type", tolerated: { _ in 1 },
      max: { $0.unknownBytesBurst / Frame.payloadBytesMax * 5 / 4 }
    ) { _, _ in
      let payload = [UInt8](repeating: 0, count: Frame.payloadBytesMax)
      return [Frame(FrameKind(rawValue: 0xf0), payload: payload)]
    },
  ]

  /// A header block that never ends. No PING may come inside, so nothing is known before the end.
  private static let blocks = [("empty", [UInt8]()), ("small", HPACK.literal("x-a", "b"))].map {
    id, fragment in
    FloodProbe(
      "continuation/\(id)", "P-32", "CONTINUATIONs that are \(id)", tolerated: { _ in 0 },
      max: { _ in 16 },
      begin: { connection, _ in
        connection.send(.headers(1, connection.block(), .endStream))
      }, unit: { _, _ in [.continuation(1, fragment, [])] })
  }
}
