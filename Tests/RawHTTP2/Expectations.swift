/// A reaction the peer owed and did not show.
package struct Unmet: Error, CustomStringConvertible {
  package let expected: String
  package let transcript: [Event]

  package var description: String {
    let seen = transcript.suffix(12).map(\.description).joined(separator: ", ")
    return "expected \(expected); the peer did: \(seen.isEmpty ? "nothing" : seen)"
  }
}

/// A response as far as it matters here.
package struct RawResponse: Equatable, Sendable {
  package var status: Int
  package var fields: [HeaderField]
  package var bodyByteCount: Int
}

extension RawConnection {
  /// Reads until `isMet` holds for an event; anything else is passed over. Fails when the
  /// connection ends or time runs out first.
  @discardableResult
  package func expect(
    _ expected: String, within duration: Duration = patience, _ isMet: (Event) -> Bool
  ) throws -> Event {
    let deadline = ContinuousClock.now + duration
    while true {
      let event = nextEvent(until: deadline)
      if isMet(event) { return event }
      if event == .closed || event == .quiet { throw unmet(expected) }
    }
  }

  /// Reads until `verdict` decides about an event. When the peer falls silent, two PINGs in a row
  /// prove that it has read and answered all before them, so that an owed reaction can be called
  /// missing at once.
  package func expectReaction(
    _ expected: String, _ verdict: (Event) -> Bool?
  ) throws {
    let deadline = ContinuousClock.now + Self.patience
    var fencesLeft = 2
    var fence: UInt32?
    while true {
      let quietAt = ContinuousClock.now + .milliseconds(50)
      let event = nextEvent(until: fence == nil ? min(deadline, quietAt) : deadline)
      if let isMet = verdict(event) {
        if isMet { return }
        throw unmet(expected)
      }
      switch event {
      case .quiet where fence == nil && .now < deadline: fence = sendFence()
      case .pingAcknowledged(let number) where number == fence:
        fencesLeft -= 1
        if fencesLeft == 0 { throw unmet(expected) }
        fence = sendFence()
      case .quiet, .closed: throw unmet(expected)
      default: break
      }
    }
  }

  /// The connection ends with one of `codes` in GOAWAY, or is just closed (RFC 9113 §5.4.1).
  package func expectConnectionError(_ codes: ErrorCode...) throws {
    try expectReaction("GOAWAY \(codes) or close") { event in
      switch event {
      case .goAway(_, let code): codes.contains(code)
      case .closed: true
      default: nil
      }
    }
  }

  /// The stream is reset with one of `codes`; making it a connection error is allowed
  /// (RFC 9113 §5.4.2).
  package func expectStreamError(_ codes: ErrorCode..., on streamID: UInt32 = 1) throws {
    try expectReaction("RST_STREAM or GOAWAY \(codes) or close") { event in
      switch event {
      case .goAway(_, let code): codes.contains(code)
      case .reset(streamID, let code): codes.contains(code)
      case .closed: true
      default: nil
      }
    }
  }

  /// The peer closes the TCP connection.
  package func expectClosed(within duration: Duration = patience) throws {
    try expect("close", within: duration) { $0 == .closed }
  }

  /// The peer says GOAWAY with exactly this code.
  package func expectGoAway(_ code: ErrorCode) throws {
    try expectReaction("GOAWAY \(code)") { event in
      if case .goAway(_, let actual) = event { actual == code } else { nil }
    }
  }

  /// The peer resets this stream with one of `codes` and keeps the connection.
  package func expectReset(_ codes: ErrorCode..., on streamID: UInt32) throws {
    try expectReaction("RST_STREAM(\(streamID)) \(codes)") { event in
      switch event {
      case .reset(streamID, let code): codes.contains(code)
      case .goAway, .closed: false
      default: nil
      }
    }
  }

  /// The peer answers this PING.
  package func expectPingAcknowledged(_ number: UInt32) throws {
    try expect("PING(\(number), ACK)") { $0 == .pingAcknowledged(number) }
  }

  /// The peer acknowledges SETTINGS.
  package func expectSettingsAcknowledged() throws {
    try expect("SETTINGS(ACK)") { $0 == .settingsAcknowledged }
  }

  /// The connection is alive: a PING sent now comes back, and no GOAWAY comes before it.
  package func expectAlive() throws {
    let fence = sendFence()
    try expect("PING(\(fence), ACK) without GOAWAY") { event in
      event == .pingAcknowledged(fence)
    }
    guard !transcript.contains(where: \.isGoAway) else { throw unmet("no GOAWAY") }
  }

  /// The first header block of a final response on the stream.
  @discardableResult
  package func expectResponseHeaders(on streamID: UInt32 = 1) throws -> Int {
    let event = try expect("response HEADERS on stream \(streamID)") { event in
      guard case .headers(streamID, let fields, _) = event else { return false }
      return (fields.status ?? 0) >= 200
    }
    guard case .headers(_, let fields, _) = event else { return 0 }
    return fields.status ?? 0
  }

  /// The next DATA frame of the stream has exactly this many bytes.
  package func expectData(byteCount: Int, on streamID: UInt32 = 1) throws {
    let event = try expect("DATA(\(streamID), \(byteCount) bytes)") { event in
      if case .data(streamID, _, _) = event { true } else { false }
    }
    guard case .data(_, byteCount, _) = event else {
      throw unmet("DATA(\(streamID), \(byteCount) bytes)")
    }
  }

  /// A whole response, after which the stream is closed from both ends if the request was complete.
  @discardableResult
  package func expectResponse(
    on streamID: UInt32 = 1, within duration: Duration = patience
  ) throws -> RawResponse {
    var response = RawResponse(status: 0, fields: [], bodyByteCount: 0)
    try expect("a whole response on stream \(streamID)", within: duration) { event in
      switch event {
      case .headers(streamID, let fields, let endsStream):
        if let status = fields.status { (response.status, response.fields) = (status, fields) }
        return endsStream
      case .data(streamID, let byteCount, let endsStream):
        response.bodyByteCount += byteCount
        return endsStream
      default: return false
      }
    }
    return response
  }

  private func sendFence() -> UInt32 {
    let fence = nextFence()
    send(.ping(fence))
    return fence
  }

  /// The error to throw when the peer did not do what was expected.
  package func unmet(_ expected: String) -> Unmet {
    Unmet(expected: expected, transcript: transcript)
  }
}

extension Event {
  /// Whether the peer announced the connection's end.
  package var isGoAway: Bool {
    if case .goAway = self { true } else { false }
  }
}
