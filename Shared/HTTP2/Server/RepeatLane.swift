internal import Glibc
internal import Synchronization

/// Takes requests whose header block repeats an earlier one of the connection, past the library.
///
/// A gate sends the same fields with every scan, and HPACK makes of them a few octets that point
/// into the table both sides keep or are spelled out without entering it (RFC 7541 §6.1, §6.2.2).
/// Such a block changes nothing in the table, so while nobody else changes it either, the same
/// octets mean the same fields: what the library decoded, and found right, once, is a `Template`
/// for all that follow. Only a whole request counts, HEADERS with END_HEADERS and its one DATA
/// frame with END_STREAM in the bytes at hand; everything else is the library's, which stays the
/// judge of the protocol.
///
/// The library does not know the streams taken here. So this keeps for them what it would: their
/// numbers, their windows, and how much of the connection's windows they used.
struct RepeatLane {
  /// Header fields as the library decoded them, and the block that stood for them.
  struct Template {
    /// Tells it from all others of the process; not zero.
    let serial: Int
    let block: [UInt8]
    let fields: RequestState
  }

  /// A request in the bytes at hand. Ranges are of whole frames.
  struct Planned {
    let streamID: Int32
    let template: Int
    let headers: Range<Int>
    /// Empty where HEADERS ends the stream.
    var data: Range<Int>
    var isComplete: Bool
  }

  private(set) var templates: [Template] = []
  var plan: [Planned] = []
  /// Requests taken and not yet answered whole, in order of arrival.
  private var open: [Box<RequestState>] = []
  private var openStart = 0
  /// Answers that wait for a window.
  var waiting: [Box<RequestState>] = []
  /// Streams of the library that wait because the lane used the window.
  var deferred: [Int32] = []
  /// Frames to send.
  var output: [UInt8] = []
  /// The newest stream taken.
  var lastStreamID: Int32 = 0
  /// Bytes of bodies taken and not yet given back to the connection's receive window.
  var bodyBytesOwed = 0
  /// Whether the library may have ended the session: until what it queued is sent, and known,
  /// requests are its own to refuse.
  var isPaused = false
  /// Acknowledgements of SETTINGS that the library has queued: what is written here may depend on
  /// the settings, so it has to follow.
  var acknowledgementsDue = 0
  /// The size of the dynamic table that the peer allows the library's encoder.
  private(set) var tableBytes = RepeatLane.tableBytesMax
  /// The smallest size since the encoder last said one, if smaller than that: the next header
  /// block has to say it, whoever writes it (RFC 7541 §4.2).
  private(set) var tableBytesUnsaid: Int?
  /// Answer bytes sent here that the library still believes to be in the peer's window.
  var debt = 0
  /// The beginning of a frame that has to be seen whole.
  private(set) var heldBack: [UInt8] = []

  private static let serials = Atomic<Int>(0)

  /// A client has a few kinds of requests at most.
  private static let templatesMax = 4
  /// Several times what a request needs whose path and length are spelled out.
  private static let blockBytesMax = 256
  /// More requests are never open at once, and looking for a body's request takes time.
  private static let planMax = 256
  /// What the library's encoder uses at most, whatever the peer allows.
  private static let tableBytesMax = 4_096
  /// SETTINGS_MAX_FRAME_SIZE as it begins; nobody here raises it.
  static let frameBytesMax = 16_384

  // MARK: - Templates

  mutating func forgetTemplates() {
    if !templates.isEmpty { templates.removeAll(keepingCapacity: true) }
  }

  mutating func learn(_ block: Span<UInt8>, _ fields: RequestState) {
    if templates.count == Self.templatesMax { templates.removeFirst() }
    var fields = fields
    fields.body = ReusedBytes()
    fields.answer = []
    var copy: [UInt8] = []
    copy.append(copying: block)
    let serial = Self.serials.add(1, ordering: .relaxed).newValue
    templates.append(Template(serial: serial, block: copy, fields: fields))
  }

  private func template(of block: Span<UInt8>) -> Int? {
    for number in templates.indices where templates[number].block.isEqual(to: block) {
      return number
    }
    return nil
  }

  // MARK: - Looking for whole requests

  /// Whether the frame at `offset` is HEADERS of a kind that may be taken.
  static func mayBegin(_ bytes: Span<UInt8>, at offset: Int) -> Bool {
    bytes.count - offset >= FrameHead.byteCount && bytes[offset + 3] == FrameHead.Kind.headers
      && bytes[offset + 4] | FrameHead.Flag.endStream
        == FrameHead.Flag.endHeaders | FrameHead.Flag.endStream
  }

  /// The end of a HEADERS frame at `offset` whose block leaves the table as it is; `nil` if it is
  /// none or not whole.
  static func neutralHeaders(_ bytes: Span<UInt8>, at offset: Int) -> Int? {
    guard mayBegin(bytes, at: offset) else { return nil }
    let head = FrameHead(bytes, at: offset)
    let start = offset + FrameHead.byteCount
    guard 1...blockBytesMax ~= head.length, bytes.count - start >= head.length,
      leavesTable(bytes.extracting(start..<(start + head.length)))
    else { return nil }
    return start + head.length
  }

