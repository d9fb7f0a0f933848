import Codes
import Testing

@Suite struct ResidentIDTests {
  /// As the reader of raw records asks: two words in the order of memory, and two characters.
  private func isCanonical(_ number: [UInt8]) -> Bool {
    func word(_ start: Int) -> UInt64 {
      (0..<8).reduce(0) { $0 | UInt64(number[start + $1]) << UInt64(8 * $1) }
    }
    return ResidentID.isCanonical(word(0), word(8), number[16], number[17])
  }

  private func isAccepted(_ number: [UInt8]) -> Bool {
    var output: [UInt8] = []
    return Document.canonical(.residentID, number.span, into: &output) == nil && output == number
  }

  @Test("words of a number are judged as its characters are, whatever check character follows")
  func words() {
    var random = SplitMix(seed: 11_643)
    var accepted = 0
    for _ in 0..<20_000 {
      let isAny = Int.random(in: 0..<3, using: &random) == 0
      let known = ["310105", "110101", "420106", "830000"].randomElement(using: &random)!
      let place = isAny ? "\(Int.random(in: 10..<100, using: &random))0101" : known
      let year = 1_870 + Int.random(in: 0..<240, using: &random)
      // Nobody writes month 17, but a number with it must not be taken for one.
      let month = Int.random(
        in: 0..<(Int.random(in: 0..<3, using: &random) == 0 ? 100 : 13), using: &random)
      let day = Int.random(in: 0..<33, using: &random)
      func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
      let sequence = 100 + Int.random(in: 0..<900, using: &random)
      let digits = Array("\(place)\(year)\(two(month))\(two(day))\(sequence)".utf8)
      for check in "0123456789Xx:/".utf8 {
        let number = digits + [check]
        if isAccepted(number) { accepted += 1 }
        guard isCanonical(number) != isAccepted(number) else { continue }
        Issue.record("\(String(decoding: number, as: UTF8.self))")
        return
      }
    }
    #expect(accepted > 5_000)
  }

  @Test("a word with anything but digits is no number")
  func characters() {
    let number = Array("11010519491231002X".utf8)
    #expect(isCanonical(number) && isAccepted(number))
    for index in 0..<18 {
      for character: UInt8 in [0x00, 0x20, 0x2F, 0x3A, 0x3F, 0x40, 0x58, 0x70, 0xB0, 0xFF]
      where character != number[index] {
        var other = number
        other[index] = character
        #expect(!isCanonical(other), "\(other)")
      }
    }
  }
}
