import Codes
import IssuerCore
import Testing

/// Each form a rule can have, at its bounds.
@Suite struct RuleTests {
  /// A case: events, and whether the rule applies.
  typealias Case = (events: [String], applies: Bool)

  private func check(
    _ condition: String, _ cases: [Case], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let plan = try RulePlans.plan("  - {rule: r, colour: red, reason: 9, \(condition)}\n")
    for (events, applies) in cases {
      let name = plan.ruleName(events, sourceLocation: sourceLocation)
      #expect((name == "r") == applies, "\(condition): \(events)", sourceLocation: sourceLocation)
    }
  }

  @Test("a rule gives its colour, reason, validity; the default gives its own")
  func outcomes() throws {
    let plan = try RulePlans.plan(
      """
        - {rule: a, colour: red, reason: 255, valid: 90 minutes, when: {event: test}}
        - {rule: b, colour: yellow, reason: 0, when: {event: visit}}
        - {rule: c, colour: none, reason: 3, valid: 1 hour, when: {event: contact}}
      """)
    let cases: [(String, Colour, UInt8, String, Int)] = [
      ("2020-02-20T08:00 test", .red, 255, "2020-03-01T01:30", 0),
      ("2020-02-20T08:00 visit", .yellow, 0, "2020-03-08T00:00", 1),
      ("2020-02-20T08:00 contact", .none, 3, "2020-03-01T01:00", 2),
    ]
    for (text, colour, reason, until, rule) in cases {
      let decision = plan.program.decide([RulePlans.event(text)].span)
      #expect(
        decision
          == Decision(
            colour: colour, reason: reason, validUntil: RulePlans.time(until), rule: rule))
    }
    let other = Decision(
      colour: .green, reason: 1, validUntil: RulePlans.time("2020-03-08T00:00"), rule: nil)
    #expect(plan.program.defaultDecision == other)
    #expect(plan.program.decide([Event]().span) == other)
    #expect(plan.program.decide([RulePlans.event("2020-02-20T08:00 release")].span) == other)
  }

  @Test("the first rule that applies decides, whatever the colours")
  func priority() throws {
    let plan = try RulePlans.plan(
      """
        - {rule: first, colour: yellow, reason: 1, when: {event: visit}}
        - {rule: second, colour: red, reason: 2, when: {event: test}}
      """)
    #expect(plan.ruleName(["2020-02-01T08:00 test", "2020-02-20T08:00 visit"]) == "first")
    #expect(plan.ruleName(["2020-02-20T08:00 test"]) == "second")
    #expect(plan.ruleName(["2020-02-20T08:00 contact"]) == nil)
  }

  @Test("an event matches by kind and result, one of several")
  func events() throws {
    try check(
      "when: {event: [test, visit]}",
      [
        (["2020-02-20T08:00 test negative"], true), (["2020-02-20T08:00 visit"], true),
        (["2020-02-20T08:00 contact"], false), ([], false),
      ])
    try check(
      "when: {event: test, result: [positive, inconclusive]}",
      [
        (["2020-02-20T08:00 test positive"], true), (["2020-02-20T08:00 test inconclusive"], true),
        (["2020-02-20T08:00 test negative"], false), (["2020-02-20T08:00 test"], false),
        (["2020-02-20T08:00 contact positive"], false),
      ])
    try check(
      "when: {event: test, result: none}",
      [
        (["2020-02-20T08:00 test"], true), (["2020-02-20T08:00 test negative"], false),
      ])
  }

  @Test("a window begins with the minute that lies its length before the plan's moment")
  func windows() throws {
    try check(
      "when: {event: test, within: 14 days}",
      [
        (["2020-02-16T00:00 test"], true), (["2020-02-15T23:59 test"], false),
        (["2020-03-01T00:00 test"], true),
      ])
    try check(
      "when: {event: test, within: 1 minute}",
      [
        (["2020-02-29T23:59 test"], true), (["2020-02-29T23:58 test"], false),
      ])
    // Longer than there has been time: everything.
    try check("when: {event: test, within: 400 days}", [(["2020-01-01T08:00 test"], true)])
  }

  @Test("several conditions must all hold; no unless may")
  func combinations() throws {
    try check(
      "when: [{event: visit}, {event: contact}]",
      [
        (["2020-02-20T08:00 visit", "2020-02-21T08:00 contact"], true),
        (["2020-02-20T08:00 visit"], false), (["2020-02-20T08:00 contact"], false),
      ])
    try check(
      "when: {event: visit}, unless: [{event: contact}, {event: release}]",
      [
        (["2020-02-20T08:00 visit"], true),
        (["2020-02-20T08:00 visit", "2020-02-21T08:00 contact"], false),
        (["2020-02-20T08:00 visit", "2020-02-10T08:00 release"], false),
      ])
  }

  @Test("a count counts events; apart from each other when it says so")
  func counts() throws {
    try check(
      "when: {event: test, within: 14 days, at_least: 3}",
      [
        (["2020-02-20T08:00 test", "2020-02-20T08:01 test", "2020-02-20T08:02 test"], true),
        (["2020-02-20T08:00 test", "2020-02-20T08:01 test"], false),
        (["2020-02-20T08:00 test", "2020-02-20T08:01 test", "2020-02-15T23:59 test"], false),
        // The same record twice is one.
        (["2020-02-20T08:00 test", "2020-02-20T08:00 test", "2020-02-21T08:01 test"], false),
        // Other results or places make other records.
        (["2020-02-20T08:00 test", "2020-02-20T08:00 test 110105", "2020-02-21T08:01 test"], true),
      ])
    try check(
      "when: {event: test, at_least: 2, apart: 24 hours}",
      [
        (["2020-02-20T08:00 test", "2020-02-21T08:00 test"], true),
        (["2020-02-20T08:00 test", "2020-02-21T07:59 test"], false),
        (["2020-02-20T08:00 test", "2020-02-20T20:00 test", "2020-02-21T08:00 test"], true),
      ])
    try check(
      "when: {event: test, at_least: 3, apart: 24 hours}",
      [
        (["2020-02-18T08:00 test", "2020-02-19T09:00 test", "2020-02-20T08:00 test"], false),
        (["2020-02-18T08:00 test", "2020-02-19T08:00 test", "2020-02-20T08:00 test"], true),
      ])
  }

  @Test("of the latest only one event is looked at")
  func latest() throws {
    try check(
      "when: {latest: test, result: positive, within: 14 days}",
      [
        (["2020-02-20T08:00 test negative", "2020-02-21T08:00 test positive"], true),
        (["2020-02-20T08:00 test positive", "2020-02-21T08:00 test negative"], false),
        (["2020-02-20T08:00 test positive", "2020-02-21T08:00 visit"], true),
        (["2020-02-15T23:59 test positive"], false), (["2020-02-16T00:00 test positive"], true),
        (["2020-02-21T08:00 visit"], false),
      ])
    try check(
      "when: {latest: [quarantine, release], is: quarantine}",
      [
        (["2020-02-20T08:00 quarantine", "2020-02-20T07:59 release"], true),
        (["2020-02-20T08:00 quarantine", "2020-02-20T08:01 release"], false),
        (["2020-02-20T08:00 release"], false),
      ])
    try check(
      "when: {latest: visit, area: high}",
      [
        (["2020-02-20T08:00 visit 110105", "2020-02-21T08:00 visit 310115"], true),
        (["2020-02-20T08:00 visit 310115", "2020-02-21T08:00 visit 110105"], false),
      ])
  }

  @Test("ties within a minute: the later kind of the plan, then the later result, is the latest")
  func ties() throws {
    try check(
      "when: {latest: test, result: positive}",
      [
        (["2020-02-20T08:00 test positive", "2020-02-20T08:00 test negative"], true),
        (["2020-02-20T08:00 test negative", "2020-02-20T08:00 test positive"], true),
        (["2020-02-20T08:00 test positive", "2020-02-20T08:01 test negative"], false),
      ])
    try check(
      "when: {latest: [quarantine, release], is: quarantine}",
      [
        (["2020-02-20T08:00 quarantine", "2020-02-20T08:00 release"], true)
      ])
    try check(
      "when: {latest: [quarantine, release], is: release}",
      [
        (["2020-02-20T08:00 release", "2020-02-20T08:00 quarantine"], false)
      ])
    // Then the greater place code.
    try check(
      "when: {latest: visit, area: high}",
      [
        (["2020-02-20T08:00 visit 310115", "2020-02-20T08:00 visit 110105"], true),
        (["2020-02-20T08:00 visit 310115", "2020-02-20T08:00 visit 330100"], false),
      ])
  }

  @Test("after the match: from the match's own minute, or so much later, on")
  func afterMatch() throws {
    try check(
      "when: {event: contact}, unless: {event: test, result: negative, after_match: 0 days}",
      [
        (["2020-02-20T08:00 contact"], true),
        (["2020-02-20T08:00 contact", "2020-02-20T07:59 test negative"], true),
        (["2020-02-20T08:00 contact", "2020-02-20T08:00 test negative"], false),
        (["2020-02-20T08:00 contact", "2020-02-20T08:01 test positive"], true),
        // The latest contact is the match.
        (
          [
            "2020-02-20T08:00 contact", "2020-02-20T09:00 test negative",
            "2020-02-22T08:00 contact",
          ], true
        ),
      ])
    try check(
      "when: {event: contact}, unless: {event: test, after_match: 3 days}",
      [
        (["2020-02-20T08:00 contact", "2020-02-23T07:59 test negative"], true),
        (["2020-02-20T08:00 contact", "2020-02-23T08:00 test negative"], false),
      ])
    try check(
      "when: [{event: contact}, {event: visit, after_match: 1 hour, within: 2 days}]",
      [
        (["2020-02-27T08:00 contact", "2020-02-27T09:00 visit"], false),
        (["2020-02-27T08:00 contact", "2020-02-28T00:00 visit"], true),
        (["2020-02-29T08:00 contact", "2020-02-29T08:59 visit"], false),
      ])
    try check(
      "when: {event: contact}, unless: {latest: test, result: negative, after_match: 0 days}",
      [
        (["2020-02-20T08:00 contact", "2020-02-21T08:00 test negative"], false),
        (
          [
            "2020-02-20T08:00 contact", "2020-02-21T08:00 test negative",
            "2020-02-22T08:00 test positive",
          ], true
        ),
      ])
    try check(
      "when: {event: test, result: positive}, unless: {event: test, result: negative, "
        + "after_match: 1 day, at_least: 2, apart: 24 hours}",
      [
        (
          [
            "2020-02-20T08:00 test positive", "2020-02-21T08:00 test negative",
            "2020-02-22T08:00 test negative",
          ], false
        ),
        (
          [
            "2020-02-20T08:00 test positive", "2020-02-21T07:59 test negative",
            "2020-02-22T08:00 test negative",
          ], true
        ),
      ])
  }

  @Test("an area holds what lies in its places, within its periods, both bounds included")
  func areas() throws {
    try check(
      "when: {event: visit, area: high}",
      [
        (["2020-02-10T00:00 visit 420106"], true), (["2020-02-09T23:59 visit 420106"], false),
        (["2020-02-20T23:59 visit 420106"], true), (["2020-02-21T00:00 visit 420106"], false),
        (["2020-02-15T00:00 visit 420100"], true), (["2020-02-15T00:00 visit 420106123"], true),
        (["2020-02-15T00:00 visit 420106123456"], true), (["2020-02-15T00:00 visit 420200"], false),
        // The province as a whole is not the city.
        (["2020-02-15T00:00 visit 420000"], false), (["2020-02-15T00:00 visit"], false),
        (["2020-02-29T00:00 visit 310115"], true), (["2020-02-29T00:00 visit 310114"], false),
        (["2020-02-29T00:00 visit 310116"], false), (["2020-02-29T00:00 contact 310115"], false),
      ])
    try check(
      "when: {event: visit, area: medium}",
      [
        (["2020-02-15T08:00 visit 420106"], true), (["2020-02-15T07:59 visit 420106"], false),
        (["2020-02-15T09:00 visit 420106"], true), (["2020-02-15T09:01 visit 420106"], false),
        (["2020-02-15T08:30 visit 420000"], true), (["2020-02-15T08:30 visit 429000"], true),
        (["2020-02-15T08:30 visit 430000"], false), (["2020-02-15T08:30 visit 310115"], false),
      ])
    try check(
      "when: {event: visit, area: [medium, high], at_least: 2}",
      [
        (["2020-02-15T08:30 visit 429000", "2020-02-15T08:31 visit 310115"], true),
        (["2020-02-15T08:30 visit 420106"], false),
      ])
  }

  @Test("kinds and results that the plan does not have match nothing")
  func foreign() throws {
    let all = RulePlans.kinds.joined(separator: ", ")
    let plan = try RulePlans.plan(
      "  - {rule: r, colour: red, reason: 9, when: {event: [\(all)]}}\n")
    for (kind, result) in [(5, 0), (255, 0), (0, 4), (4, 4), (0, 255), (255, 255)]
      as [(UInt8, UInt8)]
    {
      let event = Event(
        serial: Serial(7)!, time: RulePlans.asOf, kind: kind, result: result, place: 0, source: 0)
      #expect(plan.program.decide([event].span) == plan.program.defaultDecision)
    }
  }
}
