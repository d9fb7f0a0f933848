/// Counts what a peer makes this side do for nothing, and says when it is too much.
///
/// The published floods of HTTP/2 (CVE-2019-9511 to 9518, rapid reset, CONTINUATION, MadeYouReset)
/// have one thing in common: cheap frames that cost the receiver work but never complete a
/// request. Each kind draws on a budget here; `SessionLimits` says how large the budgets are.
struct FloodGuard: Sendable {
  /// Thousandths of a glitch.
  private enum Cost {
    static let controlFrame: Int64 = 250
    static let serverReset: Int64 = 1_000
  }

  private var scanner: FrameScanner
  private var continuationsMax: Int
  private let unknownFramesPerRequest: Int
  private let unknownBytesPerRequest: Int
  private let isServer: Bool
  private var resets: TokenBucket
  private var glitches: TokenBucket
  private var unknownFrames: Int
  private var unknownBytes: Int
  private var continuations = 0
  /// WINDOW_UPDATE frames the peer may send without being charged: it needs about two for each
  /// DATA frame it is sent, and some at the start.
  private var windowUpdateCredit = 16

  /// Whether a header block or SETTINGS arrived since this was set back: what the peer's HPACK
  /// encoder remembers may have changed.
  var sawTableChange = false

  /// When the header block under way began.
  private(set) var headerBlockSince: UInt64?
  /// Whether the peer's first SETTINGS has arrived whole.
  private(set) var receivedSettings = false

  /// Saved-up unknown frames, in requests' worth.
  private static let unknownBurst = 10
  private static let windowUpdateCreditMax = 4_096

  init(limits: SessionLimits, isServer: Bool) {
    scanner = FrameScanner(prefaceBytes: isServer ? 24 : 0)
    continuationsMax = limits.continuationsMax
    unknownFramesPerRequest = limits.unknownFramesPerRequest
    unknownBytesPerRequest = limits.unknownBytesPerRequest
    self.isServer = isServer
    resets = TokenBucket(burst: limits.resetsBurst, perSecond: limits.resetsPerSecond)
    glitches = TokenBucket(burst: limits.glitchesBurst, perSecond: limits.glitchesPerSecond)
    unknownFrames = limits.unknownFramesPerRequest * Self.unknownBurst
    unknownBytes = limits.unknownBytesPerRequest * Self.unknownBurst
  }

  /// Whether `RepeatLane` has streams, so that it wants to see the frames about them first.
  var mindsLane = false

  /// Whether the next octet begins a frame.
  var isBetweenFrames: Bool { scanner.isBetweenFrames }

  mutating func upgrade(to limits: SessionLimits) {
    resets.upgrade(burst: limits.resetsBurst, perSecond: limits.resetsPerSecond)
    glitches.upgrade(burst: limits.glitchesBurst, perSecond: limits.glitchesPerSecond)
    continuationsMax = limits.continuationsMax
  }

  /// Looks at received bytes and returns the limit they break. Then only the first `consumed` of
  /// them may be given to the library. Stops behind a frame that a whole request might follow.
  mutating func scan(
    _ bytes: Span<UInt8>, now: UInt64, closed: inout ClosedStreams, consumed: inout Int
  ) -> HTTP2Error.Limit? {
    consumed = 0
    while true {
      switch scanner.next(in: bytes, from: &consumed) {
      case .needsMore:
        return nil
      case .began(let head):
        if let limit = began(head, now: now, closed: &closed) { return limit }
      case .ended(let head):
        if head.endsHeaderBlock {
          headerBlockSince = nil
        } else if head.type == FrameHead.Kind.priority {
          // RFC 9113 §5.3 keeps the rule although the library no longer looks at priorities.
          let dependency = scanner.dependency & 0x7FFF_FFFF
          if head.streamID == 0 || head.streamID == dependency { return .selfDependency }
        } else if head.type == FrameHead.Kind.settings {
          receivedSettings = true
        }
        if isServer, isLanes(bytes, at: consumed) { return nil }
      }
    }
  }

