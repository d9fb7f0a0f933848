import Codes
import IssuerCore
import Support
import Testing

/// Random plans and holders, drawn so that windows, periods and ties are often met exactly.
private struct RuleDice {
  var random: SplitMix

  mutating func some(_ names: [String]) -> String {
    let picked = names.shuffled(using: &random).prefix(1 + random.below(2))
    return "[\(picked.joined(separator: ", "))]"
  }

  mutating func condition(isFirst: Bool) -> String {
    var parts: [String] = []
    let isLatest = random.once(in: 3)
    let kinds = RulePlans.kinds.shuffled(using: &random).prefix(1 + random.below(3))
    parts.append("\(isLatest ? "latest" : "event"): [\(kinds.joined(separator: ", "))]")
    if isLatest, random.once(in: 2) { parts.append("is: \(kinds[random.below(kinds.count)])") }
    if isLatest || random.once(in: 2) { parts.append("result: \(some(RulePlans.results))") }
    if random.once(in: 4) { parts.append("area: \(some(["high", "medium"]))") }
    if random.once(in: 2) {
      parts.append("within: \(random.pick(["1 day", "2 days", "14 days", "36 hours"]))")
    }
    if !isFirst, random.once(in: 2) {
      parts.append("after_match: \(random.pick(["0 days", "1 day", "90 minutes"]))")
    }
    if !isLatest, random.once(in: 3) {
      parts.append("at_least: \(2 + random.below(2))")
      if random.once(in: 2) { parts.append("apart: \(random.pick(["1 day", "1 minute"]))") }
    }
    return "{\(parts.joined(separator: ", "))}"
  }

  mutating func conditions(isFirst: Bool) -> String {
    var texts: [String] = []
    for index in 0..<1 + random.below(3) {
      texts.append(condition(isFirst: isFirst && index == 0))
    }
    return "[\(texts.joined(separator: ", "))]"
  }

  mutating func rules() -> String {
    var text = ""
    for index in 0..<1 + random.below(8) {
      text += "  - {rule: r\(index), colour: red, reason: \(index), "
      text += "when: \(conditions(isFirst: true))"
      if random.once(in: 2) { text += ", unless: \(conditions(isFirst: false))" }
      text += "}\n"
    }
    return text
  }

  mutating func event() -> Event {
    let days: [UInt32] = [0, 1, 2, 10, 14, 15]
    let minutes: [UInt32] = [0, 0, 1, 60, 90, 720, 1_439]
    let before = random.pick(days) * 1_440 + random.pick(minutes)
    let places: [UInt64] = [
      0, 420_106_000_000, 420_000_000_000, 310_115_000_000, 110_105_000_000,
    ]
    return Event(
      serial: Serial(7)!, time: CityTime(minutes: RulePlans.asOf.minutes - before),
      kind: UInt8(random.below(RulePlans.kinds.count)),
      result: UInt8(random.below(RulePlans.results.count)), place: random.pick(places),
      source: UInt8(random.below(2)))
  }

  mutating func holder() -> [Event] {
    var events: [Event] = []
    for _ in 0..<random.below(8) { events.append(event()) }
    return events
  }
}

@Suite struct RulePropertyTests {
  /// Plans that the reader takes, as some that are drawn ask the same twice.
  private func plans(_ count: Int, _ dice: inout RuleDice) -> [ComputePlan] {
    var plans: [ComputePlan] = []
    while plans.count < count {
      if let plan = try? RulePlans.plan(dice.rules()) { plans.append(plan) }
    }
    return plans
  }

  @Test("the compiled rules decide as the rules that are written, for 100,000 holders")
  func compiled() {
    var dice = RuleDice(random: SplitMix(of: "compiled rules"))
    var decided = 0
    for plan in plans(400, &dice) {
      for _ in 0..<250 {
        let events = RulePlans.ordered(dice.holder())
        let decision = plan.program.decide(events.span)
        if decision.rule != nil { decided += 1 }
        guard plan.explain(events).decision != decision else { continue }
        Issue.record("\(plan.rules) decide \(decision) of \(events)")
        return
      }
    }
    #expect(20_000...80_000 ~= decided, "\(decided)")
  }

  @Test("neither the order of records, nor repeats, nor who reports them change a decision")
  func order() {
    var dice = RuleDice(random: SplitMix(of: "order of records"))
    for plan in plans(200, &dice) {
      for _ in 0..<25 {
        let records = dice.holder()
        let expected = plan.program.decide(RulePlans.ordered(records).span)
        for _ in 0..<6 {
          var other = records
          for record in records where dice.random.once(in: 3) { other.append(record) }
          other.shuffle(using: &dice.random)
          other = other.map {
            Event(
              serial: Serial($0.serialNumber)!, time: CityTime(minutes: $0.minutes),
              kind: $0.kind, result: $0.result, place: $0.place,
              source: UInt8(dice.random.below(255)))
          }
          guard plan.program.decide(RulePlans.ordered(other).span) != expected else { continue }
          Issue.record("\(plan.rules): \(records) and \(other) decide differently")
          return
        }
      }
    }
  }

  @Test("words can be found for every explanation")
  func words() {
    var dice = RuleDice(random: SplitMix(of: "words"))
    for plan in plans(100, &dice) {
      let events = RulePlans.ordered(dice.holder())
      let explanation = plan.explain(events)
      let text = plan.words(explanation, of: events)
      let rule = explanation.decision.rule.map { "rule \($0 + 1) \"r\($0)\"" } ?? "the default"
      #expect(text.contains("decided by \(rule)"))
      #expect(!text.contains(": applies"), "\(text)")
    }
  }
}
