/// Frames of answers, for `RepeatLane`. Header fields are literals without indexing (RFC 7541
/// §6.2.2): the table belongs to the library's encoder, and these leave it alone.
extension [UInt8] {
  /// Appends the nine octets in front of a frame (RFC 9113 §4.1).
  mutating func appendFrameHead(byteCount: Int, _ type: UInt8, flags: UInt8, _ streamID: Int32) {
    append(addingCapacity: FrameHead.byteCount) { output in
      output.append(UInt8(truncatingIfNeeded: byteCount >> 16))
      output.append(UInt8(truncatingIfNeeded: byteCount >> 8))
      output.append(UInt8(truncatingIfNeeded: byteCount))
      output.append(type)
      output.append(flags)
      let number = UInt32(bitPattern: streamID)
      output.append(UInt8(truncatingIfNeeded: number >> 24))
      output.append(UInt8(truncatingIfNeeded: number >> 16))
      output.append(UInt8(truncatingIfNeeded: number >> 8))
      output.append(UInt8(truncatingIfNeeded: number))
    }
  }

  /// Enters what stands behind the frame head at `start` as its length.
  mutating func setFrameLength(at start: Int) {
    let length = count - start - FrameHead.byteCount
    self[start] = UInt8(truncatingIfNeeded: length >> 16)
    self[start + 1] = UInt8(truncatingIfNeeded: length >> 8)
    self[start + 2] = UInt8(truncatingIfNeeded: length)
  }

  /// Completes the HEADERS frame at `start`. What is too long for one frame continues in others.
  mutating func endHeaders(at start: Int, _ streamID: Int32) {
    let bytesMax = RepeatLane.frameBytesMax
    guard count - start - FrameHead.byteCount > bytesMax else { return setFrameLength(at: start) }
    var rest = Array(self[(start + FrameHead.byteCount + bytesMax)...])
    removeLast(rest.count)
    setFrameLength(at: start)
    self[start + 4] &= ~FrameHead.Flag.endHeaders
    while !rest.isEmpty {
      let length = Swift.min(rest.count, bytesMax)
      appendFrameHead(
        byteCount: length, FrameHead.Kind.continuation,
        flags: length == rest.count ? FrameHead.Flag.endHeaders : 0, streamID)
      append(contentsOf: rest[..<length])
      rest.removeFirst(length)
    }
  }

  /// Appends a dynamic table size update (RFC 7541 §6.3).
  mutating func appendTableSize(_ size: Int) {
    guard size >= 31 else { return append(0x20 | UInt8(truncatingIfNeeded: size)) }
    append(0x3F)
    appendRest(size - 31)
  }

  /// Appends the header block of an answer; `byteCount` is its `content-length`.
  mutating func appendHeaders(
    status: Int, contentType: StaticString?, byteCount: Int, _ fields: [HeaderField]
  ) {
    appendStatus(status)
    if let contentType {
      // Name 31 of the static table.
      append(0x0F)
      append(0x10)
      appendText(contentType)
    }
    // RFC 9110 §8.6: neither 1xx nor 204 has a length.
    if status >= 200, status != 204 {
      // Name 28 of the static table.
      append(0x0F)
      append(0x0D)
      appendDigits(byteCount)
    }
    for field in fields {
      switch field.value {
      case .constant(let text):
        append(0)
        appendText(field.name)
        appendText(text)
      case .bytes(let bytes):
        append(0)
        appendText(field.name)
        appendText(bytes)
      case .secret(let bytes):
        append(0x10)
        appendText(field.name)
        appendText(bytes)
      }
    }
  }

  private mutating func appendStatus(_ status: Int) {
    switch status {
    case 200: append(0x88)
    case 204: append(0x89)
    case 304: append(0x8B)
    case 400: append(0x8C)
    case 404: append(0x8D)
    case 500: append(0x8E)
    default:
      // Name 8 of the static table.
      append(0x08)
      appendDigits(status)
    }
  }

  /// A text of decimal digits, with its length in front.
  private mutating func appendDigits(_ number: Int) {
    var divisor = 1
    var digits: UInt8 = 1
    while number / divisor >= 10 {
      divisor *= 10
      digits += 1
    }
    append(digits)
    while divisor > 0 {
      append(UInt8(truncatingIfNeeded: 48 + number / divisor % 10))
      divisor /= 10
    }
  }

  private mutating func appendText(_ text: StaticString) {
    appendLength(text.utf8CodeUnitCount)
    // A literal's bytes live as long as the program.
    unsafe append(
      contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  private mutating func appendText(_ text: [UInt8]) {
    appendLength(text.count)
    append(contentsOf: text)
  }

  /// An integer with a prefix of seven bits (RFC 7541 §5.1).
  private mutating func appendLength(_ length: Int) {
    guard length >= 127 else { return append(UInt8(truncatingIfNeeded: length)) }
    append(127)
    appendRest(length - 127)
  }

  /// What does not fit an integer's prefix.
  private mutating func appendRest(_ number: Int) {
    var rest = number
    while rest >= 128 {
      append(UInt8(truncatingIfNeeded: rest) | 128)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }

  /// The GOAWAY frame at `start` names at least this stream as taken.
  mutating func raiseLastStream(to streamID: Int32, at start: Int) {
    let offset = start + FrameHead.byteCount
    guard count >= offset + 4 else { return }
    var named: Int32 = 0
    for index in offset..<(offset + 4) { named = named << 8 | Int32(self[index]) }
    guard named < streamID else { return }
    let number = UInt32(bitPattern: streamID)
    for index in 0..<4 {
      self[offset + index] = UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32(index)))
    }
  }

  /// The SETTINGS frame at `start`, of one entry, allows so many streams.
  mutating func writeStreams(_ number: Int, at start: Int) {
    let offset = start + FrameHead.byteCount
    guard count >= offset + 6, self[offset] == 0, self[offset + 1] == 3 else { return }
    for index in 0..<4 {
      self[offset + 2 + index] = UInt8(truncatingIfNeeded: number >> (24 - 8 * index))
    }
  }

  /// Appends four octets.
  mutating func append(bigEndian number: UInt32) {
    append(UInt8(truncatingIfNeeded: number >> 24))
    append(UInt8(truncatingIfNeeded: number >> 16))
    append(UInt8(truncatingIfNeeded: number >> 8))
    append(UInt8(truncatingIfNeeded: number))
  }
}
