import Codes

/// Many segments in one body: each after four big-endian bytes of its length.
package enum Framing {
  /// The longest frame, which is the longest segment.
  package static let frameByteCountMax = Segment.byteCountMax

  /// Appends one frame; an empty or too long one is the caller's bug.
  package static func append(_ frame: Span<UInt8>, to body: inout [UInt8]) {
    precondition(1...frameByteCountMax ~= frame.count, "a frame holds 1 byte to 4 MiB")
    body.appendBigEndian(UInt32(frame.count))
    body.append(copying: frame)
  }

  /// Where the frames of `body` lie, in order; `nil` when it does not consist of whole frames.
  package static func split(_ body: Span<UInt8>) -> [Range<Int>]? {
    var frames: [Range<Int>] = []
    var cursor = FeedCursor()
    while cursor.offset < body.count {
      guard let byteCount = cursor.uint32(body), 1...UInt32(frameByteCountMax) ~= byteCount,
        let frame = cursor.range(body, byteCount: Int(byteCount))
      else { return nil }
      frames.append(frame)
    }
    return frames
  }
}
