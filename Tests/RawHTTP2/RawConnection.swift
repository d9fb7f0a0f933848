/// Where a raw client connects and what it asks for.
package struct Endpoint: Sendable {
  /// A numeric IPv4 or IPv6 address.
  package var address: String
  package var port: UInt16
  /// With TLS: the file of the CA that must have signed the server's certificate, and the name in
  /// it.
  package var tls: TLS?
  /// A path that GET answers with a body of at least five bytes, whatever the status.
  package var path: String

  /// How to check the server, and the certificate to show it, if any.
  package struct TLS: Sendable {
    package var caFile: String
    package var serverName: String
    package var certificateFile: String?
    package var keyFile: String?

    package init(
      caFile: String, serverName: String = "localhost", certificateFile: String? = nil,
      keyFile: String? = nil
    ) {
      self.caFile = caFile
      self.serverName = serverName
      self.certificateFile = certificateFile
      self.keyFile = keyFile
    }
  }

  package init(address: String, port: UInt16, tls: TLS? = nil, path: String = "/") {
    self.address = address
    self.port = port
    self.tls = tls
    self.path = path
  }

  /// The pseudo-header fields of a request, in the usual order.
  package func fields(method: String = "GET", path: String? = nil) -> [HeaderField] {
    [
      HeaderField(":method", method), HeaderField(":scheme", tls == nil ? "http" : "https"),
      HeaderField(":path", path ?? self.path),
      HeaderField(":authority", "\(tls?.serverName ?? address):\(port)"),
    ]
  }
}

/// An HTTP/2 client that says exactly what it is told, right or wrong, and reports what came back.
///
/// One thread uses it at a time; its calls block until a deadline. It acknowledges SETTINGS and
/// answers PINGs as long as `isPolite`, and never replenishes flow control by itself.
package final class RawConnection {
  /// The 24 bytes a client begins with (RFC 9113 §3.4).
  package static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  /// How long to wait for anything before giving up.
  package static let patience: Duration = .seconds(2)

  package let endpoint: Endpoint
  /// What the server announced last, by identifier.
  package private(set) var peerSettings: [UInt16: UInt32] = [:]
  /// Whether SETTINGS are acknowledged and PINGs answered, once prefaces are being exchanged.
  package var isPolite = true
  /// Everything the peer did, for messages of failed tests.
  package private(set) var transcript: [Event] = []

  private var transport: Transport
  private var frames = FrameReader()
  private var events = EventReader()
  private var hasGreeted = false
  private var lastFence: UInt32 = 0x4643_0000

  /// Connects, and with TLS completes the handshake; sends nothing of HTTP/2 yet.
  package init(
    to endpoint: Endpoint, receiveBufferBytes: Int? = nil
  ) throws {
    self.endpoint = endpoint
    transport = try Transport(to: endpoint, receiveBufferBytes: receiveBufferBytes)
  }

  /// Connects and exchanges the prefaces (RFC 9113 §3.4).
  package convenience init(
    opening endpoint: Endpoint, receiveBufferBytes: Int? = nil
  ) throws {
    try self.init(to: endpoint, receiveBufferBytes: receiveBufferBytes)
    try exchangePrefaces()
  }

  /// Sends the client's preface with empty SETTINGS and waits for the server's and for its ACK.
  package func exchangePrefaces() throws {
    send(bytes: Self.preface)
    send(.settings())
    hasGreeted = true
    try expect("SETTINGS and the ACK of ours") { $0 == .settingsAcknowledged }
  }

  /// Whether the peer has closed or reset the connection, found out without reading.
  package var isEndedByPeer: Bool { transport.isEndedByPeer }

  /// Sends frames in one write. `false` when the peer has gone or takes nothing for `patience`.
  @discardableResult
  package func send(_ frames: Frame...) -> Bool {
    var bytes: [UInt8] = []
    for frame in frames { frame.append(to: &bytes) }
    return send(bytes: bytes)
  }

  /// Sends bytes that need not be a frame.
  @discardableResult
  package func send(bytes: [UInt8], within duration: Duration = patience) -> Bool {
    transport.send(bytes, until: .now + duration)
  }

  /// Says that nothing more will be sent.
  package func finishSending() { transport.finishSending() }

  /// The next thing the peer did, or `.quiet` when `deadline` passes first.
  package func nextEvent(until deadline: ContinuousClock.Instant) -> Event {
    if transcript.last == .closed { return .closed }
    while true {
      while let frame = frames.next() {
        guard let event = events.event(for: frame) else { continue }
        record(event)
        return event
      }
      var received: [UInt8] = []
      switch transport.receive(into: &received, until: deadline) {
      case .bytes: frames.append(received)
      case .nothingYet: return .quiet
      case .finished, .reset:
        record(.closed)
        return .closed
      }
    }
  }

  /// A number for a PING no other fence of this connection uses.
  package func nextFence() -> UInt32 {
    lastFence += 1
    return lastFence
  }

  private func record(_ event: Event) {
    transcript.append(event)
    switch event {
    case .settings(let settings):
      for setting in settings { peerSettings[setting.id] = setting.value }
      if isPolite, hasGreeted { send(.settingsAcknowledgement) }
    case .ping(let number) where isPolite && hasGreeted: send(.ping(number, .acknowledge))
    default: break
    }
  }
}

extension RawConnection {
  /// The header block of a request to the endpoint's path, leaving the dynamic table alone.
  package func block(
    _ method: String = "GET", adding fields: HeaderField...
  ) -> [UInt8] {
    HPACK.block(endpoint.fields(method: method) + fields)
  }
}