  /// Whether the frame at `offset` has to be shown to `RepeatLane` before the library sees any of
  /// it: then what is left is not to be given away in one piece with what was before it.
  private func isLanes(_ bytes: Span<UInt8>, at offset: Int) -> Bool {
    guard mindsLane, offset < bytes.count else { return RepeatLane.mayBegin(bytes, at: offset) }
    guard bytes.count - offset >= FrameHead.byteCount else { return true }
    switch bytes[offset + 3] {
    case FrameHead.Kind.data, FrameHead.Kind.headers, FrameHead.Kind.reset,
      FrameHead.Kind.windowUpdate:
      return true
    default: return false
    }
  }

  /// Whole requests were taken past `scan`.
  mutating func requestsTaken(_ count: Int) {
    mindsLane = true
    windowUpdateCredit = min(windowUpdateCredit + count, Self.windowUpdateCreditMax)
    requestsCompleted(count)
  }

  /// Requests were completed: the peer is doing something useful.
  mutating func requestsCompleted(_ count: Int) {
    unknownFrames = min(
      unknownFrames + unknownFramesPerRequest * count,
      unknownFramesPerRequest * Self.unknownBurst)
    unknownBytes = min(
      unknownBytes + unknownBytesPerRequest * count,
      unknownBytesPerRequest * Self.unknownBurst)
  }

  /// DATA frames were sent, which the peer acknowledges with WINDOW_UPDATE.
  mutating func sentData(frames: Int) {
    windowUpdateCredit = min(windowUpdateCredit + 2 * frames, Self.windowUpdateCreditMax)
  }

  /// The library had to reset or refuse streams.
  mutating func resetStreams(count: Int, now: UInt64) -> HTTP2Error.Limit? {
    glitches.take(thousandths: Int64(count) * Cost.serverReset, now: now) ? nil : .glitches
  }

  private mutating func began(
    _ head: FrameHead, now: UInt64, closed: inout ClosedStreams
  ) -> HTTP2Error.Limit? {
    switch head.type {
    case FrameHead.Kind.headers:
      continuations = 0
      sawTableChange = true
      headerBlockSince = now
      windowUpdateCredit = min(windowUpdateCredit + 1, Self.windowUpdateCreditMax)
      return nil
    case FrameHead.Kind.data:
      // The library would ignore it, silently and for ever (RFC 9113 §5.1, closed).
      if closed.wasClosed(Int32(head.streamID)) { return .staleStream }
      return isEmptyData(head) ? glitch(now: now) : nil
    case FrameHead.Kind.continuation:
      continuations += 1
      sawTableChange = true
      return continuations > continuationsMax ? .continuations : nil
    case FrameHead.Kind.reset:
      closed.appendClosed(Int32(head.streamID))
      // A server that sheds load resets the client's streams, of which there are only so many.
      guard isServer else { return nil }
      return resets.take(thousandths: 1_000, now: now) ? nil : .resets
    case FrameHead.Kind.windowUpdate:
      if windowUpdateCredit > 0 {
        windowUpdateCredit -= 1
        return nil
      }
      return glitch(now: now)
    case FrameHead.Kind.settings:
      sawTableChange = true
      return glitch(now: now)
    case FrameHead.Kind.pushPromise...FrameHead.Kind.goAway, FrameHead.Kind.priority:
      return glitch(now: now)
    default:
      unknownFrames -= 1
      unknownBytes -= FrameHead.byteCount + head.length
      return unknownFrames < 0 || unknownBytes < 0 ? .unknownFrames : nil
    }
  }

  /// Without END_STREAM, a DATA frame that is empty or mostly padding does nothing.
  private func isEmptyData(_ head: FrameHead) -> Bool {
    guard head.flags & FrameHead.Flag.endStream == 0 else { return false }
    return head.length == 0 || (head.flags & FrameHead.Flag.padded != 0 && head.length <= 256)
  }

  private mutating func glitch(now: UInt64) -> HTTP2Error.Limit? {
    glitches.take(thousandths: Cost.controlFrame, now: now) ? nil : .glitches
  }
}
