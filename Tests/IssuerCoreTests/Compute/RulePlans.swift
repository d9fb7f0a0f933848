import Codes
import IssuerCore
import Testing

/// Plans of tests: two sources that give all kinds, results and places, and the rules in question.
enum RulePlans {
  static let asOf = time("2020-03-01T00:00")
  static let kinds = ["contact", "visit", "test", "release", "quarantine"]
  static let results = ["none", "negative", "inconclusive", "positive"]

  /// Twenty-three lines: the rules begin on line 24.
  static let head = """
    plan: test
    as_of: 2020-03-01T00:00:00+08:00
    time_zone: "+08:00"
    kinds: [contact, visit, test, release, quarantine]
    results: [negative, inconclusive, positive]
    sources:
      - name: records
        files: records.csv
        columns: {document: id, time: at, kind: kind, result: result, place: place}
        times: yyyy-MM-dd HH:mm
      - name: others
        files: others.csv
        columns: {document: id, time: at, kind: kind, result: result, place: place}
        times: yyyy-MM-dd HH:mm
    areas:
      high:
        - {place: 4201, from: 2020-02-10, to: 2020-02-20}
        - {place: 310115}
      medium:
        - {place: 42, from: 2020-02-15T08:00:00+08:00, to: 2020-02-15T09:00:00+08:00}
    valid: 7 days
    default: {colour: green, reason: 1}
    rules:

    """

  static func plan(_ rules: String, head: String = head) throws -> ComputePlan {
    try ComputePlan(yaml: Array((head + rules).utf8), file: "plan.yaml", now: asOf)
  }

  /// Reads `2020-02-20T08:00` of China.
  static func time(_ text: String) -> CityTime { CityTime(rfc3339: text + ":00+08:00")! }

  /// An event such as `2020-02-20T08:00 test negative 420106`: result and place may be missing.
  static func event(_ text: String, source: UInt8 = 0) -> Event {
    let words = text.split(separator: " ").map(String.init)
    let result = words.dropFirst(2).compactMap { results.firstIndex(of: $0) }.first ?? 0
    let place = words.dropFirst(2).compactMap { UInt64($0) }.first ?? 0
    return Event(
      serial: Serial(7)!, time: time(words[0]), kind: UInt8(kinds.firstIndex(of: words[1])!),
      result: UInt8(result), place: place == 0 ? 0 : PlaceCode.padded(place)!, source: source)
  }

  /// The events as a program takes them: ascending, none repeated.
  static func ordered(_ events: [Event]) -> [Event] {
    var kept: [Event] = []
    for event in events.sorted() where kept.last?.repeats(event) != true { kept.append(event) }
    return kept
  }
}

extension ComputePlan {
  /// The name of the rule that decides about the events that `lines` spell; `nil` for the default.
  /// Fails unless the explanation says the same.
  func ruleName(_ lines: [String], sourceLocation: SourceLocation = #_sourceLocation) -> String? {
    let events = RulePlans.ordered(lines.map { RulePlans.event($0) })
    let decision = program.decide(events.span)
    #expect(explain(events).decision == decision, sourceLocation: sourceLocation)
    return decision.rule.map { rules[$0].name }
  }
}
