import Codes

/// Why a plan's rules decide as they do about one holder, so that an appeal can be answered.
///
/// Found from the rules as they are written, event by event, and not from `RuleProgram`: that both
/// agree is tested over many plans, so that neither can be wrong alone.
package struct Explanation: Sendable {
  /// What became of one condition.
  package struct Finding: Hashable, Sendable {
    package var holds: Bool
    /// Indices of the events that make it hold; of `latest` the one looked at, also when it is
    /// not as asked.
    package var events: [Int]
  }

  /// What became of one rule.
  package struct RuleFinding: Hashable, Sendable {
    package var applies: Bool
    /// Index of the event that is the rule's match.
    package var match: Int?
    package var when: [Finding]
    /// Empty when `when` fails already.
    package var unless: [Finding]
  }

  package let decision: Decision
  /// Of the rules in order, up to the one that decided.
  package let findings: [RuleFinding]
}

extension ComputePlan {
  /// Explains the decision about a holder of whom `events`, ascending and none repeated, are
  /// known.
  package func explain(_ events: [Event]) -> Explanation {
    var findings: [Explanation.RuleFinding] = []
    for (index, rule) in rules.enumerated() {
      let finding = find(rule, in: events)
      findings.append(finding)
      guard finding.applies else { continue }
      return Explanation(decision: decision(rule.outcome, rule: index), findings: findings)
    }
    return Explanation(decision: decision(otherwise, rule: nil), findings: findings)
  }

  private func decision(_ outcome: Rule.Outcome, rule: Int?) -> Decision {
    Decision(
      colour: outcome.colour, reason: outcome.reason,
      validUntil: asOf.advanced(bySeconds: 60 * Int64(outcome.validMinutes)), rule: rule)
  }

  private func find(_ rule: Rule, in events: [Event]) -> Explanation.RuleFinding {
    var finding = Explanation.RuleFinding(applies: false, match: nil, when: [], unless: [])
    for condition in rule.when {
      let found = find(condition, in: events, match: finding.match.map { events[$0].minutes })
      finding.when.append(found)
      guard found.holds else { return finding }
      if finding.match == nil { finding.match = found.events.last }
    }
    let match = finding.match.map { events[$0].minutes }
    for condition in rule.unless {
      finding.unless.append(find(condition, in: events, match: match))
    }
    finding.applies = !finding.unless.contains { $0.holds }
    return finding
  }

  private func find(
    _ condition: Condition, in events: [Event], match: UInt32?
  ) -> Explanation.Finding {
    let start = windowStart(of: condition, match: match)
    let inWindow = events.indices.filter { Int(events[$0].minutes) >= start }
    if condition.isLatest {
      let latest = inWindow.last { condition.among.contains(events[$0].kind) }
      guard let latest else { return Explanation.Finding(holds: false, events: []) }
      return Explanation.Finding(
        holds: isAsAsked(events[latest], by: condition), events: [latest])
    }
    var counted: [Int] = []
    for index in inWindow.reversed() where isAsAsked(events[index], by: condition) {
      if let last = counted.last, !isApart(events[index], events[last], by: condition) { continue }
      counted.append(index)
    }
    counted.reverse()
    return Explanation.Finding(holds: counted.count >= condition.atLeast, events: counted)
  }

  /// The first minute of the window; 0 without one.
  func windowStart(of condition: Condition, match: UInt32?) -> Int {
    let within = condition.withinMinutes.map { Int(asOf.minutes) - Int($0) }
    let after = condition.afterMatchMinutes.map { Int(match ?? 0) + Int($0) }
    return max(0, within ?? 0, after ?? 0)
  }

  private func isApart(_ earlier: Event, _ later: Event, by condition: Condition) -> Bool {
    later.minutes - earlier.minutes >= condition.apartMinutes
  }

  private func isAsAsked(_ event: Event, by condition: Condition) -> Bool {
    condition.kinds.contains(event.kind) && condition.results?.contains(event.result) ?? true
      && condition.areas.map { areas in
        areaParts.contains { part in
          areas.contains(UInt8(part.area)) && part.codes.contains(event.place)
            && part.minutes.contains(event.minutes)
        }
      } ?? true
  }
}
