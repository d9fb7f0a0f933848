import RawHTTP2
import Testing

/// A client that stops, or goes on too slowly, at one point of a connection. The server must not
/// wait for it longer than it says, and not less than half of that.
struct TimerProbe: Sendable, CustomTestStringConvertible {
  let id: String
  let sentence: String
  /// How long the server waits.
  let seconds: @Sendable (TargetLimits) -> Double
  /// Brings a connection to the point where it stops.
  let begin: @Sendable (Endpoint) throws -> RawConnection
  /// What the client goes on with, four times a second.
  let drip: @Sendable (RawConnection, _ index: Int) -> Void
  /// Whether ending the stream is enough.
  let mayEndStream: Bool
  /// Whether it is about TLS and needs a server that speaks it.
  let needsTLS: Bool

  init(
    _ id: String, _ sentence: String, seconds: @escaping @Sendable (TargetLimits) -> Double,
    mayEndStream: Bool = false, needsTLS: Bool = false,
    begin: @escaping @Sendable (Endpoint) throws -> RawConnection,
    drip: @escaping @Sendable (RawConnection, Int) -> Void = { _, _ in }
  ) {
    self.id = id
    self.sentence = sentence
    self.seconds = seconds
    self.begin = begin
    self.drip = drip
    self.mayEndStream = mayEndStream
    self.needsTLS = needsTLS
  }

  var testDescription: String { "P-34 \(id): \(sentence)" }

  /// How long the server took to end what `begin` started. Sleeps between looks, so that many
  /// probes wait side by side.
  func run(against endpoint: Endpoint, limits: TargetLimits) async throws -> Double {
    let connection = try begin(endpoint)
    let started = ContinuousClock.now
    let deadline = started + .seconds(seconds(limits) * 1.5 + 2)
    var looks = 0
    while .now < deadline {
      connection.drain()
      if connection.transcript.contains(where: isEnd) {
        return (ContinuousClock.now - started) / .seconds(1)
      }
      if looks % 5 == 4 { drip(connection, looks / 5) }
      looks += 1
      try await Task.sleep(for: .milliseconds(50))
    }
    throw connection.unmet("an end within \(seconds(limits)) seconds")
  }

  /// A goodbye without an error is the way to end an idle connection.
  private func isEnd(_ event: Event) -> Bool {
    switch event {
    case .closed, .goAway: true
    case .reset: mayEndStream
    case .headers(_, let fields, _): mayEndStream && fields.status == 408
    default: false
    }
  }
}

extension TimerProbe {
  /// Those that end in seconds.
  static let all = prefaces + requests + responses
  /// Those that take longer.
  static let long = [
    TimerProbe("idle", "a connection without requests", seconds: \.idleSeconds) {
      try RawConnection(opening: $0)
    },
    TimerProbe("idle/after", "a connection after its last answer", seconds: \.idleSeconds) {
      let connection = try RawConnection(opening: $0)
      try connection.completeRequest()
      return connection
    },
  ]

  private static let prefaces = [
    TimerProbe("preface/none", "nothing at all", seconds: \.prefaceSeconds) {
      try RawConnection(to: $0)
    },
    TimerProbe("preface/half", "half a preface", seconds: \.prefaceSeconds) {
      let connection = try RawConnection(to: $0)
      connection.send(bytes: Array(RawConnection.preface.prefix(12)))
      return connection
    },
    TimerProbe(
      "preface/dripped", "a preface of four bytes a second", seconds: \.prefaceSeconds,
      begin: { try RawConnection(to: $0) },
      drip: { connection, index in
        guard index < RawConnection.preface.count else { return }
        connection.send(bytes: [RawConnection.preface[index]])
      }),
    TimerProbe("preface/no-settings", "a preface without SETTINGS", seconds: \.prefaceSeconds) {
      let connection = try RawConnection(to: $0)
      connection.send(bytes: RawConnection.preface)
      return connection
    },
    TimerProbe(
      "handshake/none", "no ClientHello", seconds: \.handshakeSeconds, needsTLS: true
    ) {
      try RawConnection(to: $0.withoutTLS)
    },
    TimerProbe(
      "handshake/half", "half a ClientHello", seconds: \.handshakeSeconds, needsTLS: true
    ) {
      let connection = try RawConnection(to: $0.withoutTLS)
      connection.send(bytes: [0x16, 0x03, 0x01, 0x01, 0x00, 0x01, 0x00, 0x00, 0xfc, 0x03, 0x03])
      return connection
    },
  ]

