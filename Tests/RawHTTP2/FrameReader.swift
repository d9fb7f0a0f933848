/// Cuts received bytes into frames. Never trusts the peer with more than 16 MiB a frame, which is
/// all the 24-bit length can say.
package struct FrameReader {
  private var bytes: [UInt8] = []
  private var offset = 0

  package init() {}

  /// Adds bytes just received.
  package mutating func append(_ received: some Sequence<UInt8>) {
    if offset > 0 {
      bytes.removeFirst(offset)
      offset = 0
    }
    bytes.append(contentsOf: received)
  }

  /// The next frame that is complete.
  package mutating func next() -> Frame? {
    guard bytes.count - offset >= Frame.headerByteCount else { return nil }
    let byteCount = Int(bytes.bigEndian32(at: offset) >> 8)
    let end = offset + Frame.headerByteCount + byteCount
    guard bytes.count >= end else { return nil }
    let frame = Frame(
      FrameKind(rawValue: bytes[offset + 3]), flags: FrameFlags(rawValue: bytes[offset + 4]),
      streamID: bytes.bigEndian32(at: offset + 5) & 0x7fff_ffff,
      payload: Array(bytes[offset + Frame.headerByteCount..<end]))
    offset = end
    return frame
  }
}
