import Codes

extension ComputePlan {
  /// `explanation` of `events` in words, for the clerk who answers an appeal. It names no
  /// document.
  package func words(_ explanation: Explanation, of events: [Event]) -> String {
    var lines = ["plan \(name), as of \(local(asOf.minutes)) (\(zoneText))"]
    lines += eventLines(events)
    let decision = explanation.decision
    lines.append(
      "decision: \(decision.colour.name), reason \(decision.reason), valid until "
        + local(decision.validUntil.minutes))
    if let index = decision.rule {
      lines += deciding(index, explanation.findings[index], events)
    } else {
      lines.append("decided by the default: no rule applies")
    }
    let failed = explanation.findings.indices.filter { !explanation.findings[$0].applies }
    if !failed.isEmpty {
      lines.append(
        decision.rule == nil ? "the rules, none of which applies:" : "rules before it:")
    }
    for index in failed {
      lines.append(
        "  \(index + 1) \"\(rules[index].name)\": " + failure(index, explanation, events))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private var zoneText: String { PlanReader.text(ofZone: secondsEast) }

  /// `2020-03-01 08:00` in the plan's zone.
  func local(_ minutes: UInt32) -> String {
    let time = CityTime(minutes: minutes).advanced(bySeconds: Int64(secondsEast))
    return time.description.prefix(16).split(separator: "T").joined(separator: " ")
  }

  private func eventLines(_ events: [Event]) -> [String] {
    guard !events.isEmpty else { return ["no event is known"] }
    var lines = [events.count == 1 ? "1 event:" : "\(events.count) events, the oldest first:"]
    for (index, event) in events.enumerated() {
      var line = "  \(index + 1)  \(local(event.minutes))  \(kindName(event.kind))"
      if event.result != 0 { line += "  \(resultName(event.result))" }
      if event.place != 0 { line += "  place \(PlaceCode.text(event.place))" }
      if Int(event.source) < sources.count { line += "  from \(sources[Int(event.source)].name)" }
      lines.append(line)
    }
    return lines
  }

  private func deciding(
    _ index: Int, _ finding: Explanation.RuleFinding, _ events: [Event]
  ) -> [String] {
    let rule = rules[index]
    let match = finding.match.map { events[$0].minutes }
    var lines = ["decided by rule \(index + 1) \"\(rule.name)\" (line \(rule.line) of the plan)"]
    if let note = rule.note { lines.append("  \(note)") }
    for (condition, found) in zip(rule.when, finding.when) {
      lines.append("  because: \(words(condition, match: match)): \(eventNumbers(found))")
    }
    for (condition, found) in zip(rule.unless, finding.unless) {
      lines.append("  and not: \(words(condition, match: match)): \(eventNumbers(found))")
    }
    return lines
  }

  /// The first thing that keeps a rule from applying.
  private func failure(
    _ index: Int, _ explanation: Explanation, _ events: [Event]
  ) -> String {
    let finding = explanation.findings[index]
    let match = finding.match.map { events[$0].minutes }
    for (condition, found) in zip(rules[index].when, finding.when) where !found.holds {
      return "not \(words(condition, match: match)): \(eventNumbers(found))"
    }
    for (condition, found) in zip(rules[index].unless, finding.unless) where found.holds {
      return "but \(words(condition, match: match)): \(eventNumbers(found))"
    }
    return "applies"
  }

  private func eventNumbers(_ finding: Explanation.Finding) -> String {
    guard let first = finding.events.first else { return "no event" }
    guard finding.events.count > 1 else { return "event \(first + 1)" }
    return "events " + finding.events.map { "\($0 + 1)" }.joined(separator: ", ")
  }

  /// What a condition asks, such as `test negative since 2020-02-16 00:00 (14 days)`.
  func words(_ condition: Condition, match: UInt32?) -> String {
    var text = either(condition.kinds.map(kindName))
    if condition.isLatest {
      text = "the latest of \(condition.among.map(kindName).joined(separator: ", "))"
      if condition.kinds != condition.among {
        text += " is \(either(condition.kinds.map(kindName)))"
      }
    } else if condition.atLeast > 1 {
      text = "at least \(condition.atLeast) of \(text)"
    }
    if let results = condition.results {
      text += " with result \(either(results.map(resultName)))"
    }
    if let areas = condition.areas {
      text += " in the area \(either(areas.map { self.areas[Int($0)] }))"
    }
    if condition.apartMinutes > 0 { text += ", each \(duration(condition.apartMinutes)) apart" }
    if let minutes = condition.withinMinutes {
      let start = UInt32(max(0, Int(asOf.minutes) - Int(minutes)))
      text += " since \(local(start)) (\(duration(minutes)))"
    }
    if let minutes = condition.afterMatchMinutes {
      text += " \(minutes == 0 ? "at" : duration(minutes) + " after") the match or later"
      if let match { text += " (\(local(match + minutes)))" }
    }
    return text
  }

  private func either(_ names: [String]) -> String { names.joined(separator: " or ") }

  private func kindName(_ kind: UInt8) -> String {
    Int(kind) < kinds.count ? kinds[Int(kind)] : "kind \(kind)"
  }

  private func resultName(_ result: UInt8) -> String {
    Int(result) < results.count ? results[Int(result)] : "result \(result)"
  }

  /// As it would be written in a plan, in the largest unit that leaves no rest.
  func duration(_ minutes: UInt32) -> String {
    let (count, unit) =
      minutes % 1_440 == 0
      ? (minutes / 1_440, "day") : minutes % 60 == 0 ? (minutes / 60, "hour") : (minutes, "minute")
    return "\(count) \(unit)\(count == 1 ? "" : "s")"
  }
}