  /// Whether a block has nothing but indexed fields and literals that are not to be indexed. Of
  /// their integers only the short forms are known here: `false` where there are others.
  private static func leavesTable(_ block: Span<UInt8>) -> Bool {
    var index = 0
    while index < block.count {
      let first = block[index]
      index += 1
      if first >= 0x80 {
        guard 0x81...0xFE ~= first else { return false }
        continue
      }
      // RFC 7541 §6.2.2 and §6.2.3: 0000 or 0001, then a name's number in four bits.
      guard first < 0x20 else { return false }
      switch first & 0x0F {
      case 0:
        guard skipText(block, &index) else { return false }
      case 0x0F:
        // The number goes on in one more octet, or in many.
        guard index < block.count, block[index] < 0x80 else { return false }
        index += 1
      default: break
      }
      guard skipText(block, &index) else { return false }
    }
    return index == block.count
  }

  private static func skipText(_ block: Span<UInt8>, _ index: inout Int) -> Bool {
    guard index < block.count, block[index] & 0x7F < 0x7F else { return false }
    index += 1 + Int(block[index] & 0x7F)
    return index <= block.count
  }

  /// Fills `plan` with the requests at the beginning of `bytes`, and returns where the frames that
  /// belong to them end. `newest` is the connection's newest stream.
  mutating func planRequests(_ bytes: Span<UInt8>, from start: Int, newest: Int32) -> Int {
    plan.removeAll(keepingCapacity: true)
    guard !templates.isEmpty else { return start }
    var offset = start
    var newest = newest
    var firstOpen = 0
    while bytes.count - offset >= FrameHead.byteCount {
      let head = FrameHead(bytes, at: offset)
      let payload = offset + FrameHead.byteCount
      guard bytes.count - payload >= head.length else { break }
      let frame = offset..<(payload + head.length)
      let streamID = Int32(head.streamID)
      switch head.type {
      case FrameHead.Kind.headers:
        guard Self.mayBegin(bytes, at: offset), streamID > newest, streamID & 1 == 1,
          plan.count < Self.planMax,
          let template = template(of: bytes.extracting(payload..<frame.upperBound))
        else { return offset }
        let ends = head.flags & FrameHead.Flag.endStream != 0
        if ends, (templates[template].fields.contentLength ?? 0) != 0 { return offset }
        plan.append(
          Planned(
            streamID: streamID, template: template, headers: frame, data: 0..<0, isComplete: ends))
        newest = streamID
      case FrameHead.Kind.data where head.flags == FrameHead.Flag.endStream:
        while firstOpen < plan.count, plan[firstOpen].isComplete { firstOpen += 1 }
        guard let index = plan[firstOpen...].firstIndex(where: { $0.streamID == streamID }),
          !plan[index].isComplete, fits(head.length, templates[plan[index].template].fields)
        else { return offset }
        plan[index].data = frame
        plan[index].isComplete = true
      default: return offset
      }
      offset = frame.upperBound
    }
    return offset
  }

  private func fits(_ byteCount: Int, _ fields: RequestState) -> Bool {
    byteCount <= min(fields.bodyBytesMax, Self.frameBytesMax)
      && byteCount == fields.contentLength ?? byteCount
  }

  // MARK: - Streams

  var openCount: Int { open.count - openStart }

  mutating func opened(_ request: Box<RequestState>) {
    open.append(request)
  }

  /// The request of an open stream. Most are answered in order.
  func request(_ streamID: Int32) -> Box<RequestState>? {
    guard streamID <= lastStreamID else { return nil }
    var index = openStart
    while index < open.count {
      if open[index].value.streamID == streamID { return open[index] }
      index += 1
    }
    return nil
  }

  mutating func closed(_ streamID: Int32) {
    guard openStart < open.count else { return }
    if open[openStart].value.streamID == streamID {
      openStart += 1
      // What is closed must not pile up in front of a stream that stays open for long.
      if openStart == open.count || openStart >= 64 {
        open.removeFirst(openStart)
        openStart = 0
      }
    } else if let index = open[openStart...].firstIndex(where: { $0.value.streamID == streamID }) {
      open.remove(at: index)
    }
    waiting.removeAll { $0.value.streamID == streamID }
  }

  /// Whether a stream's window would be larger than RFC 9113 §6.9.1 allows.
  func exceedsWindow(startingWith bytes: Int) -> Bool {
    open[openStart...].contains { bytes + $0.value.windowCredit > Int(Int32.max) }
  }

  /// The peer allows the encoder a table of this size.
  mutating func limitTable(to bytes: Int) {
    let bytes = min(bytes, Self.tableBytesMax)
    if bytes < tableBytes { tableBytesUnsaid = min(tableBytesUnsaid ?? .max, bytes) }
    tableBytes = bytes
  }

  /// A header block has said the table's size.
  mutating func saidTableBytes() {
    tableBytesUnsaid = nil
  }

  // MARK: - Frames in two pieces

  mutating func holdBack(_ bytes: Span<UInt8>) {
    heldBack.append(copying: bytes)
  }

  mutating func takeHeldBack() -> [UInt8] {
    exchange(&heldBack, with: [])
  }

  /// Gives memory back while no stream is open.
  mutating func release() {
    guard openCount == 0, output.isEmpty else { return }
    templates = []
    plan = []
    open = []
    openStart = 0
    output = []
  }
}

extension [UInt8] {
  fileprivate func isEqual(to bytes: Span<UInt8>) -> Bool {
    guard count == bytes.count else { return false }
    // Both buffers are only read, and have `count` bytes, which is not zero.
    return unsafe withUnsafeBytes { mine in
      unsafe bytes.withUnsafeBytes { unsafe memcmp(mine.baseAddress!, $0.baseAddress!, count) == 0 }
    }
  }
}
