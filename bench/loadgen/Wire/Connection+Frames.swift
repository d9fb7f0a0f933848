import RawHTTP2
import Server

/// What the server sends.
extension Connection {
  /// Handles all whole frames at the beginning of `buffer`; how many bytes they were.
  func parse(_ buffer: [UInt8]) -> Int {
    let bytes = buffer.span
    var offset = 0
    while bytes.count &- offset >= 9, state != .ended {
      let word = bytes.word(at: offset)
      let byteCount = Int(word >> 40)
      guard byteCount <= 16_384 else {
        fault("a frame of \(byteCount) bytes, more than we allow")
        break
      }
      let end = offset &+ 9 &+ byteCount
      guard end <= bytes.count else { break }
      let id = UInt32(truncatingIfNeeded: word & 0x7F_FFFF) << 8 | UInt32(bytes[offset &+ 8])
      let payload = bytes.extracting((offset &+ 9)..<end)
      handle(
        kind: UInt8(truncatingIfNeeded: word >> 32), flags: UInt8(truncatingIfNeeded: word >> 24),
        id, payload)
      offset = end
    }
    return offset
  }

  /// The server breaks the protocol.
  private func fault(_ what: String) { end("the server sent \(what)") }

  private func handle(kind: UInt8, flags: UInt8, _ id: UInt32, _ payload: Span<UInt8>) {
    if openBlock != nil, kind != FrameKind.continuation {
      return fault("another frame within a header block")
    }
    switch kind {
    case FrameKind.data: data(flags, id, payload)
    case FrameKind.headers: headers(flags, id, payload)
    case FrameKind.continuation: continuation(flags, id, payload)
    case FrameKind.settings: settings(flags, payload)
    case FrameKind.ping: ping(flags, payload)
    case FrameKind.goAway: goAway(payload)
    case FrameKind.resetStream: reset(id, payload)
    case FrameKind.windowUpdate: windowUpdate(id, payload)
    case FrameKind.pushPromise: fault("PUSH_PROMISE, which we switched off")
    default: break
    }
  }

  // MARK: Answers

  private func headers(_ flags: UInt8, _ id: UInt32, _ payload: Span<UInt8>) {
    var start = 0
    var end = payload.count
    if flags & (FrameFlag.padded | FrameFlag.priority) != 0 {
      if flags & FrameFlag.padded != 0 {
        guard payload.count > 0 else { return fault("HEADERS without its padding's length") }
        start = 1
        end -= Int(payload[0])
      }
      if flags & FrameFlag.priority != 0 { start += 5 }
      guard start <= end else { return fault("HEADERS shorter than its padding") }
    }
    let block = payload.extracting(start..<end)
    if flags & FrameFlag.endHeaders == 0 {
      openBlock = (id, flags, [UInt8](copying: block))
    } else {
      head(flags, id, block)
    }
  }

  private func continuation(_ flags: UInt8, _ id: UInt32, _ payload: Span<UInt8>) {
    guard var open = openBlock, open.id == id, open.bytes.count < 1 << 20 else {
      return fault("CONTINUATION without its HEADERS")
    }
    open.bytes += [UInt8](copying: payload)
    openBlock = nil
    if flags & FrameFlag.endHeaders == 0 {
      openBlock = open
    } else {
      let bytes = open.bytes
      head(open.flags, id, bytes.span)
    }
  }

  private func head(_ flags: UInt8, _ id: UInt32, _ block: Span<UInt8>) {
    guard let head = decoded(block) else { return fault("a header block that cannot be decoded") }
    guard let place = place(of: id) else { return }
    // Not trailers, which have no status, and nothing provisional.
    if streams[place].status == 0, head.status >= 200 {
      streams[place].status = head.status
      streams[place].hasRetryAfter = head.hasRetryAfter
    }
    if flags & FrameFlag.endStream != 0 { complete(place) }
  }

  private func decoded(_ block: Span<UInt8>) -> AnswerHeads.Head? {
    do throws(HPACKDecoder.Fault) { return try heads.read(block) } catch { return nil }
  }