  private static let requests = [
    TimerProbe("headers/open", "a header block that never ends", seconds: \.headerBlockSeconds) {
      let connection = try RawConnection(opening: $0)
      connection.send(.headers(1, connection.block(), .endStream))
      return connection
    },
    TimerProbe("headers/cut", "a HEADERS frame that stops halfway", seconds: \.headerBlockSeconds) {
      let connection = try RawConnection(opening: $0)
      var bytes: [UInt8] = []
      Frame.headers(1, connection.block()).append(to: &bytes)
      connection.send(bytes: Array(bytes.prefix(bytes.count / 2)))
      return connection
    },
    TimerProbe(
      "headers/dripped", "a HEADERS frame of four bytes a second", seconds: \.headerBlockSeconds,
      begin: {
        let connection = try RawConnection(opening: $0)
        connection.send(bytes: [0, 16, 0, 1, 5, 0, 0, 0, 1])
        return connection
      }, drip: { connection, _ in connection.send(bytes: [0x82]) }),
    TimerProbe("body/half", "half a body", seconds: \.bodySeconds, mayEndStream: true) {
      try halfBody(to: $0)
    },
    TimerProbe(
      "body/dripped", "a body of four bytes a second", seconds: \.bodySeconds, mayEndStream: true,
      begin: { try halfBody(to: $0) },
      drip: { connection, _ in connection.send(.data(1, [0x20])) }),
    TimerProbe(
      "body/pinged", "half a body, and PINGs", seconds: \.bodySeconds, mayEndStream: true,
      begin: { try halfBody(to: $0) },
      drip: { connection, index in connection.send(.ping(UInt32(index))) }),
  ]

  private static let responses = [
    TimerProbe(
      "response/zero-window", "an answer the window has no room for", seconds: \.stallSeconds,
      mayEndStream: true
    ) {
      let connection = try RawConnection(opening: $0)
      try connection.setInitialWindow(0)
      connection.send(.headers(1, connection.block()))
      return connection
    },
    TimerProbe(
      "response/dripped", "an answer taken at four bytes a second", seconds: \.stallSeconds,
      mayEndStream: true,
      begin: {
        let connection = try RawConnection(opening: $0)
        try connection.setInitialWindow(0)
        connection.send(.headers(1, connection.block()))
        return connection
      }, drip: { connection, _ in connection.send(.windowUpdate(1, 1)) }),
    TimerProbe(
      "response/connection-window", "answers until the connection's window is used up",
      seconds: \.stallSeconds, mayEndStream: true
    ) {
      try usedUpWindow(of: $0)
    },
  ]

  /// Asks one by one until an answer has no room left in the 65,535 bytes of the connection.
  private static func usedUpWindow(of endpoint: Endpoint) throws -> RawConnection {
    let connection = try RawConnection(opening: endpoint)
    var room = 65_535
    var streamID: UInt32 = 1
    connection.send(.headers(streamID, connection.block()))
    let bodyByteCount = try connection.expectResponse(on: streamID).bodyByteCount
    room -= bodyByteCount
    while room >= bodyByteCount, bodyByteCount > 0 {
      streamID += 2
      connection.send(.headers(streamID, connection.block()))
      try connection.expectResponse(on: streamID)
      room -= bodyByteCount
    }
    connection.send(.headers(streamID + 2, connection.block()))
    return connection
  }

  private static func halfBody(to endpoint: Endpoint) throws -> RawConnection {
    let connection = try RawConnection(opening: endpoint)
    let length = HeaderField("content-length", "1000")
    connection.send(
      .headers(1, connection.block("POST", adding: length), .endHeaders), .data(1, someBody))
    return connection
  }
}

extension Endpoint {
  /// The same port without TLS.
  fileprivate var withoutTLS: Endpoint {
    var endpoint = self
    endpoint.tls = nil
    return endpoint
  }
}
