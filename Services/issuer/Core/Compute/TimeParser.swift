import Codes
import Records

/// Reads the times of one source: those with digits at fixed places are compared and checked eight
/// bytes a step.
struct TimeParser: Sendable {
  private struct Word: BitwiseCopyable, Sendable {
    /// Bytes that must be as in `literals`.
    var literalMask: UInt64 = 0
    var literals: UInt64 = 0
    /// The upper halves of the bytes that must be digits, and those of digits.
    var digitMask: UInt64 = 0
    var threes: UInt64 = 0
    /// What no digit leaves its upper half by.
    var sixes: UInt64 = 0

    /// 0 if the bytes are as they must be.
    @inline(__always)
    func fault(_ text: UInt64) -> UInt64 {
      ((text & literalMask) ^ literals) | ((text & digitMask) ^ threes)
        | (((text &+ sixes) & digitMask) ^ threes)
    }
  }

  private enum Kind: UInt8, BitwiseCopyable { case pattern, rfc3339, unixSeconds, unixMilliseconds }

  /// Without a reference, so that looking at one counts nothing.
  private struct Format: BitwiseCopyable, Sendable {
    var kind: Kind
    // Of a pattern:
    var byteCount: UInt8 = 0
    /// Where its words begin in `words`; there are `wordCount`.
    var firstWord: UInt16 = 0
    var secondsEast: Int32 = 0
    /// Where its parts stand, a byte each: year, month, day, hour, minute, second. One that it
    /// lacks is at the start and counts for nothing.
    var places: UInt64 = 0
    /// Of the same parts the bits that count.
    var masks: UInt64 = 0

    @inline(__always)
    func place(_ part: UInt64) -> Int { Int(truncatingIfNeeded: places >> (8 * part)) }
    @inline(__always)
    func mask(_ part: UInt64) -> Int { Int(truncatingIfNeeded: masks >> (8 * part) & 0xFF) }
  }

  /// Those that a field of a length may have lie together, in their order.
  private var formats: [Format] = []
  /// By the length of a field, up to `lengthMax`, where they begin; one more at the end.
  private var starts: [Int] = [0]
  private var words: [Word] = []
  /// Days from 2020-01-01 to the first of each month until the end of 2155, and of January 2156.
  private let monthStarts: [Int]
  private static let years = 136
  /// Fields that are longer have the formats of this length: those without a fixed one.
  private static let lengthMax = 64
  /// Of a pattern.
  private static let wordCount = 5
  /// The most bytes of a pattern.
  static let patternBytesMax = 8 * wordCount

