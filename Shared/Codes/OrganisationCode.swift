/// The unified social credit code of GB 32100: 18 characters of the digits and the capitals
/// without I, O, S, V and Z. One of registration department, one of category, six digits of
/// place, nine of the organisation (GB 11714), one check character modulo 31.
package enum OrganisationCode {
  package static let characterCount = 18

  /// The character of each value 0...30.
  package static let characters: InlineArray<31, UInt8> = [
    0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46,
    0x47, 0x48, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x50, 0x51, 0x52, 0x54, 0x55, 0x57, 0x58, 0x59,
  ]

  /// 3 to the power of the index modulo 31.
  static let weights: InlineArray<17, UInt8> = [
    1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28,
  ]

  /// The value of each upper-case character; 255 where there is none.
  static let values: InlineArray<256, UInt8> = {
    var values = InlineArray<256, UInt8>(repeating: 255)
    for value in characters.indices { values[Int(characters[value])] = UInt8(value) }
    return values
  }()

  /// The check character that follows the first 17 characters of `code`, which must be of the
  /// alphabet and in upper case.
  package static func checkCharacter(of code: Span<UInt8>) -> UInt8 {
    var sum = 0
    for index in 0..<17 { sum += Int(values[Int(code[index])]) * Int(weights[index]) }
    return characters[(31 - sum % 31) % 31]
  }

  /// The ninth character of a GB 11714 organisation code, after the first eight of `subject`,
  /// which are digits or capitals of the same alphabet.
  package static func subjectCheckCharacter(of subject: Span<UInt8>) -> UInt8 {
    let weights: InlineArray<8, Int> = [3, 7, 9, 10, 5, 8, 4, 2]
    var sum = 0
    for index in 0..<8 {
      // GB 11714 counts A as 10 to Z as 35, unlike GB 32100.
      let character = Int(subject[index])
      sum += (character < 0x41 ? character - 0x30 : character - 0x41 + 10) * weights[index]
    }
    let check = 11 - sum % 11
    return check == 10 ? 0x58 : UInt8(0x30 + check % 11)
  }

  static func check(_ code: Span<UInt8>) -> DocumentFault? {
    guard code.count == characterCount else { return .badLength }
    var sum = 0
    for index in 0..<17 {
      let character = upper(code[index])
      let value = values[Int(character)]
      guard value != 255 else { return .badCharacter }
      if 2..<8 ~= index, value > 9 { return .badCharacter }
      sum += Int(value) * Int(weights[index])
    }
    let last = upper(code[17])
    guard values[Int(last)] != 255 else { return .badCharacter }
    guard ResidentID.isProvince(place(code)) || place(code) == 10 else { return .unknownProvince }
    return characters[(31 - sum % 31) % 31] == last ? nil : .badCheckDigit
  }

  /// The first two digits of the place; 10 stands for the national registration office (100000).
  private static func place(_ code: Span<UInt8>) -> Int {
    Int(code[2] &- 0x30) * 10 + Int(code[3] &- 0x30)
  }
}
