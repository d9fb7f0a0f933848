import Codes
import IssuerCore
import Testing

/// A plan with one thing changed, and the only faults that must then be found.
struct PlanFaultCase: CustomTestStringConvertible, Sendable {
  let old: String
  let new: String
  /// Each without the file's name.
  let faults: [String]
  var testDescription: String { "\(new): \(faults)" }

  init(_ old: String, _ new: String, _ faults: String...) {
    self.old = old
    self.new = new
    self.faults = faults
  }
}

@Suite struct PlanFaultTests {
  private static let text = """
    plan: p
    as_of: 2020-03-01T00:00:00+08:00
    time_zone: "+08:00"
    reject_share_max: 0.05
    kinds: [test, contact]
    results: [negative, positive]
    sources:
      - name: tests
        files: tests/*.csv
        columns: {document: id, time: at, result: result}
        kind: test
        results: {阴性: negative}
        times: [yyyy-MM-dd HH:mm, rfc3339]
      - name: contacts
        files: [contacts.csv]
        columns: {document: id, time: at, place: place, kind: what}
        kinds: {1: contact}
        times: rfc3339
    areas:
      high: [{place: 420100, from: 2020-01-20, to: 2020-03-01}]
    valid: 2 days
    default: {colour: green, reason: 0}
    rules:
      - {rule: a, colour: red, reason: 1, when: {latest: test, result: positive, within: 7 days}}
      - rule: b
        colour: yellow
        reason: 2
        when: {event: contact, area: high, within: 14 days}
        unless: {event: test, result: negative, after_match: 0 days}

    """

  private func faults(_ text: some StringProtocol) -> [String] {
    do throws(PlanFaults) {
      _ = try ComputePlan(yaml: Array(text.utf8), file: "p.yaml", now: RulePlans.asOf)
      return []
    } catch {
      return error.faults.map(\.description)
    }
  }

  @Test("the plan without a change has no fault")
  func none() { #expect(faults(Self.text) == []) }

  @Test("a fault of the plan itself", arguments: PlanFaultCase.plans)
  func plan(change: PlanFaultCase) throws { try check(change) }

  @Test("a fault of a source", arguments: PlanFaultCase.sources)
  func source(change: PlanFaultCase) throws { try check(change) }

  @Test("a fault of an area", arguments: PlanFaultCase.areas)
  func area(change: PlanFaultCase) throws { try check(change) }

  @Test("a fault of a rule", arguments: PlanFaultCase.rules)
  func rule(change: PlanFaultCase) throws { try check(change) }

  private func check(_ change: PlanFaultCase) throws {
    let range = try #require(Self.text.firstRange(of: change.old))
    let text = Self.text[..<range.lowerBound] + change.new + Self.text[range.upperBound...]
    #expect(faults(text) == change.faults.map { "p.yaml:\($0)" })
  }

  @Test("all faults are told at once, in the order of the lines")
  func all() throws {
    let text = Self.text.split(separator: "\n").map { line in
      line.hasPrefix("plan") ? "plam: p" : line.contains("after_match") ? "    unles: {}" : line
    }.joined(separator: "\n")
    #expect(
      faults(text) == [
        "p.yaml:1:1: there is no key \"plam\" in a plan: did you mean \"plan\"?",
        "p.yaml:1:1: a plan lacks \"plan\"",
        "p.yaml:29:5: there is no key \"unles\" in a rule: did you mean \"unless\"?",
      ])
    #expect(
      faults("a: [") == [
        "p.yaml:2:1: while parsing a flow node, did not find expected node content"
      ])
    #expect(faults("") == ["p.yaml:1:1: the file is empty"])
    #expect(
      faults("- a").first == "p.yaml:1:1: a plan must be a map of keys and values, not a list")
  }

  @Test("rules that no source can ever fulfil")
  func sourceless() throws {
    let contacts = Self.text.replacing("kind: what}", with: "}").replacing(
      "kinds: {1: contact}", with: "kind: contact")
    #expect(faults(contacts) == [])
    #expect(
      faults(contacts.replacing("event: contact, area", with: "event: test, area")) == [
        "p.yaml:25:5: the rule \"b\" asks for the area of \"test\", but no source of it has a "
          + "place column"
      ])
    #expect(
      faults(contacts.replacing("latest: test, result", with: "latest: contact, result")) == [
        "p.yaml:24:5: the rule \"a\" asks for the result of \"contact\", but no source of it has a "
          + "result column"
      ])
    #expect(
      faults(
        contacts.replacing("kinds: [test, contact]", with: "kinds: [test, contact, more]")
          .replacing("event: test, result", with: "event: more, result")) == [
          "p.yaml:25:5: the rule \"b\" asks for \"more\", but no source has events of this kind"
        ])
  }

  @Test("limits on how many there can be")
  func limits() {
    let sixtyFive = (0..<65).map {
      "  - {rule: r\($0), colour: red, reason: 1, when: {event: test, within: \($0 + 1) days}}\n"
    }
    #expect(
      faults(RulePlans.head + sixtyFive.joined()) == [
        "p.yaml:24:3: the rules have 65 conditions: at most 64"
      ])
    #expect(faults(RulePlans.head + sixtyFive.dropLast().joined()) == [])
    let kinds = (0..<260).map { "k\($0)" }.joined(separator: ", ")
    #expect(
      faults(Self.text.replacing("[test, contact]", with: "[test, contact, \(kinds)]")) == [
        "p.yaml:5:8: there are 262 kinds: at most 255 can be"
      ])
  }
}
