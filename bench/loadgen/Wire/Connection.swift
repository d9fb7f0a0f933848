import RawHTTP2

/// One HTTP/2 connection of the load generator. Allocates nothing for a request: streams have
/// places in a ring, frames are appended to one buffer and leave in one write.
final class Connection {
  enum State { case connecting, securing, awaitingSettings, open, draining, ended }

  let token: Int
  let endpoint: Endpoint
  let plan: ClassPlan
  /// Both let go of each other when the connection ends.
  let owner: Lane
  let poller: Poller

  private(set) var state = State.connecting
  private(set) var stateBeforeEnd = State.connecting
  var transport: Transport
  var sender: Sender
  var heads = AnswerHeads()
  private var watchesWritable = false
  /// A header block in pieces: stream, flags of its HEADERS, bytes so far.
  var openBlock: (id: UInt32, flags: UInt8, bytes: [UInt8])?
  var connectionReceived = 0
  let openedAt: UInt64
  /// When the server's SETTINGS came.
  private(set) var readyAt: UInt64 = 0

  init(
    token: Int, endpoint: Endpoint, transport: consuming Transport, owner: Lane, poller: Poller,
    now: UInt64
  ) {
    self.token = token
    self.endpoint = endpoint
    self.owner = owner
    self.poller = poller
    plan = owner.plan
    self.transport = transport
    openedAt = now
    sender = Sender(
      fields: plan.fields(to: endpoint), bodies: plan.bodies, streamsMax: plan.streams)
    // A connecting socket becomes writable when it is connected.
    poller.add(self.transport.descriptor, token: token, Poller.readable | Poller.writable)
    watchesWritable = true
  }

  /// Whether a request may start now.
  @inline(__always)
  var hasRoom: Bool {
    state == .open && sender.hasRoom && !transport.isBlocked
  }

  var isReady: Bool { state == .open }

  var inFlight: Int { sender.inFlight }

  // MARK: Events of the socket

  func handle(_ kinds: UInt32) {
    if state == .connecting {
      let reason = Wire.connectError(transport.descriptor)
      guard reason == 0 else { return end(Wire.reason(reason)) }
      if let reason = transport.beginHandshake() { return end(reason) }
      state = .securing
      if transport.isSecured { sendOpening() }
    }
    // What was received is handled first: an answer may come before the end.
    if kinds & ~Poller.writable != 0 {
      let received = receive()
      if case .ended(let reason) = received { return end(reason) }
    }
    guard state != .ended else { return }
    if hasRoom { owner.connectionHasRoom(self) }
    flush()
  }

  /// Reads through the thread's buffers, which all its connections share.
  private func receive() -> Transport.Received {
    var buffers = ReadBuffers()
    swap(&buffers, &owner.worker.buffers)
    defer { swap(&buffers, &owner.worker.buffers) }
    buffers.plaintext.append(contentsOf: transport.input)
    let received = transport.receive(into: &buffers.plaintext, cipher: &buffers.cipher)
    if state == .securing, transport.isSecured { sendOpening() }
    let parsed = received == .bytes ? parse(buffers.plaintext) : 0
    let rest = buffers.plaintext.count - parsed
    if rest > 0 || !transport.input.isEmpty {
      transport.input = Array(buffers.plaintext[parsed...])
    }
    buffers.plaintext.removeAll(keepingCapacity: true)
    return received
  }

  /// The connection is there and, with TLS, secured.
  func sendOpening() {
    state = .awaitingSettings
    sender.output += Opening.bytes
  }

  func flush() {
    guard state != .ended else { return }
    if let reason = transport.flush(&sender.output) { return end(reason) }
    if transport.isBlocked != watchesWritable {
      watchesWritable = transport.isBlocked
      poller.change(
        transport.descriptor, token: token,
        Poller.readable | (watchesWritable ? Poller.writable : 0))
    }
    if state == .draining, inFlight == 0 { end("the server asked for it (GOAWAY)") }
  }

  /// Ends the connection: every request in flight is lost.
  func end(_ reason: String) {
    guard state != .ended else { return }
    stateBeforeEnd = state
    state = .ended
    transport.finish()
    for request in sender.takeAll(above: 0) { owner.lost(request) }
    owner.ended(self, reason: reason)
  }

  // MARK: Sending and ending

  /// Starts a request; ask `hasRoom` before.
  func start(_ request: Pending) {
    sender.start(request)
    if sender.isNearEnd { drain() }
  }

  /// A stream has its whole answer.
  func complete(_ place: Int) {
    let stream = sender.take(place)
    if stream.unsentByteCount > 0 { sender.cancel(stream) }
    owner.answered(stream, on: self)
  }

  /// The server's SETTINGS are known and requests may start.
  func settingsArrived(at now: UInt64) {
    guard state == .awaitingSettings else { return }
    state = .open
    readyAt = now
    owner.isReady(self)
  }

  /// No new requests here; ends when the last answer has come.
  func drain() {
    guard state == .open || state == .awaitingSettings else { return }
    state = .draining
    owner.isDraining(self)
  }
}
