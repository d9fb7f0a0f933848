import Codes
import Support
import Testing

@testable import IssuerCore

/// What is read eight bytes a step, against what reads one.
@Suite struct RecordFieldTests {
  /// A field among other bytes, with those that must be readable behind it.
  private func inRow(_ text: [UInt8]) -> (bytes: [UInt8], field: Range<Int>) {
    let before = Array("9,".utf8)
    let after = Array(",77,8\n".utf8) + [UInt8](repeating: 0x35, count: 80)
    return (before + text + after, 2..<2 + text.count)
  }

  // MARK: Places

  @Test("a place has the twelve digits that its code begins")
  func places() {
    var random = SplitMix(of: "RecordFieldTests.places")
    for _ in 0..<20_000 {
      let length = random.below(15)
      var text = (0..<length).map { _ in UInt8(0x30 + random.below(10)) }
      if length > 0, random.once(in: 4) {
        text[random.below(length)] = UInt8(truncatingIfNeeded: random.next())
      }
      let (bytes, field) = inRow(text)
      let isNumber = text.allSatisfy { 0x30...0x39 ~= $0 }
      var expected: UInt64?
      if length == 0 {
        expected = 0
      } else if isNumber, text[0] != 0x30 {
        expected = PlaceCode.padded(UInt64(String(decoding: text, as: UTF8.self))!)
      }
      #expect(RecordCleaner.place(bytes.span, field) == expected, "\(text)")
    }
  }

  // MARK: Spellings

  @Test("of any texts each is found, and no other")
  func spellings() {
    var random = SplitMix(of: "RecordFieldTests.spellings")
    for round in 0..<300 {
      // Few letters, so that many texts begin or end alike.
      func text() -> [UInt8] {
        (0..<random.below(random.once(in: 3) ? 30 : 10)).map { _ in UInt8(0x61 + random.below(2)) }
      }
      var spellings: [String: UInt8] = [:]
      for number in 0..<random.below(40) {
        spellings[String(decoding: text(), as: UTF8.self)] = UInt8(number)
      }
      let table = SpellingTable(spellings)
      let others = (0..<50).map { _ in text() }
      for text in spellings.keys.map({ Array($0.utf8) }) + others {
        let (bytes, field) = inRow(text)
        let expected = spellings[String(decoding: text, as: UTF8.self)]
        #expect(table.value(bytes.span, field) == expected, "\(round) \(text)")
      }
    }
  }

  // MARK: Times

  /// As the plan's documents describe a pattern, a character at a time.
  private func minutes(_ text: [UInt8], _ pattern: String, secondsEast: Int) -> UInt32? {
    let form = Array(pattern.utf8)
    guard text.count == form.count else { return nil }
    var parts: [Character: Int] = [:]
    for (letter, byte) in zip(pattern.utf8, text) {
      let name = Character(Unicode.Scalar(letter))
      if "yMdHms".contains(name) {
        guard 0x30...0x39 ~= byte else { return nil }
        parts[name] = (parts[name] ?? 0) * 10 + Int(byte - 0x30)
      } else {
        guard letter == byte else { return nil }
      }
    }
    func two(_ name: Character) -> String {
      let number = parts[name] ?? 0
      return number < 10 ? "0\(number)" : "\(number)"
    }
    guard let year = parts["y"], year >= 1_000,
      let time = CityTime(
        rfc3339: "\(year)-\(two("M"))-\(two("d"))T\(two("H")):\(two("m")):\(two("s"))Z"),
      year < 2_156
    else { return nil }
    let seconds = Int(time.seconds) - secondsEast
    return seconds < 0 ? nil : UInt32(seconds / 60)
  }

  @Test("a time of any pattern is what its digits say, or none")
  func times() {
    var random = SplitMix(of: "RecordFieldTests.times")
    let patterns = [
      "yyyy-MM-dd HH:mm:ss", "yyyy/MM/dd HH:mm", "yyyyMMdd", "ddMMyyyyHHmmss", "yyyy年MM月dd日",
      "yyyy年MM月dd日HH时mm分", "ss mm HH dd MM yyyy", "yyyy年MM月dd日 HH时mm分ss秒",
    ]
    for _ in 0..<60_000 {
      let pattern = random.pick(patterns)
      let secondsEast = random.pick([0, 28_800, -18_000])
      let parser = TimeParser([
        .unixSeconds, .pattern(Array(pattern.utf8), secondsEast: Int32(secondsEast)),
      ])
      var text = Array(pattern.utf8)
      func put(_ letters: String, _ number: Int) {
        let digits = Array(String(number).utf8)
        let zeros = [UInt8](repeating: 0x30, count: max(0, letters.utf8.count - digits.count))
        let wanted = Array(letters.utf8)
        guard let place = text.indices.first(where: { text[$0...].starts(with: wanted) }) else {
          return
        }
        text.replaceSubrange(place..<place + wanted.count, with: zeros + digits)
      }
      put("yyyy", random.pick([2_019, 2_020, 2_020, 2_021, 2_100, 2_155, 2_156]))
      put("MM", random.below(14))
      put("dd", random.below(33))
      put("HH", random.below(25))
      put("mm", random.below(61))
      put("ss", random.below(61))
      if random.once(in: 5) { text[random.below(text.count)] = UInt8(random.below(256)) }
      let (bytes, field) = inRow(text)
      // A field of digits alone may also be seconds since 1970.
      let isNumber = text.allSatisfy { 0x30...0x39 ~= $0 } && text.count <= 15
      let unix = isNumber ? Int(String(decoding: text, as: UTF8.self))! / 60 - 26_297_280 : -1
      let expected =
        unix >= 0 && unix <= UInt32.max
        ? UInt32(unix) : minutes(text, pattern, secondsEast: secondsEast)
      #expect(
        parser.minutes(bytes.span, field) == expected,
        "\(String(decoding: text, as: UTF8.self)) \(pattern)")
    }
  }

  @Test(
    "a time of RFC 3339 is read in all its forms",
    arguments: [
      "2020-02-29T08:00:00Z", "2020-02-29T08:00:00+08:00", "2020-02-29t08:00:00z",
      "2020-02-29T08:00:00.123+08:00", "2020-02-29T08:00:00-05:30", "2020-01-01T07:59:59+08:00",
      "2021-02-29T08:00:00Z", "2020-02-29T24:00:00+08:00", "2020-02-29T08:00:00+0800", "",
    ])
  func rfc3339(text: String) {
    let (bytes, field) = inRow(Array(text.utf8))
    let expected = CityTime(rfc3339: text)?.minutes
    #expect(TimeParser([.rfc3339]).minutes(bytes.span, field) == expected)
  }
}
