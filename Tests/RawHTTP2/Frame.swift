/// The 8-bit type of a frame (RFC 9113 §6). Types nobody defined can be sent too.
package struct FrameKind: RawRepresentable, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }

  package static let data = FrameKind(rawValue: 0)
  package static let headers = FrameKind(rawValue: 1)
  package static let priority = FrameKind(rawValue: 2)
  package static let rstStream = FrameKind(rawValue: 3)
  package static let settings = FrameKind(rawValue: 4)
  package static let pushPromise = FrameKind(rawValue: 5)
  package static let ping = FrameKind(rawValue: 6)
  package static let goAway = FrameKind(rawValue: 7)
  package static let windowUpdate = FrameKind(rawValue: 8)
  package static let continuation = FrameKind(rawValue: 9)
}

/// The 8 flag bits of a frame; what a bit means depends on the frame's type.
package struct FrameFlags: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }

  package static let endStream = FrameFlags(rawValue: 0x1)
  package static let acknowledge = FrameFlags(rawValue: 0x1)
  package static let endHeaders = FrameFlags(rawValue: 0x4)
  package static let padded = FrameFlags(rawValue: 0x8)
  package static let priority = FrameFlags(rawValue: 0x20)

  /// A whole request without a body in one HEADERS frame.
  package static let wholeRequest: FrameFlags = [.endStream, .endHeaders]
}

/// One frame exactly as it is on the wire, right or wrong (RFC 9113 §4.1).
package struct Frame: Equatable, Sendable {
  package var kind: FrameKind
  package var flags: FrameFlags
  /// All 32 bits, so that a test can set the reserved one.
  package var streamID: UInt32
  package var payload: [UInt8]
  /// The length field when it shall not be the payload's.
  package var claimedByteCount: Int?

  package static let headerByteCount = 9
  /// What a peer must accept unless it said more (RFC 9113 §4.2).
  package static let payloadBytesMax = 16_384

  package init(
    _ kind: FrameKind, flags: FrameFlags = [], streamID: UInt32 = 0, payload: [UInt8] = [],
    claimedByteCount: Int? = nil
  ) {
    self.kind = kind
    self.flags = flags
    self.streamID = streamID
    self.payload = payload
    self.claimedByteCount = claimedByteCount
  }

  /// Appends the 9-byte header and the payload.
  package func append(to bytes: inout [UInt8]) {
    let byteCount = claimedByteCount ?? payload.count
    bytes.append(UInt8(truncatingIfNeeded: byteCount >> 16))
    bytes.append(UInt8(truncatingIfNeeded: byteCount >> 8))
    bytes.append(UInt8(truncatingIfNeeded: byteCount))
    bytes.append(kind.rawValue)
    bytes.append(flags.rawValue)
    bytes.append(bigEndian: streamID)
    bytes.append(contentsOf: payload)
  }
}

extension Frame: CustomStringConvertible {
  package var description: String {
    "frame(type \(kind.rawValue), flags \(flags.rawValue), stream \(streamID), "
      + "\(payload.count) bytes)"
  }
}

extension [UInt8] {
  /// Appends four bytes, most significant first.
  package mutating func append(bigEndian value: UInt32) {
    for shift in stride(from: 24, through: 0, by: -8) {
      append(UInt8(truncatingIfNeeded: value >> UInt32(shift)))
    }
  }

  /// Four bytes at `offset`, most significant first; 0 when they are not all there.
  package func bigEndian32(at offset: Int) -> UInt32 {
    guard offset + 4 <= count else { return 0 }
    return self[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
  }
}
