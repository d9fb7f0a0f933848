import Codes
import IssuerCore
import Testing

@Suite struct ExplanationTests {
  private func words(_ rules: String, _ lines: [String]) throws -> String {
    let plan = try RulePlans.plan(rules)
    let events = RulePlans.ordered(lines.map { RulePlans.event($0) })
    return plan.words(plan.explain(events), of: events)
  }

  private static let rules = """
      - {rule: ill, colour: red, reason: 10,
         when: {latest: test, result: positive, within: 28 days}}
      - rule: contact
        note: Three days after the contact a negative test counts.
        colour: yellow
        reason: 21
        when: {event: contact, within: 14 days}
        unless: {event: test, result: negative, after_match: 3 days}
      - {rule: stay, colour: red, reason: 11, valid: 1 day,
         when: {event: visit, area: high, at_least: 2, apart: 24 hours}}
      - {rule: order, colour: red, reason: 12,
         when: {latest: [release, quarantine], is: quarantine}}
    """

  @Test("a rule that decided, the events that made it, and why those before it did not")
  func decided() throws {
    #expect(
      try words(
        Self.rules,
        ["2020-02-20T08:00 contact", "2020-02-22T08:00 test negative 310115"]) == """
          plan test, as of 2020-03-01 00:00 (+08:00)
          2 events, the oldest first:
            1  2020-02-20 08:00  contact  from records
            2  2020-02-22 08:00  test  negative  place 310115  from records
          decision: yellow, reason 21, valid until 2020-03-08 00:00
          decided by rule 2 "contact" (line 26 of the plan)
            Three days after the contact a negative test counts.
            because: contact since 2020-02-16 00:00 (14 days): event 1
            and not: test with result negative 3 days after the match or later (2020-02-23 08:00): \
          no event
          rules before it:
            1 "ill": not the latest of test with result positive since 2020-02-02 00:00 (28 days): \
          event 2

          """)
  }

  @Test("counts, areas and the latest of several kinds in words")
  func counted() throws {
    let text = try words(
      Self.rules,
      [
        "2020-02-11T08:00 visit 420106", "2020-02-12T08:00 visit 310115",
        "2020-02-25T09:00 contact", "2020-02-28T09:00 test negative",
      ])
    #expect(
      text.contains(
        "because: at least 2 of visit in the area high, each 1 day apart: events 1, 2\n"))
    #expect(text.contains("decision: red, reason 11, valid until 2020-03-02 00:00\n"))
    #expect(
      text.contains(
        "2 \"contact\": but test with result negative 3 days after the match or later "
          + "(2020-02-28 09:00): event 4\n"))
  }

  @Test("no event, and no rule that applies")
  func nothing() throws {
    let text = try words(Self.rules, [])
    #expect(text.contains("\nno event is known\ndecision: green, reason 1, valid until 2020-03-08"))
    #expect(text.contains("\ndecided by the default: no rule applies\n"))
    #expect(text.contains("\nthe rules, none of which applies:\n  1 \"ill\": not the latest of"))
    #expect(
      text.contains(
        "  4 \"order\": not the latest of release, quarantine is quarantine: no event\n"))
  }

  @Test("windows are told in the plan's zone and in the units they read best in")
  func units() throws {
    let text = try words(
      """
        - {rule: a, colour: red, reason: 1, when: {event: test, within: 90 minutes}}
        - {rule: b, colour: red, reason: 1, when: {event: test, within: 36 hours}}
        - {rule: c, colour: red, reason: 1, when: {event: [test, visit], within: 1440 minutes}}
      """, [])
    #expect(text.contains("not test since 2020-02-29 22:30 (90 minutes): no event"))
    #expect(text.contains("not test since 2020-02-28 12:00 (36 hours): no event"))
    #expect(text.contains("not visit or test since 2020-02-29 00:00 (1 day): no event"))
  }
}
