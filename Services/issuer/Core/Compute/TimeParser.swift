import Codes
import Records

/// Reads the times of one source: patterns of digits at fixed places are compared and checked
/// eight bytes a step.
struct TimeParser: Sendable {
  private struct Word: Sendable {
    /// Bytes that must be as in `literals`.
    var literalMask: UInt64 = 0
    var literals: UInt64 = 0
    /// The upper halves of the bytes that must be digits.
    var digitMask: UInt64 = 0
    var usedMask: UInt64 = 0
  }

  private struct Pattern: Sendable {
    var byteCount = 0
    var words: [Word] = []
    var secondsEast = 0
    var year = 0
    var month = 0
    var day = 0
    // −1: not in the pattern.
    var hour = -1
    var minute = -1
    var second = -1
  }

  private enum Format: Sendable { case pattern(Pattern), rfc3339, unixSeconds, unixMilliseconds }

  private let formats: [Format]
  /// Days from 2020-01-01 to the first of each month until the end of 2155, and of January 2156.
  private let monthStarts: [Int32]
  private static let years = 136

  init(_ formats: [TimeFormat]) {
    self.formats = formats.map { format in
      switch format {
      case .pattern(let text, let secondsEast): .pattern(Self.compile(text, Int(secondsEast)))
      case .rfc3339: .rfc3339
      case .unixSeconds: .unixSeconds
      case .unixMilliseconds: .unixMilliseconds
      }
    }
    var starts: [Int32] = []
    var days: Int32 = 0
    for year in 2020..<2020 + Self.years {
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      for length: Int32 in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        starts.append(days)
        days += length
      }
    }
    starts.append(days)
    monthStarts = starts
  }

  private static func compile(_ text: [UInt8], _ secondsEast: Int) -> Pattern {
    var pattern = Pattern()
    pattern.byteCount = text.count
    pattern.secondsEast = secondsEast
    pattern.words = Array(repeating: Word(), count: (text.count + 7) / 8)
    var isDigit = [Bool](repeating: false, count: text.count)
    func find(_ letters: String) -> Int {
      let wanted = Array(letters.utf8)
      var place = 0
      while place + wanted.count <= text.count {
        if Array(text[place..<place + wanted.count]) == wanted {
          for index in place..<place + wanted.count { isDigit[index] = true }
          return place
        }
        place += 1
      }
      return -1
    }
    pattern.year = find("yyyy")
    pattern.month = find("MM")
    pattern.day = find("dd")
    pattern.hour = find("HH")
    pattern.minute = find("mm")
    pattern.second = find("ss")
    for (index, byte) in text.enumerated() {
      let shift = UInt64(8 * (index % 8))
      pattern.words[index / 8].usedMask |= 0xFF << shift
      if isDigit[index] {
        pattern.words[index / 8].digitMask |= 0xF0 << shift
      } else {
        pattern.words[index / 8].literalMask |= 0xFF << shift
        pattern.words[index / 8].literals |= UInt64(byte) << shift
      }
    }
    return pattern
  }

  /// Minutes since 2020-01-01T00:00Z of the first format that fits; `nil` when none does, and for
  /// times before 2020.
  func minutes(_ bytes: Span<UInt8>, _ field: Range<Int>) -> UInt32? {
    guard !field.isEmpty else { return nil }
    for index in formats.indices {
      let found: UInt32?
      switch formats[index] {
      case .pattern(let pattern):
        guard pattern.byteCount == field.count else { continue }
        found = minutes(bytes, field.lowerBound, pattern)
      case .rfc3339: found = CityTime(rfc3339: bytes.extracting(field))?.minutes
      case .unixSeconds: found = Self.unixMinutes(bytes, field, perMinute: 60)
      case .unixMilliseconds: found = Self.unixMinutes(bytes, field, perMinute: 60_000)
      }
      if let found { return found }
    }
    return nil
  }

  private func minutes(_ bytes: Span<UInt8>, _ start: Int, _ pattern: Pattern) -> UInt32? {
    for index in pattern.words.indices {
      let word = pattern.words[index]
      let text = bytes.wordOfRow(at: start + 8 * index) & word.usedMask
      let threes = word.digitMask & 0x3030_3030_3030_3030
      let sixes = (word.digitMask >> 4) & 0x0606_0606_0606_0606
      guard text & word.literalMask == word.literals, text & word.digitMask == threes,
        (text &+ sixes) & word.digitMask == threes
      else { return nil }
    }
    func pair(_ offset: Int) -> Int {
      let place = start + offset
      return Int(bytes[place] & 15) * 10 + Int(bytes[place + 1] & 15)
    }
    let year = pair(pattern.year) * 100 + pair(pattern.year + 2) - 2020
    let month = pair(pattern.month) - 1
    guard year >= 0, year < Self.years, month >= 0, month < 12 else { return nil }
    let first = Int(monthStarts[year * 12 + month])
    let day = pair(pattern.day)
    let hour = pattern.hour < 0 ? 0 : pair(pattern.hour)
    let minute = pattern.minute < 0 ? 0 : pair(pattern.minute)
    let second = pattern.second < 0 ? 0 : pair(pattern.second)
    guard day >= 1, first + day <= Int(monthStarts[year * 12 + month + 1]), hour < 24, minute < 60,
      second < 60
    else { return nil }
    let seconds =
      ((first + day - 1) * 1_440 + hour * 60 + minute) * 60 + second - pattern.secondsEast
    return seconds >= 0 ? UInt32(truncatingIfNeeded: seconds / 60) : nil
  }

  private static func unixMinutes(
    _ bytes: Span<UInt8>, _ field: Range<Int>, perMinute: UInt64
  ) -> UInt32? {
    guard field.count <= 15 else { return nil }
    var number: UInt64 = 0
    for index in field {
      let digit = bytes[index] &- 0x30
      guard digit < 10 else { return nil }
      number = number * 10 + UInt64(digit)
    }
    // 2020-01-01T00:00Z in minutes since 1970.
    let minutes = number / perMinute
    guard minutes >= 26_297_280 else { return nil }
    return UInt32(exactly: minutes - 26_297_280)
  }
}
