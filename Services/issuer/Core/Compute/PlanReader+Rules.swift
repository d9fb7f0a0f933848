import Codes
import YAML

extension PlanReader {
  /// Areas as parts: their names become `areas`.
  mutating func areaParts(_ node: YAMLNode?) -> [AreaIndex.Part] {
    guard let node else { return [] }
    var parts: [AreaIndex.Part] = []
    for member in members(node, "areas") {
      let name = member.key.text ?? ""
      if areas.contains(name) { fault(member.key, "the area \"\(name)\" stands twice") }
      if areas.count == RuleProgram.areasMax {
        fault(member.key, "there are more than \(RuleProgram.areasMax) areas")
        return parts
      }
      for item in list(member.value, "the area \"\(name)\"") {
        guard let part = areaPart(item, area: areas.count) else { continue }
        if parts.contains(part) { fault(item, "this part of the area stands twice") }
        parts.append(part)
      }
      areas.append(name)
    }
    return parts
  }

  private mutating func areaPart(_ node: YAMLNode, area: Int) -> AreaIndex.Part? {
    let map = map(node, "a part of an area", keys: ["place", "from", "to"])
    guard let place = required(map, "place") else { return nil }
    let minutes = period(map)
    guard let code = UInt64(place.text ?? ""), let padded = PlaceCode.padded(code) else {
      fault(
        place,
        "a place is a GB/T 2260 code of 2, 4, 6, 9 or 12 digits, not "
          + "\"\(place.text ?? place.sort)\"")
      return nil
    }
    return AreaIndex.Part(
      codes: PlaceCode.codes(within: padded), minutes: minutes, area: area)
  }

  mutating func rules(_ node: YAMLNode, valid: UInt32?) -> [Rule] {
    var rules: [Rule] = []
    for item in list(node, "rules") {
      guard let rule = rule(item, valid: valid) else { continue }
      if let other = rules.first(where: { $0.name == rule.name }) {
        fault(item, "the rule \"\(rule.name)\" stands twice: first on line \(other.line)")
      }
      if let other = rules.first(where: { $0.when == rule.when && $0.unless == rule.unless }) {
        fault(
          item,
          "the rule \"\(rule.name)\" never decides: \"\(other.name)\" on line \(other.line) asks "
            + "the same and comes first")
      }
      rules.append(rule)
    }
    let count = rules.reduce(0) { $0 + $1.when.count + $1.unless.count }
    if count > RuleProgram.conditionsMax {
      fault(node, "the rules have \(count) conditions: at most \(RuleProgram.conditionsMax)")
    }
    return rules
  }

  private mutating func rule(_ node: YAMLNode, valid: UInt32?) -> Rule? {
    let map = map(
      node, "a rule",
      keys: ["rule", "note", "colour", "reason", "valid", "when", "unless"])
    let name = required(map, "rule").flatMap { text($0, "a rule's name") }
    let outcome = outcome(map, valid: valid)
    var when: [Condition] = []
    if let node = required(map, "when") {
      if items(node).isEmpty { fault(node, "\"when\" needs at least one condition") }
      for item in items(node) { when.append(condition(item, isFirst: when.isEmpty)) }
    }
    let unless = map["unless"].map(items) ?? []
    if unless.isEmpty, let node = map["unless"] {
      fault(node, "\"unless\" is empty: leave it out")
    }
    let note = map["note"].flatMap { text($0, "a note") }
    guard let name, let outcome else { return nil }
    return Rule(
      name: name, note: note, outcome: outcome, when: when,
      unless: unless.map { condition($0, isFirst: false) }, line: node.line)
  }

  /// The colour, reason and validity of a rule or of the default.
  mutating func outcome(_ map: PlanMap, valid: UInt32?) -> Rule.Outcome? {
    var colour: UInt8?
    if let node = required(map, "colour") {
      colour = index(node, "colour", of: Colour.allCases.map(\.name))
    }
    var reason: Int?
    if let node = required(map, "reason") { reason = integer(node, "reason", in: 0...255) }
    let own = map["valid"].flatMap { minutes($0, "valid", least: 1) }
    if map["valid"] == nil, valid == nil {
      fault(map.node, "\(map.what) lacks \"valid\", and the plan has none for all")
    }
    guard let colour, let reason, let valid = own ?? valid else { return nil }
    return Rule.Outcome(
      colour: Colour.allCases[Int(colour)], reason: UInt8(reason), validMinutes: valid)
  }

  private mutating func condition(_ node: YAMLNode, isFirst: Bool) -> Condition {
    let map = map(
      node, "a condition",
      keys: [
        "event", "latest", "is", "result", "area", "within", "after_match", "at_least", "apart",
      ])
    var condition = Condition(kinds: [])
    if let node = map["event"] { condition.kinds = indices(node, "kind", of: kinds) }
    if let node = map["latest"] {
      condition.isLatest = true
      condition.among = indices(node, "kind", of: kinds)
      condition.kinds = map["is"].map { indices($0, "kind", of: kinds) } ?? condition.among
    }
    if let node = map["result"] { condition.results = indices(node, "result", of: results) }
    if let node = map["area"] { condition.areas = indices(node, "area", of: areas) }
    if let node = map["within"] { condition.withinMinutes = minutes(node, "within", least: 1) }
    if let node = map["after_match"] {
      condition.afterMatchMinutes = minutes(node, "after_match")
      if isFirst {
        fault(
          node,
          "the first condition of \"when\" is the match: \"after_match\" belongs into another one")
      }
    }
    if let node = map["at_least"] {
      condition.atLeast = integer(node, "at_least", in: 1...1_000) ?? 1
    }
    if let node = map["apart"] {
      condition.apartMinutes = minutes(node, "apart", least: 1) ?? 0
    }
    check(map, condition)
    return condition
  }

  /// What belongs together in one condition.
  private mutating func check(_ map: PlanMap, _ condition: Condition) {
    switch (map["event"], map["latest"]) {
    case (nil, nil): fault(map.node, "a condition begins with \"event\" or \"latest\"")
    case (_?, let latest?): fault(latest, "a condition has either \"event\" or \"latest\"")
    default: break
    }
    if let node = map["is"], !condition.isLatest {
      fault(node, "\"is\" belongs to \"latest\": for an event write its kind under \"event\"")
    }
    for kind in condition.kinds where condition.isLatest && !condition.among.contains(kind) {
      guard let node = map["is"] else { break }
      fault(node, "\"\(kinds[Int(kind)])\" is not among the kinds under \"latest\"")
    }
    if let node = map["latest"], map["is"] == nil, map["result"] == nil, map["area"] == nil {
      fault(
        node,
        "\"latest\" asks nothing: add \"result\", \"area\" or \"is\", or write \"event\" instead")
    }
    for key in ["at_least", "apart"] where condition.isLatest {
      guard let node = map[key] else { continue }
      fault(node, "\"\(key)\" cannot go with \"latest\", which looks at one event only")
    }
    if let node = map["apart"], !condition.isLatest, condition.atLeast < 2 {
      fault(node, "\"apart\" needs \"at_least\" of 2 or more")
    }
  }
}
