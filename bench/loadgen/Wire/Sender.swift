import RawHTTP2

/// The sending half of a connection, and its table of streams: turns requests into frames, within
/// the peer's limits. Without a socket: what is to be sent is appended to `output`.
struct Sender {
  let bodies: Bodies
  private let fields: [HeaderField]
  private let streamsMax: Int
  /// Bytes for the peer.
  var output: [UInt8] = []
  private(set) var peer = PeerLimits()
  /// By stream number; its count is a power of two.
  private(set) var streams: [Stream]
  private(set) var inFlight = 0
  private var nextID: UInt32
  /// Places of streams with unsent rests of bodies.
  private var unfinished: [Int] = []
  private var block: RequestBlock
  private var isFirstRequest = true
  /// The frames of a request but for its stream's number and body; empty when lengths differ.
  private var template: [UInt8] = []
  private var templateDataOffset = 0

  /// Stream numbers end at 2^31; a little before that another connection takes over.
  private static let lastID: UInt32 = 0x7FFF_0000

  init(fields: [HeaderField], bodies: Bodies, streamsMax: Int, firstID: UInt32 = 1) {
    self.fields = fields
    self.bodies = bodies
    self.streamsMax = streamsMax
    nextID = firstID
    var places = 64
    while places < streamsMax * 4 { places *= 2 }
    streams = [Stream](repeating: Stream(), count: places)
    block = RequestBlock(fields)
  }

  /// Whether the peer's and our own limits allow another stream.
  @inline(__always)
  var hasRoom: Bool {
    inFlight < min(streamsMax, peer.streamsMax) && unfinished.isEmpty
  }

  /// No more than a few numbers are left.
  var isNearEnd: Bool { nextID > Self.lastID }

  // MARK: Requests

  /// Appends a request; ask `hasRoom` before.
  mutating func start(_ request: Pending) {
    let mask = streams.count &- 1
    var place = Int(nextID >> 1) & mask
    // An old stream sits here: its number's turn is passed over, which RFC 9113 §5.1.1 allows.
    while streams[place].id != 0 {
      nextID &+= 2
      place = Int(nextID >> 1) & mask
    }
    let id = nextID
    nextID &+= 2
    let byteCount = bodies.byteCount(request.body)
    streams[place] = Stream(id: id, request: request, sendWindow: peer.initialWindow)
    inFlight &+= 1
    if template.isEmpty || byteCount > peer.connectionWindow || byteCount > peer.initialWindow
      || byteCount > peer.frameBytesMax
    {
      return startSlowly(place, id, byteCount)
    }
    let base = output.count
    output.append(contentsOf: template)
    output.put(id, at: base &+ 5)
    guard byteCount > 0 else { return }
    output.put(id, at: base &+ templateDataOffset &+ 5)
    let start = bodies.start(request.body)
    output.append(contentsOf: bodies.bytes[start..<(start &+ byteCount)])
    peer.connectionWindow &-= byteCount
    streams[place].sendWindow &-= byteCount
  }

  private mutating func startSlowly(_ place: Int, _ id: UInt32, _ byteCount: Int) {
    var fields = isFirstRequest ? block.first : block.repeated
    if bodies.uniformByteCount == nil { fields += RequestBlock.contentLength(byteCount) }
    let flags = FrameFlag.endHeaders | (byteCount == 0 ? FrameFlag.endStream : 0)
    output.appendFrameHeader(
      byteCount: fields.count, kind: FrameKind.headers, flags: flags, streamID: id)
    output += fields
    if isFirstRequest {
      isFirstRequest = false
      makeTemplate()
    }
    streams[place].unsentByteCount = byteCount
    if byteCount > 0, !sendBody(place) { unfinished.append(place) }
  }

