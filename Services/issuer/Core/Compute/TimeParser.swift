import Codes
import Records

/// Reads the times of one source: patterns of digits at fixed places are compared and checked
/// eight bytes a step.
struct TimeParser: Sendable {
  private struct Word: BitwiseCopyable, Sendable {
    /// Bytes that must be as in `literals`.
    var literalMask: UInt64 = 0
    var literals: UInt64 = 0
    /// The upper halves of the bytes that must be digits.
    var digitMask: UInt64 = 0
    var usedMask: UInt64 = 0
  }

  private enum Kind: UInt8, BitwiseCopyable { case pattern, rfc3339, unixSeconds, unixMilliseconds }

  /// Without a reference, so that looking at one counts nothing.
  private struct Format: BitwiseCopyable, Sendable {
    var kind: Kind
    // Of a pattern:
    var byteCount = 0
    /// The first of its words in `words`, and the one behind the last.
    var firstWord = 0
    var lastWord = 0
    var secondsEast = 0
    // Where its parts stand; −1: nowhere.
    var year = 0
    var month = 0
    var day = 0
    var hour = -1
    var minute = -1
    var second = -1
  }

  private var formats: [Format] = []
  private var words: [Word] = []
  /// Days from 2020-01-01 to the first of each month until the end of 2155, and of January 2156.
  private let monthStarts: [Int32]
  private static let years = 136

  init(_ formats: [TimeFormat]) {
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
    for format in formats {
      switch format {
      case .pattern(let text, let secondsEast): add(text, Int(secondsEast))
      case .rfc3339: self.formats.append(Format(kind: .rfc3339))
      case .unixSeconds: self.formats.append(Format(kind: .unixSeconds))
      case .unixMilliseconds: self.formats.append(Format(kind: .unixMilliseconds))
      }
    }
  }

  private mutating func add(_ text: [UInt8], _ secondsEast: Int) {
    var format = Format(kind: .pattern)
    format.byteCount = text.count
    format.secondsEast = secondsEast
    format.firstWord = words.count
    words += Array(repeating: Word(), count: (text.count + 7) / 8)
    format.lastWord = words.count
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
    format.year = find("yyyy")
    format.month = find("MM")
    format.day = find("dd")
    format.hour = find("HH")
    format.minute = find("mm")
    format.second = find("ss")
    for (index, byte) in text.enumerated() {
      let word = format.firstWord + index / 8
      let shift = UInt64(8 * (index % 8))
      words[word].usedMask |= 0xFF << shift
      if isDigit[index] {
        words[word].digitMask |= 0xF0 << shift
      } else {
        words[word].literalMask |= 0xFF << shift
        words[word].literals |= UInt64(byte) << shift
      }
    }
    formats.append(format)
  }

  /// Minutes since 2020-01-01T00:00Z of the first format that fits; `nil` when none does, and for
  /// times before 2020.
  func minutes(_ bytes: Span<UInt8>, _ field: Range<Int>) -> UInt32? {
    guard !field.isEmpty else { return nil }
    let formats = formats.span
    for index in formats.indices {
      let found: UInt32?
      switch formats[index].kind {
      case .pattern:
        guard formats[index].byteCount == field.count else { continue }
        found = minutes(bytes, field.lowerBound, formats[index])
      case .rfc3339: found = CityTime(rfc3339: bytes.extracting(field))?.minutes
      case .unixSeconds: found = Self.unixMinutes(bytes, field, perMinute: 60)
      case .unixMilliseconds: found = Self.unixMinutes(bytes, field, perMinute: 60_000)
      }
      if let found { return found }
    }
    return nil
  }

  private func minutes(_ bytes: Span<UInt8>, _ start: Int, _ pattern: Format) -> UInt32? {
    let words = words.span
    var offset = start
    for index in pattern.firstWord..<pattern.lastWord {
      let word = words[index]
      let text = bytes.wordOfRow(at: offset) & word.usedMask
      offset += 8
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
