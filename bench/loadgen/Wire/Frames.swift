/// Where a thread's connections read into: one after the other, so one of each will do.
struct ReadBuffers {
  var plaintext: [UInt8] = []
  var cipher: [UInt8] = []
}

/// Numbers of RFC 9113 that the client uses.
enum FrameKind {
  static let data: UInt8 = 0
  static let headers: UInt8 = 1
  static let resetStream: UInt8 = 3
  static let settings: UInt8 = 4
  static let pushPromise: UInt8 = 5
  static let ping: UInt8 = 6
  static let goAway: UInt8 = 7
  static let windowUpdate: UInt8 = 8
  static let continuation: UInt8 = 9
}

enum FrameFlag {
  static let endStream: UInt8 = 0x1
  static let acknowledge: UInt8 = 0x1
  static let endHeaders: UInt8 = 0x4
  static let padded: UInt8 = 0x8
  static let priority: UInt8 = 0x20
}

extension [UInt8] {
  /// Appends a frame's 9 bytes of header.
  mutating func appendFrameHeader(
    byteCount: Int, kind: UInt8, flags: UInt8 = 0, streamID: UInt32 = 0
  ) {
    append(UInt8(truncatingIfNeeded: byteCount >> 16))
    append(UInt8(truncatingIfNeeded: byteCount >> 8))
    append(UInt8(truncatingIfNeeded: byteCount))
    append(kind)
    append(flags)
    append(number: streamID)
  }

  /// Appends 4 bytes, the highest first.
  mutating func append(number: UInt32) {
    append(UInt8(truncatingIfNeeded: number >> 24))
    append(UInt8(truncatingIfNeeded: number >> 16))
    append(UInt8(truncatingIfNeeded: number >> 8))
    append(UInt8(truncatingIfNeeded: number))
  }

  /// Writes 4 bytes at `offset`, the highest first.
  mutating func put(_ number: UInt32, at offset: Int) {
    self[offset] = UInt8(truncatingIfNeeded: number >> 24)
    self[offset &+ 1] = UInt8(truncatingIfNeeded: number >> 16)
    self[offset &+ 2] = UInt8(truncatingIfNeeded: number >> 8)
    self[offset &+ 3] = UInt8(truncatingIfNeeded: number)
  }
}

extension Span<UInt8> {
  /// The 4 bytes at `offset`, the highest first.
  func number(at offset: Int) -> UInt32 {
    UInt32(self[offset]) << 24 | UInt32(self[offset + 1]) << 16 | UInt32(self[offset + 2]) << 8
      | UInt32(self[offset + 3])
  }
}

/// What the peer allows (its SETTINGS) and what is left of it.
struct PeerLimits {
  var streamsMax = 100
  var initialWindow = 65_535
  var frameBytesMax = 16_384
  var headerTableBytes = RequestBlock.tableBytesDefault
  /// What we may send on the connection.
  var connectionWindow = 65_535
}

/// What the client says first: the preface, and receive windows that hold up no answer.
enum Opening {
  static let streamWindow = 1 << 24
  static let connectionWindow = 1 << 30
  /// A window is renewed when this much of it is used.
  static let streamRenewal = 1 << 22
  static let connectionRenewal = 1 << 28

  static let bytes: [UInt8] = {
    var bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    bytes.appendFrameHeader(byteCount: 12, kind: FrameKind.settings)
    // ENABLE_PUSH 0, INITIAL_WINDOW_SIZE.
    bytes += [0, 2]
    bytes.append(number: 0)
    bytes += [0, 4]
    bytes.append(number: UInt32(streamWindow))
    bytes.appendFrameHeader(byteCount: 4, kind: FrameKind.windowUpdate)
    bytes.append(number: UInt32(connectionWindow - 65_535))
    return bytes
  }()
}
