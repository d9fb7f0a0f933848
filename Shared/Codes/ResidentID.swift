/// The citizen's number of GB 11643: six digits of place, eight of birth date, three of sequence,
/// and a check character by ISO 7064 MOD 11-2.
package enum ResidentID {
  package static let characterCount = 18

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

  private static func value(_ number: Span<UInt8>, _ range: Range<Int>) -> Int {
    var value = 0
    for index in range { value = value * 10 + Int(number[index] &- 0x30) }
    return value
  }
}
