/// Carries bytes over TCP, in the clear or through TLS.
struct Transport: ~Copyable {
  private let socket: Socket

  init(to endpoint: Endpoint, receiveBufferBytes: Int?) throws {
    socket = try Socket(
      address: endpoint.address, port: endpoint.port, receiveBufferBytes: receiveBufferBytes)
  }

  var isEndedByPeer: Bool { socket.isEndedByPeer }

  mutating func send(_ bytes: [UInt8], until deadline: ContinuousClock.Instant) -> Bool {
    socket.send(bytes, until: deadline) == .all
  }

  mutating func receive(
    into bytes: inout [UInt8], until deadline: ContinuousClock.Instant
  ) -> Socket.Received {
    socket.receive(into: &bytes, until: deadline)
  }

  func finishSending() { socket.finishSending() }
}
