/// Eight bytes as one number, the least significant first: how values that stay on this host are
/// laid out, so that reading one is a single load. Out of range is the caller's bug and traps.
extension Span where Element == UInt8 {
  /// The number in the eight bytes from `offset`.
  @inlinable
  @inline(__always)
  package func littleEndianWord(at offset: Int) -> UInt64 {
    precondition(offset >= 0 && offset <= count - 8, "a word outside the bytes")
    // In range as just checked; unaligned loads are allowed.
    let word = unsafe bytes.unsafeLoadUnaligned(
      fromUncheckedByteOffset: offset, as: UInt64.self)
    return UInt64(littleEndian: word)
  }
}

extension MutableSpan where Element == UInt8 {
  /// Puts a number into the eight bytes from `offset`.
  @inlinable
  @inline(__always)
  package mutating func setLittleEndianWord(_ word: UInt64, at offset: Int) {
    precondition(offset >= 0 && offset <= count - 8, "a word outside the bytes")
    unsafe withUnsafeMutableBytes { raw in
      // In range as just checked.
      unsafe raw.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt64.self)
    }
  }
}
