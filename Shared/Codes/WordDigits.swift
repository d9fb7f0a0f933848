/// Eight bytes of text as a word, the first the least significant: digits read a few at a time.
extension UInt64 {
  /// Whether all eight bytes are ASCII digits.
  @inlinable
  @inline(__always)
  package var areDigits: Bool {
    let high: UInt64 = 0xF0F0_F0F0_F0F0_F0F0
    let zeros: UInt64 = 0x3030_3030_3030_3030
    return ((self & high) ^ zeros) | (((self &+ 0x0606_0606_0606_0606) & high) ^ zeros) == 0
  }

  /// The number of the first two bytes, which are digits.
  @inlinable
  @inline(__always)
  package var twoDigits: Int {
    Int(truncatingIfNeeded: ((self & 0x0F0F) &* 2_561) >> 8 & 0xFF)
  }

  /// The number of the first four bytes, which are digits.
  @inlinable
  @inline(__always)
  package var fourDigits: Int {
    let pairs = ((self & 0x0F0F_0F0F) &* 2_561) >> 8 & 0x00FF_00FF
    return Int(truncatingIfNeeded: (pairs & 0xFF) &* 100 &+ pairs >> 16)
  }

  /// The number of all eight bytes, which are digits.
  @inlinable
  @inline(__always)
  package var eightDigits: UInt64 {
    let pairs = ((self & 0x0F0F_0F0F_0F0F_0F0F) &* 2_561) >> 8 & 0x00FF_00FF_00FF_00FF
    let fours = (pairs &* (100 << 16 + 1)) >> 16 & 0x0000_FFFF_0000_FFFF
    return (fours &* (10_000 << 32 + 1)) >> 32
  }
}
