import RawHTTP2

/// One HTTP/2 connection of the load generator. Allocates nothing for a request: streams have
/// places in a ring, frames are appended to one buffer and leave in one write.
final class Connection {
  enum State { case connecting, securing, awaitingSettings, open, draining, ended }

  let token: Int
  let endpoint: Endpoint
  let plan: ClassPlan
  unowned let owner: Lane
  let poller: Poller

  private(set) var state = State.connecting
  private(set) var stateBeforeEnd = State.connecting
  var transport: Transport
  var peer = PeerLimits()
  var heads = AnswerHeads()
  /// By stream number; its count is a power of two.
  var streams: [Stream]
  private(set) var inFlight = 0
  private var nextID: UInt32 = 1
  /// Streams with unsent rests of bodies.
  var unfinished: [Int] = []

  private var block: RequestBlock
  private var isFirstRequest = true
  /// The frames of a request but for its stream's number and body.
  private var template: [UInt8] = []
  private var templateDataOffset = 0
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
    var places = 64
    while places < plan.streams * 4 { places *= 2 }
    streams = [Stream](repeating: Stream(), count: places)
    block = RequestBlock(plan.fields(to: endpoint))
    // A connecting socket becomes writable when it is connected.
    poller.add(self.transport.descriptor, token: token, Poller.readable | Poller.writable)
    watchesWritable = true
  }

  /// Whether a request may start now.
  @inline(__always)
  var hasRoom: Bool {
    state == .open && inFlight < min(plan.streams, peer.streamsMax)
      && !transport.isBlocked && unfinished.isEmpty
  }

  var isReady: Bool { state == .open }

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

  private func sendOpening() {
    state = .awaitingSettings
    transport.output += Opening.bytes
  }

  func flush() {
    guard state != .ended else { return }
    if let reason = transport.flush() { return end(reason) }
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
    for place in streams.indices where streams[place].id != 0 {
      let request = streams[place].request
      streams[place].id = 0
      owner.lost(request)
    }
    inFlight = 0
    owner.ended(self, reason: reason)
  }

  // MARK: Sending

  /// Starts a request; ask `hasRoom` before.
  func start(_ request: Pending) {
    let mask = streams.count &- 1
    var place = Int(nextID >> 1) & mask
    // An old stream sits here: its number's turn is passed over, which RFC 9113 §5.1.1 allows.
    while streams[place].id != 0 {
      nextID &+= 2
      place = Int(nextID >> 1) & mask
    }
    let id = nextID
    nextID &+= 2
    let byteCount = plan.bodies.byteCount(request.body)
    streams[place] = Stream(id: id, request: request, sendWindow: peer.initialWindow)
    inFlight &+= 1
    if isFirstRequest || template.isEmpty || byteCount > peer.connectionWindow
      || byteCount > peer.initialWindow || byteCount > peer.frameBytesMax
    {
      startSlowly(place, id, byteCount)
    } else {
      let base = transport.output.count
      transport.output.append(contentsOf: template)
      transport.output.put(id, at: base &+ 5)
      if byteCount > 0 {
        transport.output.put(id, at: base &+ templateDataOffset &+ 5)
        let start = plan.bodies.start(request.body)
        transport.output.append(contentsOf: plan.bodies.bytes[start..<(start &+ byteCount)])
        peer.connectionWindow &-= byteCount
        streams[place].sendWindow &-= byteCount
      }
    }
    // Near the end of the numbers another connection takes over.
    if nextID > 0x7FFF_0000 { drain() }
  }

  private func startSlowly(_ place: Int, _ id: UInt32, _ byteCount: Int) {
    var fields = isFirstRequest ? block.first : block.repeated
    if plan.bodies.uniformByteCount == nil { fields += RequestBlock.contentLength(byteCount) }
    let flags = FrameFlag.endHeaders | (byteCount == 0 ? FrameFlag.endStream : 0)
    transport.output.appendFrameHeader(
      byteCount: fields.count, kind: FrameKind.headers, flags: flags, streamID: id)
    transport.output += fields
    if isFirstRequest {
      isFirstRequest = false
      makeTemplate()
    }
    streams[place].unsentByteCount = byteCount
    if byteCount > 0, !sendBody(place) { unfinished.append(place) }
  }

  private func makeTemplate() {
    template = []
    guard let byteCount = plan.bodies.uniformByteCount else { return }
    template.appendFrameHeader(
      byteCount: block.repeated.count, kind: FrameKind.headers,
      flags: FrameFlag.endHeaders | (byteCount == 0 ? FrameFlag.endStream : 0))
    template += block.repeated
    templateDataOffset = template.count
    guard byteCount > 0 else { return }
    template.appendFrameHeader(
      byteCount: byteCount, kind: FrameKind.data, flags: FrameFlag.endStream)
  }

  /// Sends what the windows allow of a stream's body; `true` when that was all of it.
  private func sendBody(_ place: Int) -> Bool {
    let body = streams[place].request.body
    let end = plan.bodies.ends[body]
    while streams[place].unsentByteCount > 0 {
      let unsent = streams[place].unsentByteCount
      let room = min(peer.connectionWindow, streams[place].sendWindow, peer.frameBytesMax)
      guard room > 0 else { return false }
      let count = min(room, unsent)
      transport.output.appendFrameHeader(
        byteCount: count, kind: FrameKind.data, flags: count == unsent ? FrameFlag.endStream : 0,
        streamID: streams[place].id)
      transport.output.append(
        contentsOf: plan.bodies.bytes[(end - unsent)..<(end - unsent + count)])
      streams[place].unsentByteCount = unsent - count
      streams[place].sendWindow -= count
      peer.connectionWindow -= count
    }
    return true
  }

  /// Goes on with bodies after a window has grown.
  func sendUnfinished() {
    unfinished.removeAll { place in streams[place].id == 0 || sendBody(place) }
  }

  // MARK: The life of streams and of the connection

  /// The place of a stream in flight.
  @inline(__always)
  func place(of id: UInt32) -> Int? {
    let place = Int(id >> 1) & (streams.count &- 1)
    return streams[place].id == id && id != 0 ? place : nil
  }

  /// A stream has its whole answer.
  @inline(__always)
  func complete(_ place: Int) {
    let stream = streams[place]
    if stream.unsentByteCount > 0 {
      // Answered before it was asked in full: the rest is not sent.
      transport.output.appendFrameHeader(
        byteCount: 4, kind: FrameKind.resetStream, streamID: stream.id)
      transport.output.append(number: ErrorCode.cancel.rawValue)
    }
    release(place)
    owner.answered(stream, on: self)
  }

  func release(_ place: Int) {
    if streams[place].unsentByteCount > 0 { unfinished.removeAll { $0 == place } }
    streams[place].id = 0
    inFlight &-= 1
  }

  /// The server's SETTINGS are known and requests may start.
  func settingsArrived(at now: UInt64) {
    guard state == .awaitingSettings else { return }
    state = .open
    readyAt = now
    owner.isReady(self)
  }

  /// The server's decoder has a table of another size.
  func remakeBlock() {
    block = RequestBlock(plan.fields(to: endpoint), tableBytesMax: peer.headerTableBytes)
    isFirstRequest = true
    template = []
  }

  /// No new requests here; ends when the last answer has come.
  func drain() {
    guard state == .open || state == .awaitingSettings else { return }
    state = .draining
    owner.isDraining(self)
  }
}