  private mutating func makeTemplate() {
    template = []
    guard let byteCount = bodies.uniformByteCount else { return }
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
  private mutating func sendBody(_ place: Int) -> Bool {
    let end = bodies.ends[streams[place].request.body]
    while streams[place].unsentByteCount > 0 {
      let unsent = streams[place].unsentByteCount
      let room = min(peer.connectionWindow, streams[place].sendWindow, peer.frameBytesMax)
      guard room > 0 else { return false }
      let count = min(room, unsent)
      output.appendFrameHeader(
        byteCount: count, kind: FrameKind.data, flags: count == unsent ? FrameFlag.endStream : 0,
        streamID: streams[place].id)
      output.append(contentsOf: bodies.bytes[(end - unsent)..<(end - unsent + count)])
      streams[place].unsentByteCount = unsent - count
      streams[place].sendWindow -= count
      peer.connectionWindow -= count
    }
    return true
  }

  /// Goes on with bodies after a window has grown.
  private mutating func sendUnfinished() {
    guard !unfinished.isEmpty else { return }
    var rest: [Int] = []
    for place in unfinished where streams[place].id != 0 && !sendBody(place) {
      rest.append(place)
    }
    unfinished = rest
  }

  // MARK: Streams in flight

  /// The place of a stream in flight.
  @inline(__always)
  func place(of id: UInt32) -> Int? {
    let place = Int(id >> 1) & (streams.count &- 1)
    return streams[place].id == id && id != 0 ? place : nil
  }

  /// Notes the head of an answer: not trailers, which have no status, and nothing provisional.
  /// `false` if the stream is not in flight.
  mutating func note(_ head: AnswerHeads.Head, of id: UInt32) -> Bool {
    guard let place = place(of: id) else { return false }
    if streams[place].status == 0, head.status >= 200 {
      streams[place].status = head.status
      streams[place].hasRetryAfter = head.hasRetryAfter
    }
    return true
  }

  /// Looks for outcomes in a piece of an answer and compares them with the expected ones; the
  /// last wrong one.
  mutating func find(
    _ place: Int, _ piece: Span<UInt8>, counting counts: inout [Int]
  ) -> Int? {
    let body = streams[place].request.body
    // One more than expected, so that an answer with too many is found out.
    let expectedCount = bodies.outcomeCount(body)
    let countMax = expectedCount == 1 ? 1 : expectedCount &+ 1
    var finder = streams[place].finder
    var wrong: Int?
    finder.read(piece, countMax: countMax) { position, outcome in
      if position >= expectedCount || outcome != bodies.outcome(body, position) { wrong = outcome }
      counts[outcome] &+= 1
    }
    streams[place].finder = finder
    if wrong != nil { streams[place].isWrong = true }
    return wrong
  }

  /// Counts received bytes against the stream's window and renews it.
  mutating func received(_ byteCount: Int, at place: Int) {
    streams[place].receivedByteCount &+= byteCount
    let received = streams[place].receivedByteCount
    guard received > Opening.streamRenewal else { return }
    renewWindow(of: streams[place].id, by: received)
    streams[place].receivedByteCount = 0
  }

  /// Gives the peer back so many bytes of a window; 0 is the connection's.
  mutating func renewWindow(of id: UInt32, by byteCount: Int) {
    output.appendFrameHeader(byteCount: 4, kind: FrameKind.windowUpdate, streamID: id)
    output.append(number: UInt32(byteCount))
  }

  /// Ends a stream; what there was of it.
  mutating func take(_ place: Int) -> Stream {
    let stream = streams[place]
    if stream.unsentByteCount > 0 { unfinished.removeAll { $0 == place } }
    streams[place].id = 0
    inFlight &-= 1
    return stream
  }

  /// An answer came before its request was sent in full: the rest is not sent.
  mutating func cancel(_ stream: Stream) {
    output.appendFrameHeader(byteCount: 4, kind: FrameKind.resetStream, streamID: stream.id)
    output.append(number: ErrorCode.cancel.rawValue)
  }

  /// Ends all streams above `id`; their requests.
  mutating func takeAll(above id: UInt32) -> [Pending] {
    streams.indices.filter { streams[$0].id > id }.map { take($0).request }
  }

  // MARK: What the peer allows

  /// Reads the parameters of SETTINGS and acknowledges them; what is wrong with them.
  mutating func apply(settings payload: Span<UInt8>) -> String? {
    guard payload.count % 6 == 0 else { return "SETTINGS of a wrong size" }
    for offset in stride(from: 0, to: payload.count, by: 6) {
      let value = Int(payload.number(at: offset + 2))
      switch Int(payload[offset]) << 8 | Int(payload[offset + 1]) {
      case 1: setHeaderTable(byteCount: value)
      case 3: peer.streamsMax = value
      case 4:
        guard value <= 0x7FFF_FFFF else { return "a window that is too large" }
        for place in streams.indices where streams[place].id != 0 {
          streams[place].sendWindow += value - peer.initialWindow
        }
        peer.initialWindow = value
      case 5:
        guard 16_384...16_777_215 ~= value else { return "a frame size that is not allowed" }
        peer.frameBytesMax = value
      default: break
      }
    }
    output.appendFrameHeader(
      byteCount: 0, kind: FrameKind.settings, flags: FrameFlag.acknowledge)
    sendUnfinished()
    return nil
  }

  private mutating func setHeaderTable(byteCount: Int) {
    let byteCount = min(byteCount, RequestBlock.tableBytesDefault)
    guard byteCount != peer.headerTableBytes else { return }
    peer.headerTableBytes = byteCount
    block = RequestBlock(fields, tableBytesMax: byteCount)
    isFirstRequest = true
    template = []
  }

  /// The peer takes so many bytes more, on the connection (0) or a stream.
  mutating func grow(windowOf id: UInt32, by increment: Int) {
    if id == 0 {
      peer.connectionWindow += increment
    } else if let place = place(of: id) {
      streams[place].sendWindow += increment
    }
    sendUnfinished()
  }
}
