/// The citizen's number of GB 11643: six digits of place, eight of birth date, three of sequence,
/// and a check character by ISO 7064 MOD 11-2.
package enum ResidentID {
  @inlinable
  package static var characterCount: Int { 18 }

  /// 2 to the power of (17 − index) modulo 11.
  @usableFromInline
  static let weights: InlineArray<17, UInt8> = [
    7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2,
  ]

  /// The check character that follows the first 17 characters of `digits`, which must be digits.
  @inlinable
  package static func checkCharacter(of digits: Span<UInt8>) -> UInt8 {
    var sum = 0
    for index in 0..<17 { sum += Int(digits[index] &- 0x30) * Int(weights[index]) }
    let check = (12 - sum % 11) % 11
    return check == 10 ? 0x58 : UInt8(0x30 + check)
  }

  /// Whether GB/T 2260 has a province with these first two digits; 81, 82 and 83 are the
  /// residence permits of Hong Kong, Macao and Taiwan residents.
  package static func isProvince(_ number: Int) -> Bool {
    switch number {
    case 11...15, 21...23, 31...37, 41...46, 50...54, 61...65, 71, 81...83: true
    default: false
    }
  }

  static func check(_ number: Span<UInt8>) -> DocumentFault? {
    guard number.count == characterCount else { return .badLength }
    for index in 0..<17 {
      guard 0x30...0x39 ~= number[index] else { return .badCharacter }
    }
    let last = upper(number[17])
    guard 0x30...0x39 ~= last || last == 0x58 else { return .badCharacter }
    guard isProvince(value(number, 0..<2)) else { return .unknownProvince }
    // Without a clock a birth date can only be plausible: a real day of 1880 to 2099.
    let year = value(number, 6..<10)
    let day = value(number, 12..<14)
    guard 1880...2099 ~= year, day >= 1,
      day <= CivilTime.dayCount(year: year, month: value(number, 10..<12))
    else { return .badBirthDate }
    return checkCharacter(of: number) == last ? nil : .badCheckDigit
  }

  /// Whether 18 bytes are a number that `check` finds no fault with and whose letter, if any, is in
  /// upper case: eight bytes a step, for a hundred million of them. The words hold the first 16
  /// bytes, the first of each the least significant.
  package static func isCanonical(
    _ first: UInt64, _ second: UInt64, _ seventeenth: UInt8, _ last: UInt8
  ) -> Bool {
    guard first.areDigits, second.areDigits, 0x30...0x39 ~= seventeenth else { return false }
    let head = first & 0x0F0F_0F0F_0F0F_0F0F
    let tail = second & 0x0F0F_0F0F_0F0F_0F0F
    // Of four digits at even and at odd places the weighted sum comes out in the upper 16 bits.
    let even: UInt64 = 0x00FF_00FF_00FF_00FF
    var sum = ((head & even) &* 0x0007_000A_0008_0002) >> 48
    sum &+= ((head >> 8 & even) &* 0x0009_0005_0004_0001) >> 48
    sum &+= ((tail & even) &* 0x0006_0007_000A_0008) >> 48
    sum &+= ((tail >> 8 & even) &* 0x0003_0009_0005_0004) >> 48
    sum &+= UInt64(seventeenth &- 0x30) &* 2
    let check = (12 &- sum % 11) % 11
    let year = (first >> 48).twoDigits &* 100 &+ second.twoDigits
    let month = (second >> 16).twoDigits
    let day = (second >> 32).twoDigits
    // Each part is looked at, whatever the others are: nearly all numbers are in order.
    let isChecked = last == (check == 10 ? 0x58 : UInt8(truncatingIfNeeded: 0x30 &+ check))
    let isPlace = isProvince(first.twoDigits)
    let isDay = day >= 1 && month <= 12 && day <= monthLengths[month & 15]
    let isLeapDay = month == 2 && day == 29 && CivilTime.isLeap(year: year)
    return isChecked && isPlace && 1880...2099 ~= year && (isDay || isLeapDay)
  }

  /// Days of a month that is not of a leap year; 0 for what is none.
  private static let monthLengths: InlineArray<16, Int> = [
    0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0,
  ]

  private static func value(_ number: Span<UInt8>, _ range: Range<Int>) -> Int {
    var value = 0
    for index in range { value = value * 10 + Int(number[index] &- 0x30) }
    return value
  }
}
