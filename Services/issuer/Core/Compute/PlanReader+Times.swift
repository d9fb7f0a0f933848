import Codes
import YAML

extension PlanReader {
  /// Twenty years: more than any window needs, and no sum of them overflows.
  static let minutesMax = 20 * 366 * 1_440

  /// `14 days`, `36 hours`, `90 minutes`.
  mutating func minutes(_ node: YAMLNode, _ what: String, least: Int = 0) -> UInt32? {
    let words = (node.text ?? "").split(separator: " ")
    let units = ["minute": 1, "hour": 60, "day": 1_440]
    if words.count == 2, words[0].utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
      let number = Int(words[0]),
      let unit = units[String(words[1].hasSuffix("s") ? words[1].dropLast() : words[1])]
    {
      let (minutes, overflow) = number.multipliedReportingOverflow(by: unit)
      if !overflow, least...Self.minutesMax ~= minutes { return UInt32(minutes) }
      fault(
        node,
        minutes < least && !overflow
          ? "\(what) must be a minute or longer" : "\(what) must be 20 years at most")
      return nil
    }
    fault(
      node,
      "\(what) must be a number of days, hours or minutes, like \"14 days\""
        + (node.text.map { ", not \"\($0)\"" } ?? ""))
    return nil
  }

  /// `+08:00` or `Z`, as seconds east.
  mutating func zone(_ node: YAMLNode) -> Int32? {
    let text = Array((node.text ?? "").utf8)
    if text == [0x5A] { return 0 }
    if text.count == 6, text[0] == 0x2B || text[0] == 0x2D, text[3] == 0x3A,
      let hours = Self.digits(text[1...2]), let minutes = Self.digits(text[4...5]), hours <= 18,
      minutes < 60
    {
      return Int32(hours * 3_600 + minutes * 60) * (text[0] == 0x2D ? -1 : 1)
    }
    fault(node, "a time zone is written \"+08:00\" or \"Z\", not \"\(node.text ?? node.sort)\"")
    return nil
  }

  /// The plan's moment: RFC 3339, or `now`, which is cut to the minute.
  mutating func asOf(_ node: YAMLNode, now: CityTime) -> CityTime {
    if node.text == "now" { return CityTime(minutes: now.minutes) }
    guard let time = CityTime(rfc3339: node.text ?? "") else {
      fault(
        node,
        "as_of must be \"now\" or a time with a zone from 2020 on, like "
          + "2020-03-01T00:00:00+08:00, not \"\(node.text ?? node.sort)\"")
      return now
    }
    if time.seconds % 60 != 0 {
      fault(node, "as_of must be a whole minute: windows are counted in minutes")
    }
    if time.minutes > 0xFF_FFFF { fault(node, "as_of must be before 2051") }
    return time
  }

  /// The minutes of `from` and `to`, both included; without one there is no bound.
  mutating func period(_ map: PlanMap) -> Range<UInt32> {
    let start = map["from"].map { minute($0, isEnd: false) } ?? 0
    let end = map["to"].map { minute($0, isEnd: true) } ?? UInt32.max
    if start >= end, let node = map["to"] {
      fault(node, "the period ends before it begins")
      return start..<start
    }
    return start..<end
  }

  /// The first minute of a date or time; with `isEnd` the first one after it.
  private mutating func minute(_ node: YAMLNode, isEnd: Bool) -> UInt32 {
    let text = node.text ?? ""
    if text.utf8.count == 10, let day = CityTime(rfc3339: "\(text)T00:00:00Z") {
      // Days that begin before 2020 elsewhere than in Greenwich begin with it.
      let seconds = Int64(day.seconds) - Int64(secondsEast) + (isEnd ? 86_400 : 0)
      return UInt32(clamping: seconds / 60)
    }
    if let time = CityTime(rfc3339: text) { return time.minutes + (isEnd ? 1 : 0) }
    fault(
      node,
      "a period's bound is a date like 2020-01-23 or a time like 2020-01-23T10:00:00+08:00, from "
        + "2020 on (leave it out for no bound), not \"\(node.text ?? node.sort)\"")
    return 0
  }

  /// As RFC 3339 writes it.
  static func text(ofZone secondsEast: Int32) -> String {
    let minutes = abs(secondsEast) / 60
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(secondsEast < 0 ? "-" : "+")\(two(minutes / 60)):\(two(minutes % 60))"
  }

  private static func digits(_ text: ArraySlice<UInt8>) -> Int? {
    guard text.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
    return text.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  /// A name of a format, or a pattern of `yyyy MM dd HH mm ss`.
  mutating func timeFormat(_ node: YAMLNode, secondsEast: Int32) -> TimeFormat? {
    guard let text = text(node, "a time format") else { return nil }
    switch text {
    case "rfc3339": return .rfc3339
    case "unix_seconds": return .unixSeconds
    case "unix_milliseconds": return .unixMilliseconds
    default: break
    }
    var rest = Substring(text)
    var found: [String] = []
    while let letter = rest.first {
      let run = String(rest.prefix { $0 == letter })
      if "yMdHms".contains(letter) {
        guard ["yyyy", "MM", "dd", "HH", "mm", "ss"].contains(run), !found.contains(run) else {
          fault(
            node,
            "\"\(run)\" of the time format \"\(text)\" is not understood: a pattern has yyyy, MM, "
              + "dd, HH, mm, ss, each once; other formats are rfc3339, unix_seconds, "
              + "unix_milliseconds")
          return nil
        }
        found.append(run)
      }
      rest = rest.dropFirst(run.count)
    }
    for part in ["yyyy", "MM", "dd"] where !found.contains(part) {
      fault(node, "the time format \"\(text)\" lacks \(part)")
      return nil
    }
    guard text.utf8.count <= TimeParser.patternBytesMax else {
      fault(node, "the time format \"\(text)\" is longer than \(TimeParser.patternBytesMax) bytes")
      return nil
    }
    return .pattern(Array(text.utf8), secondsEast: secondsEast)
  }
}
