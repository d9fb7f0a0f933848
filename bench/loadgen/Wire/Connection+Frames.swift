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
    guard sender.note(head, of: id) else { return }
    if flags & FrameFlag.endStream != 0, let place = sender.place(of: id) { complete(place) }
  }

  private func decoded(_ block: Span<UInt8>) -> AnswerHeads.Head? {
    do throws(HPACKDecoder.Fault) { return try heads.read(block) } catch { return nil }
  }

  private func data(_ flags: UInt8, _ id: UInt32, _ payload: Span<UInt8>) {
    connectionReceived &+= payload.count
    if connectionReceived > Opening.connectionRenewal {
      sender.renewWindow(of: 0, by: connectionReceived)
      connectionReceived = 0
    }
    guard let place = sender.place(of: id) else { return }
    if payload.count > 0 || flags & FrameFlag.padded != 0 {
      guard payload.count > 0 else { return fault("DATA without its padding's length") }
      var end = payload.count
      var start = 0
      if flags & FrameFlag.padded != 0 {
        start = 1
        end -= Int(payload[0])
        guard start <= end else { return fault("DATA shorter than its padding") }
      }
      if plan.check == .outcome, Int(sender.streams[place].status) == plan.expectedStatus {
        owner.find(place, payload.extracting(start..<end), in: &sender)
      }
    }
    if flags & FrameFlag.endStream != 0 {
      complete(place)
    } else {
      sender.received(payload.count, at: place)
    }
  }

  // MARK: The connection

  private func settings(_ flags: UInt8, _ payload: Span<UInt8>) {
    if flags & FrameFlag.acknowledge != 0 { return }
    if let fault = sender.apply(settings: payload) { return self.fault(fault) }
    settingsArrived(at: System.monotonicNanoseconds)
  }

  private func ping(_ flags: UInt8, _ payload: Span<UInt8>) {
    guard payload.count == 8 else { return fault("PING of a wrong size") }
    if flags & FrameFlag.acknowledge != 0 { return }
    sender.output.appendFrameHeader(
      byteCount: 8, kind: FrameKind.ping, flags: FrameFlag.acknowledge)
    sender.output += [UInt8](copying: payload)
  }

  private func windowUpdate(_ id: UInt32, _ payload: Span<UInt8>) {
    guard payload.count == 4 else { return fault("WINDOW_UPDATE of a wrong size") }
    sender.grow(windowOf: id, by: Int(payload.number(at: 0) & 0x7FFF_FFFF))
  }

  private func reset(_ id: UInt32, _ payload: Span<UInt8>) {
    guard payload.count == 4 else { return fault("RST_STREAM of a wrong size") }
    guard let place = sender.place(of: id) else { return }
    let request = sender.take(place).request
    if ErrorCode(rawValue: payload.number(at: 0)) == .refusedStream {
      owner.refusedUnprocessed(request)
    } else {
      owner.failed(request)
    }
  }

  private func goAway(_ payload: Span<UInt8>) {
    guard payload.count >= 8 else { return fault("GOAWAY of a wrong size") }
    let last = payload.number(at: 0) & 0x7FFF_FFFF
    for request in sender.takeAll(above: last) { owner.refusedUnprocessed(request) }
    drain()
  }
}
