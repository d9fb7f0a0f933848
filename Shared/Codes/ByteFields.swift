/// Big-endian fields inside a span: every binary format of this project is big-endian on the wire
/// (a status page, which never leaves its host, is not). Out of range is our own misuse, so it
/// traps: decoders compare `count` first.
extension Span where Element == UInt8 {
  /// The big-endian integer of `T`'s width that starts at `offset`.
  @inlinable
  package func bigEndian<T: FixedWidthInteger & UnsignedInteger>(
    at offset: Int, as type: T.Type = T.self
  ) -> T {
    var value: T = 0
    for index in 0..<(T.bitWidth / 8) {
      value = (value << 8) | T(truncatingIfNeeded: self[offset + index])
    }
    return value
  }

  /// The big-endian number in the `byteCount` bytes that start at `offset`; at most 8.
  @inlinable
  package func bigEndianNumber(at offset: Int, byteCount: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in offset..<(offset + byteCount) { value = (value << 8) | UInt64(self[index]) }
    return value
  }

  /// Whether the bytes are the UTF-8 of `text`.
  package func spells(_ text: String) -> Bool {
    let utf8 = text.utf8
    guard count == utf8.count else { return false }
    var index = 0
    for byte in utf8 {
      guard self[index] == byte else { return false }
      index += 1
    }
    return true
  }
}

extension Array where Element == UInt8 {
  /// A copy of `bytes`.
  @inlinable
  package init(copying bytes: Span<UInt8>) {
    self = []
    append(copying: bytes)
  }

  /// Appends the low `byteCount` bytes of `value`, most significant first.
  @inlinable
  package mutating func appendBigEndian(_ value: UInt64, byteCount: Int) {
    append(addingCapacity: byteCount) { $0.appendBigEndian(value, byteCount: byteCount) }
  }

  /// Appends the whole width of `value`, most significant byte first.
  @inlinable
  package mutating func appendBigEndian<T: FixedWidthInteger & UnsignedInteger>(_ value: T) {
    appendBigEndian(UInt64(value), byteCount: T.bitWidth / 8)
  }

  /// Appends a copy of `bytes`.
  @inlinable
  package mutating func append(copying bytes: Span<UInt8>) {
    append(addingCapacity: bytes.count) { output in
      for index in bytes.indices { output.append(bytes[index]) }
    }
  }
}

extension OutputSpan where Element == UInt8 {
  /// Appends the low `byteCount` bytes of `value`, most significant first; there must be room.
  @inlinable
  @inline(__always)
  package mutating func appendBigEndian(_ value: UInt64, byteCount: Int) {
    var shift = UInt64(byteCount) * 8
    while shift > 0 {
      shift -= 8
      append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }
}
