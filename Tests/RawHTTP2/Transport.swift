internal import Security

/// Carries bytes over TCP, in the clear or through TLS.
struct Transport: ~Copyable {
  private let socket: Socket
  private var tls: TLSSession?

  init(to endpoint: Endpoint, receiveBufferBytes: Int?) throws {
    let socket = try Socket(
      address: endpoint.address, port: endpoint.port, receiveBufferBytes: receiveBufferBytes)
    tls = try endpoint.tls.map { try Self.secure(socket, for: $0) }
    self.socket = socket
  }

  var isEndedByPeer: Bool { socket.isEndedByPeer }

  /// `false` when the peer has gone or takes nothing until `deadline`.
  mutating func send(_ bytes: [UInt8], until deadline: ContinuousClock.Instant) -> Bool {
    guard tls != nil else { return socket.send(bytes, until: deadline) == .all }
    var output: [UInt8] = []
    guard (try? tls!.write(bytes.span)) != nil else { return false }
    tls!.takeOutput(into: &output)
    return socket.send(output, until: deadline) == .all
  }

  mutating func receive(
    into bytes: inout [UInt8], until deadline: ContinuousClock.Instant
  ) -> Socket.Received {
    guard tls != nil else { return socket.receive(into: &bytes, until: deadline) }
    while true {
      switch (try? tls!.read(into: &bytes, max: 65_536)) ?? .closed {
      case .bytes(let count): return .bytes(count)
      case .closed: return .finished
      case .needsInput: break
      }
      var input: [UInt8] = []
      let received = socket.receive(into: &input, until: deadline)
      guard case .bytes = received else { return received }
      tls!.receive(input.span)
    }
  }

  func finishSending() { socket.finishSending() }

  private static func secure(
    _ socket: borrowing Socket, for server: Endpoint.TLS
  ) throws -> TLSSession {
    let context = try TLSContext.client(
      caFile: server.caFile, certificateFile: server.certificateFile, keyFile: server.keyFile)
    var session = try TLSSession(client: context, serverName: server.serverName)
    let deadline = ContinuousClock.now + RawConnection.patience
    while true {
      let progress = try session.advanceHandshake()
      var output: [UInt8] = []
      session.takeOutput(into: &output)
      guard output.isEmpty || socket.send(output, until: deadline) == .all else {
        throw SocketError(operation: "send during the TLS handshake", number: 0)
      }
      if progress == .done { return session }
      var input: [UInt8] = []
      guard case .bytes = socket.receive(into: &input, until: deadline) else {
        throw SocketError(operation: "receive during the TLS handshake", number: 0)
      }
      session.receive(input.span)
    }
  }
}
