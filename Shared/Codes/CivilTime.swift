/// The Gregorian calendar and RFC 3339 text under `CityTime` and `Instant`: whole days and
/// seconds of UTC since 2020-01-01, without a time zone and without leap seconds.
enum CivilTime {
  /// 2020-01-01T00:00Z in Unix time.
  static let epochUnixSeconds: Int64 = 1_577_836_800

  /// Days from 2020-01-01 to a date of the proleptic Gregorian calendar.
  ///
  /// Years are counted from March, so that the leap day is a year's last day and the months'
  /// lengths follow one linear formula.
  static func days(year: Int, month: Int, day: Int) -> Int {
    let marchYear = month > 2 ? year : year - 1
    let marchMonth = (month + 9) % 12
    let beforeYear = 365 * marchYear + marchYear / 4 - marchYear / 100 + marchYear / 400
    let beforeMonth = (153 * marchMonth + 2) / 5
    // 737_730: what the same sum gives for 2020-01-01.
    return beforeYear + beforeMonth + day - 1 - 737_730
  }

  /// The date that lies `days`, 0 or more, after 2020-01-01.
  static func date(days: Int) -> (year: Int, month: Int, day: Int) {
    let total = days + 737_730
    var marchYear = (total * 400 + 400) / 146_097
    var dayOfYear = total - (365 * marchYear + marchYear / 4 - marchYear / 100 + marchYear / 400)
    if dayOfYear < 0 {
      marchYear -= 1
      dayOfYear = total - (365 * marchYear + marchYear / 4 - marchYear / 100 + marchYear / 400)
    }
    let marchMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    return (month <= 2 ? marchYear + 1 : marchYear, month, day)
  }

  static func isLeap(year: Int) -> Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  }

  /// 0 for a month that does not exist.
  static func dayCount(year: Int, month: Int) -> Int {
    switch month {
    case 1, 3, 5, 7, 8, 10, 12: 31
    case 4, 6, 9, 11: 30
    case 2: isLeap(year: year) ? 29 : 28
    default: 0
    }
  }

  /// Appends `2026-11-24T11:33:47` without a zone.
  static func append(seconds: Int, to output: inout [UInt8]) {
    let (year, month, day) = date(days: seconds / 86_400)
    let second = seconds % 86_400
    append(year, digits: 4, to: &output)
    output.append(0x2D)
    append(month, digits: 2, to: &output)
    output.append(0x2D)
    append(day, digits: 2, to: &output)
    output.append(0x54)
    append(second / 3_600, digits: 2, to: &output)
    output.append(0x3A)
    append(second / 60 % 60, digits: 2, to: &output)
    output.append(0x3A)
    append(second % 60, digits: 2, to: &output)
  }

  static func append(_ number: Int, digits: Int, to output: inout [UInt8]) {
    var divisor = 1
    for _ in 1..<digits { divisor *= 10 }
    while divisor > 0 {
      output.append(0x30 + UInt8(truncatingIfNeeded: number / divisor % 10))
      divisor /= 10
    }
  }

  /// Milliseconds since 2020-01-01T00:00Z, possibly negative, of an RFC 3339 date-time: any zone
  /// offset, a fraction cut (not rounded) to milliseconds, no leap second.
  static func milliseconds(rfc3339 text: Span<UInt8>) -> Int64? {
    guard text.count >= 20, text[4] == 0x2D, text[7] == 0x2D, text[10] | 0x20 == 0x74,
      text[13] == 0x3A, text[16] == 0x3A,
      let year = number(text, 0..<4), let month = number(text, 5..<7),
      let day = number(text, 8..<10), let hour = number(text, 11..<13),
      let minute = number(text, 14..<16), let second = number(text, 17..<19),
      1...12 ~= month, day >= 1, day <= dayCount(year: year, month: month),
      hour < 24, minute < 60, second < 60
    else { return nil }
    var position = 19
    guard let fraction = fraction(text, at: &position),
      let offset = offsetMinutes(text, from: position)
    else { return nil }
    let minutes =
      days(year: year, month: month, day: day) * 1_440 + hour * 60 + minute - offset
    return Int64((minutes * 60 + second) * 1_000 + fraction)
  }

  /// The milliseconds of an optional fraction; moves `position` past it.
  private static func fraction(_ text: Span<UInt8>, at position: inout Int) -> Int? {
    guard text[position] == 0x2E else { return 0 }
    position += 1
    let start = position
    var milliseconds = 0
    var weight = 100
    while position < text.count, 0x30...0x39 ~= text[position] {
      milliseconds += Int(text[position] - 0x30) * weight
      weight /= 10
      position += 1
    }
    return position > start ? milliseconds : nil
  }

  private static func offsetMinutes(_ text: Span<UInt8>, from position: Int) -> Int? {
    guard position < text.count else { return nil }
    if text[position] | 0x20 == 0x7A { return position + 1 == text.count ? 0 : nil }
    guard text[position] == 0x2B || text[position] == 0x2D, text.count == position + 6,
      text[position + 3] == 0x3A,
      let hours = number(text, position + 1..<position + 3),
      let minutes = number(text, position + 4..<position + 6), hours < 24, minutes < 60
    else { return nil }
    let offset = hours * 60 + minutes
    return text[position] == 0x2B ? offset : -offset
  }

  private static func number(_ text: Span<UInt8>, _ range: Range<Int>) -> Int? {
    var number = 0
    for index in range {
      guard 0x30...0x39 ~= text[index] else { return nil }
      number = number * 10 + Int(text[index] - 0x30)
    }
    return number
  }
}
