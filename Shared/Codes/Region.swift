/// A city or province that runs CityCode, named by its six-digit GB/T 2260 code.
///
/// A region that no one runs is still a well-formed region: whether it is known is for the
/// service's configuration to say.
package struct Region: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The six digits as a number, 100000...999999; fits the three bytes that a code gives it.
  package let number: UInt32

  /// `nil` unless `number` has six digits.
  @inlinable
  package init?(_ number: UInt32) {
    guard 100_000...999_999 ~= number else { return nil }
    self.number = number
  }

  /// Reads exactly six digits.
  package init?(text: some StringProtocol) {
    guard text.utf8.count == 6 else { return nil }
    var number: UInt32 = 0
    for character in text.utf8 {
      guard 0x30...0x39 ~= character else { return nil }
      number = number * 10 + UInt32(character - 0x30)
    }
    self.init(number)
  }

  /// The first two digits: the province, autonomous region or municipality.
  package var province: Int { Int(number / 10_000) }

  package var description: String { String(number) }

  @inlinable
  package static func < (left: Region, right: Region) -> Bool { left.number < right.number }
}