  init(_ formats: [TimeFormat]) {
    var starts: [Int] = []
    var days = 0
    for year in 2020..<2020 + Self.years {
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      for length in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        starts.append(days)
        days += length
      }
    }
    starts.append(days)
    monthStarts = starts
    let all = formats.flatMap { add($0) }
    for length in 0...Self.lengthMax {
      self.formats += all.filter { $0.kind != .pattern || Int($0.byteCount) == length }
      self.starts.append(self.formats.count)
    }
  }

  private mutating func add(_ format: TimeFormat) -> [Format] {
    switch format {
    case .pattern(let text, let secondsEast): return [pattern(text, Int(secondsEast))]
    case .unixSeconds: return [Format(kind: .unixSeconds)]
    case .unixMilliseconds: return [Format(kind: .unixMilliseconds)]
    case .rfc3339:
      // The two forms that nearly all have first, because they are read faster so.
      let common = [("yyyy-MM-ddTHH:mm:ssZ", 0), ("yyyy-MM-ddTHH:mm:ss+08:00", 8 * 3_600)]
      return common.map { pattern(Array($0.utf8), $1) } + [Format(kind: .rfc3339)]
    }
  }

  private mutating func pattern(_ text: [UInt8], _ secondsEast: Int) -> Format {
    var format = Format(kind: .pattern, byteCount: UInt8(text.count))
    format.firstWord = UInt16(words.count)
    format.secondsEast = Int32(secondsEast)
    var isDigit = [Bool](repeating: false, count: text.count)
    for (part, letters) in ["yyyy", "MM", "dd", "HH", "mm", "ss"].enumerated() {
      let wanted = Array(letters.utf8)
      let found = text.indices.first { text.dropFirst($0).starts(with: wanted) }
      guard let found else { continue }
      for index in wanted.indices { isDigit[found + index] = true }
      format.places |= UInt64(found) << UInt64(8 * part)
      format.masks |= 0xFF << UInt64(8 * part)
    }
    var added = [Word](repeating: Word(), count: Self.wordCount)
    for (index, byte) in text.enumerated() {
      let shift = UInt64(8 * (index % 8))
      if isDigit[index] {
        added[index / 8].digitMask |= 0xF0 << shift
        added[index / 8].threes |= 0x30 << shift
        added[index / 8].sixes |= 0x06 << shift
      } else {
        added[index / 8].literalMask |= 0xFF << shift
        added[index / 8].literals |= UInt64(byte) << shift
      }
    }
    words += added
    return format
  }

  /// Minutes since 2020-01-01T00:00Z of the first format that fits; `nil` when none does, and for
  /// times before 2020. Behind the field's start 72 bytes can be read.
  func minutes(_ bytes: Span<UInt8>, _ field: Range<Int>) -> UInt32? {
    let length = min(field.count, Self.lengthMax)
    let formats = formats.span
    var index = starts[length]
    let end = starts[length &+ 1]
    while index < end {
      let found: UInt32?
      let format = formats[index]
      index &+= 1
      switch format.kind {
      case .pattern: found = minutes(bytes, field.lowerBound, format)
      case .rfc3339: found = CityTime(rfc3339: bytes.extracting(field))?.minutes
      case .unixSeconds: found = Self.unixMinutes(bytes, field, perMinute: 60)
      case .unixMilliseconds: found = Self.unixMinutes(bytes, field, perMinute: 60_000)
      }
      if let found { return found }
    }
    return nil
  }

  @inline(__always)
  private func minutes(_ bytes: Span<UInt8>, _ start: Int, _ format: Format) -> UInt32? {
    let first = Int(format.firstWord)
    let words = words.span.extracting(first..<first &+ Self.wordCount)
    // Without a branch for each: lengths change from row to row.
    var fault: UInt64 = 0
    for index in 0..<Self.wordCount - 1 {
      fault |= words[index].fault(bytes.wordOfRow(at: start, plus: 8 &* index))
    }
    if format.byteCount > 32 { fault |= words[4].fault(bytes.wordOfRow(at: start, plus: 32)) }
    guard fault == 0 else { return nil }
    let year = bytes.wordOfRow(at: start, plus: format.place(0)).fourDigits &- 2020
    let month = bytes.wordOfRow(at: start, plus: format.place(1)).twoDigits &- 1
    let day = bytes.wordOfRow(at: start, plus: format.place(2)).twoDigits &- 1
    let hour = bytes.wordOfRow(at: start, plus: format.place(3)).twoDigits & format.mask(3)
    let minute = bytes.wordOfRow(at: start, plus: format.place(4)).twoDigits & format.mask(4)
    let second = bytes.wordOfRow(at: start, plus: format.place(5)).twoDigits & format.mask(5)
    guard UInt(bitPattern: year) < UInt(Self.years), UInt(bitPattern: month) < 12 else {
      return nil
    }
    let place = year &* 12 &+ month
    let monthStarts = monthStarts.span.extracting(place..<place &+ 2)
    let days = monthStarts[0] &+ day
    guard day >= 0, days < monthStarts[1], hour < 24, minute < 60, second < 60 else {
      return nil
    }
    let seconds =
      (days &* 1_440 &+ hour &* 60 &+ minute) &* 60 &+ second &- Int(format.secondsEast)
    return seconds >= 0 ? UInt32(truncatingIfNeeded: seconds / 60) : nil
  }

  @inline(__always)
  private static func unixMinutes(
    _ bytes: Span<UInt8>, _ field: Range<Int>, perMinute: UInt64
  ) -> UInt32? {
    guard 1...15 ~= field.count else { return nil }
    // The last eight digits, and what is before them, with leading zeros.
    let tailCount = min(field.count, 8)
    let headCount = field.count &- tailCount
    let head = digits(bytes.wordOfRow(at: field.lowerBound), headCount)
    let tail = digits(bytes.wordOfRow(at: field.lowerBound &+ headCount), tailCount)
    guard head.areDigits, tail.areDigits else { return nil }
    let number = head.eightDigits &* 100_000_000 &+ tail.eightDigits
    // 2020-01-01T00:00Z in minutes since 1970.
    let minutes = number / perMinute
    guard minutes >= 26_297_280 else { return nil }
    return UInt32(exactly: minutes - 26_297_280)
  }

  /// The first `count` of eight bytes, at most eight, behind zeros.
  private static func digits(_ word: UInt64, _ count: Int) -> UInt64 {
    let missing = UInt64(truncatingIfNeeded: 8 &- count) &* 8
    return word << missing | 0x3030_3030_3030_3030 >> (64 &- missing)
  }
}
