/// Loads of eight bytes from raw rows.
extension Span where Element == UInt8 {
  /// The number in the eight bytes from `offset`, least significant first. Out of range is the
  /// caller's bug and traps.
  @inlinable
  @inline(__always)
  package func wordOfRow(at offset: Int) -> UInt64 {
    precondition(offset >= 0 && offset <= count - 8, "a word outside the bytes")
    // In range as just checked; unaligned loads are allowed.
    let word = unsafe bytes.unsafeLoadUnaligned(
      fromUncheckedByteOffset: offset, as: UInt64.self)
    return UInt64(littleEndian: word)
  }

  /// The word `offset` bytes behind `start`, of which the lower six bits count. For several words
  /// of one field, since whether they are there is looked at once; out of range is the caller's bug
  /// and traps.
  @inlinable
  @inline(__always)
  package func wordOfRow(at start: Int, plus offset: Int) -> UInt64 {
    precondition(start >= 0 && start <= count - 72, "words outside the bytes")
    // In range as just checked; unaligned loads are allowed.
    let word = unsafe bytes.unsafeLoadUnaligned(
      fromUncheckedByteOffset: start &+ (offset & 63), as: UInt64.self)
    return UInt64(littleEndian: word)
  }
}
