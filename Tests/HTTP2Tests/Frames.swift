@testable import HTTP2

/// A frame as bytes, for writing what no well-behaved client would send.
struct Frame: Equatable, CustomStringConvertible {
  var type: UInt8
  var flags: UInt8 = 0
  var streamID: UInt32 = 0
  var payload: [UInt8] = []

  var bytes: [UInt8] { Frame.head(payload.count, type, flags, streamID) + payload }

  var description: String { "frame \(type) flags \(flags) stream \(streamID) \(payload)" }

  /// The error code of RST_STREAM or GOAWAY.
  var errorCode: UInt32? {
    switch type {
    case FrameHead.Kind.reset: number(at: 0)
    case FrameHead.Kind.goAway: number(at: 4)
    default: nil
    }
  }

  func number(at offset: Int) -> UInt32 {
    payload[offset..<(offset + 4)].reduce(0) { $0 << 8 | UInt32($1) }
  }

  static func head(_ length: Int, _ type: UInt8, _ flags: UInt8, _ streamID: UInt32) -> [UInt8] {
    [UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags]
      + big(streamID)
  }

  static func big(_ number: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
  }

  /// Splits bytes into whole frames; what is left over stays in `bytes`.
  static func parse(_ bytes: inout [UInt8]) -> [Frame] {
    var frames: [Frame] = []
    var offset = 0
    while bytes.count - offset >= 9 {
      let length = bytes[offset..<(offset + 3)].reduce(0) { $0 << 8 | Int($1) }
      guard bytes.count - offset >= 9 + length else { break }
      let number = bytes[(offset + 5)..<(offset + 9)].reduce(0) { $0 << 8 | UInt32($1) }
      frames.append(
        Frame(
          type: bytes[offset + 3], flags: bytes[offset + 4], streamID: number & 0x7FFF_FFFF,
          payload: Array(bytes[(offset + 9)..<(offset + 9 + length)])))
      offset += 9 + length
    }
    bytes.removeFirst(offset)
    return frames
  }
}

/// Frames and header blocks by name.
enum Wire {
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
  static let start = preface + settings()
  static let endStream: UInt8 = 1
  static let endHeaders: UInt8 = 4

  static func settings(_ entries: [(UInt16, UInt32)] = [], flags: UInt8 = 0) -> [UInt8] {
    var payload: [UInt8] = []
    for (id, value) in entries { payload += [UInt8(id >> 8), UInt8(id & 255)] + Frame.big(value) }
    return Frame(type: 4, flags: flags, payload: payload).bytes
  }

  static let settingsAck = settings(flags: 1)

  static func headers(
    _ streamID: UInt32, _ block: [UInt8] = get, flags: UInt8 = endStream | endHeaders
  ) -> [UInt8] {
    Frame(type: 1, flags: flags, streamID: streamID, payload: block).bytes
  }

  static func continuation(_ streamID: UInt32, _ block: [UInt8], flags: UInt8 = 0) -> [UInt8] {
    Frame(type: 9, flags: flags, streamID: streamID, payload: block).bytes
  }

  static func data(_ streamID: UInt32, _ body: [UInt8], flags: UInt8 = 0) -> [UInt8] {
    Frame(type: 0, flags: flags, streamID: streamID, payload: body).bytes
  }

  static func priority(_ streamID: UInt32, on other: UInt32 = 0) -> [UInt8] {
    Frame(type: 2, streamID: streamID, payload: Frame.big(other) + [15]).bytes
  }

  static func reset(_ streamID: UInt32, _ code: UInt32 = 8) -> [UInt8] {
    Frame(type: 3, streamID: streamID, payload: Frame.big(code)).bytes
  }

  static func ping(_ flags: UInt8 = 0) -> [UInt8] {
    Frame(type: 6, flags: flags, payload: Array("pingpong".utf8)).bytes
  }

  static func goAway(_ last: UInt32 = 0, _ code: UInt32 = 0) -> [UInt8] {
    Frame(type: 7, payload: Frame.big(last) + Frame.big(code)).bytes
  }

  static func windowUpdate(_ streamID: UInt32, _ increment: UInt32) -> [UInt8] {
    Frame(type: 8, streamID: streamID, payload: Frame.big(increment)).bytes
  }

  static func unknown(_ payload: [UInt8] = [], streamID: UInt32 = 0) -> [UInt8] {
    Frame(type: 0xEE, streamID: streamID, payload: payload).bytes
  }

  // MARK: - HPACK (RFC 7541), without indexing

  static let get: [UInt8] = [0x82, 0x86, 0x84] + literal(":authority", "h")
  static let post: [UInt8] = [0x83, 0x86, 0x84] + literal(":authority", "h")

  static func literal(_ name: String, _ value: String) -> [UInt8] {
    [0x00] + text(name) + text(value)
  }

  /// With incremental indexing: the peer's table grows.
  static func indexed(_ name: String, _ value: String) -> [UInt8] {
    [0x40] + text(name) + text(value)
  }

  static func text(_ text: String) -> [UInt8] {
    integer(text.utf8.count, prefixBits: 7) + Array(text.utf8)
  }

  static func integer(_ value: Int, prefixBits: Int, mask: UInt8 = 0) -> [UInt8] {
    let limit = (1 << prefixBits) - 1
    if value < limit { return [mask | UInt8(value)] }
    var bytes = [mask | UInt8(limit)]
    var rest = value - limit
    while rest >= 128 {
      bytes.append(UInt8(rest & 127 | 128))
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }
}
