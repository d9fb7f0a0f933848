/// The nine octets in front of every frame (RFC 9113 §4.1).
struct FrameHead: Equatable, Sendable {
  var length = 0
  var type: UInt8 = 0
  var flags: UInt8 = 0
  var streamID: UInt32 = 0

  static let byteCount = 9

  /// Frame types of RFC 9113 §6.
  enum Kind {
    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let priority: UInt8 = 2
    static let reset: UInt8 = 3
    static let settings: UInt8 = 4
    static let pushPromise: UInt8 = 5
    static let ping: UInt8 = 6
    static let goAway: UInt8 = 7
    static let windowUpdate: UInt8 = 8
    static let continuation: UInt8 = 9
  }

  enum Flag {
    static let endStream: UInt8 = 1
    /// Of SETTINGS and PING.
    static let ack: UInt8 = 1
    static let endHeaders: UInt8 = 4
    static let padded: UInt8 = 8
  }

  /// Whether a header block ends with this frame.
  var endsHeaderBlock: Bool {
    (type == Kind.headers || type == Kind.continuation) && flags & Flag.endHeaders != 0
  }
}

extension FrameHead {
  /// Reads the nine octets at `offset`.
  init(_ bytes: Span<UInt8>, at offset: Int) {
    var octets: UInt64 = 0
    for index in offset..<(offset + 8) { octets = octets << 8 | UInt64(bytes[index]) }
    self.init(octets, lastByte: bytes[offset + 8])
  }

  init(_ octets: UInt64, lastByte: UInt8) {
    let number = UInt32(truncatingIfNeeded: octets << 8) | UInt32(lastByte)
    self.init(
      length: Int(octets >> 40), type: UInt8(truncatingIfNeeded: octets >> 32),
      flags: UInt8(truncatingIfNeeded: octets >> 24), streamID: number & 0x7FFF_FFFF)
  }
}

/// Finds the frames in received bytes, hardly looking inside them. The library does not report
/// frames of unknown type, so what they cost has to be counted here, before it sees them.
struct FrameScanner: Sendable {
  /// What the scanner met first.
  enum Event {
    case needsMore
    case began(FrameHead)
    case ended(FrameHead)
  }

  private var prefaceRemaining: Int
  private var partial: UInt64 = 0
  private var partialCount = 0
  private var head = FrameHead()
  private var payloadRemaining = 0
  private var isInFrame = false
  /// Whether the next octet begins a frame.
  var isBetweenFrames: Bool { !isInFrame && partialCount == 0 && prefaceRemaining == 0 }
  /// The stream a PRIORITY frame depends on: its first four octets.
  private(set) var dependency: UInt32 = 0

  /// `prefaceBytes` is 24 where a client's connection preface comes first (RFC 9113 §3.4).
  init(prefaceBytes: Int) {
    prefaceRemaining = prefaceBytes
  }

  /// Moves `offset` to the next event in `bytes`. A frame without payload has both events.
  mutating func next(in bytes: Span<UInt8>, from offset: inout Int) -> Event {
    if isInFrame {
      let step = min(payloadRemaining, bytes.count - offset)
      if head.type == FrameHead.Kind.priority { readDependency(bytes, offset, step) }
      offset += step
      payloadRemaining -= step
      guard payloadRemaining == 0 else { return .needsMore }
      isInFrame = false
      return .ended(head)
    }
    if prefaceRemaining > 0 {
      let step = min(prefaceRemaining, bytes.count - offset)
      offset += step
      prefaceRemaining -= step
    }
    if partialCount == 0, bytes.count - offset >= FrameHead.byteCount {
      begin(FrameHead(bytes, at: offset))
      offset += FrameHead.byteCount
      return .began(head)
    }
    // Eight octets fit a register; the ninth is the stream number's last.
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      if partialCount < 8 {
        partial = partial << 8 | UInt64(byte)
        partialCount += 1
      } else {
        begin(FrameHead(partial, lastByte: byte))
        partial = 0
        partialCount = 0
        return .began(head)
      }
    }
    return .needsMore
  }

  private mutating func readDependency(_ bytes: Span<UInt8>, _ offset: Int, _ step: Int) {
    let done = head.length - payloadRemaining
    for index in 0..<max(0, min(step, 4 - done)) {
      dependency = dependency << 8 | UInt32(bytes[offset + index])
    }
  }

  private mutating func begin(_ head: FrameHead) {
    self.head = head
    payloadRemaining = head.length
    isInFrame = true
  }
}