  private func data(_ flags: UInt8, _ id: UInt32, _ payload: Span<UInt8>) {
    connectionReceived &+= payload.count
    if connectionReceived > Opening.connectionRenewal {
      renew(0, &connectionReceived)
    }
    guard let place = place(of: id) else { return }
    if payload.count > 0 {
      var end = payload.count
      var start = 0
      if flags & FrameFlag.padded != 0 {
        start = 1
        end -= Int(payload[0])
        guard start <= end else { return fault("DATA shorter than its padding") }
      }
      if plan.check == .outcome, Int(streams[place].status) == plan.expectedStatus {
        find(place, payload.extracting(start..<end))
      }
    }
    if flags & FrameFlag.endStream != 0 {
      complete(place)
    } else {
      streams[place].receivedByteCount &+= payload.count
      if streams[place].receivedByteCount > Opening.streamRenewal {
        renew(id, &streams[place].receivedByteCount)
      }
    }
  }

  /// Looks for outcomes in a piece of an answer and compares them with the expected ones.
  private func find(_ place: Int, _ piece: Span<UInt8>) {
    let body = streams[place].request.body
    // One more than expected, so that an answer with too many is found out.
    let expectedCount = plan.bodies.outcomeCount(body)
    let countMax = expectedCount == 1 ? 1 : expectedCount &+ 1
    var finder = streams[place].finder
    var isWrong = streams[place].isWrong
    finder.read(piece, countMax: countMax) { position, outcome in
      if position >= expectedCount || outcome != plan.bodies.outcome(body, position) {
        isWrong = true
        owner.sawWrong(outcome)
      }
      owner.counted(outcome)
    }
    streams[place].finder = finder
    streams[place].isWrong = isWrong
  }

  private func renew(_ id: UInt32, _ received: inout Int) {
    transport.output.appendFrameHeader(byteCount: 4, kind: FrameKind.windowUpdate, streamID: id)
    transport.output.append(number: UInt32(received))
    received = 0
  }

  // MARK: The connection

  private func settings(_ flags: UInt8, _ payload: Span<UInt8>) {
    if flags & FrameFlag.acknowledge != 0 { return }
    guard payload.count % 6 == 0 else { return fault("SETTINGS of a wrong size") }
    for offset in stride(from: 0, to: payload.count, by: 6) {
      let value = Int(payload.number(at: offset + 2))
      switch Int(payload[offset]) << 8 | Int(payload[offset + 1]) {
      case 1:
        let bytes = min(value, RequestBlock.tableBytesDefault)
        if bytes != peer.headerTableBytes {
          peer.headerTableBytes = bytes
          remakeBlock()
        }
      case 3: peer.streamsMax = value
      case 4:
        guard value <= 0x7FFF_FFFF else { return fault("a window that is too large") }
        for place in streams.indices where streams[place].id != 0 {
          streams[place].sendWindow += value - peer.initialWindow
        }
        peer.initialWindow = value
      case 5: peer.frameBytesMax = value
      default: break
      }
    }
    transport.output.appendFrameHeader(
      byteCount: 0, kind: FrameKind.settings, flags: FrameFlag.acknowledge)
    settingsArrived(at: System.monotonicNanoseconds)
    sendUnfinished()
  }

  private func ping(_ flags: UInt8, _ payload: Span<UInt8>) {
    guard payload.count == 8 else { return fault("PING of a wrong size") }
    if flags & FrameFlag.acknowledge != 0 { return }
    transport.output.appendFrameHeader(
      byteCount: 8, kind: FrameKind.ping, flags: FrameFlag.acknowledge)
    transport.output += [UInt8](copying: payload)
  }

  private func windowUpdate(_ id: UInt32, _ payload: Span<UInt8>) {
    guard payload.count == 4 else { return fault("WINDOW_UPDATE of a wrong size") }
    let increment = Int(payload.number(at: 0) & 0x7FFF_FFFF)
    if id == 0 {
      peer.connectionWindow += increment
    } else if let place = place(of: id) {
      streams[place].sendWindow += increment
    }
    if !unfinished.isEmpty { sendUnfinished() }
  }

  private func reset(_ id: UInt32, _ payload: Span<UInt8>) {
    guard payload.count == 4 else { return fault("RST_STREAM of a wrong size") }
    guard let place = place(of: id) else { return }
    let request = streams[place].request
    release(place)
    if ErrorCode(rawValue: payload.number(at: 0)) == .refusedStream {
      owner.refusedUnprocessed(request)
    } else {
      owner.failed(request)
    }
  }

  private func goAway(_ payload: Span<UInt8>) {
    guard payload.count >= 8 else { return fault("GOAWAY of a wrong size") }
    let last = payload.number(at: 0) & 0x7FFF_FFFF
    for place in streams.indices where streams[place].id > last {
      let request = streams[place].request
      release(place)
      owner.refusedUnprocessed(request)
    }
    drain()
  }
}
