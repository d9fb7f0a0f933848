import Codes
import IssuerCore
import JSON
import Testing
import World

@testable import loadgen

@Suite struct CorpusPlanTests {
  private static let people = 50_000

  private func plan(
    count: Int, people: Int = people, shares: CorpusPlan.Shares = .init(), seed: UInt64 = 1
  ) throws -> CorpusPlan {
    try CorpusPlan(
      count: count,
      population: SamplePopulation(
        people: people, seed: 3, region: try #require(Region(text: "310000"))),
      people: people, shares: shares, seed: seed)
  }

  private func numbers(_ plan: CorpusPlan) -> [String] { plan.holders.map(\.document.number) }

  @Test("as many distinct holders as codes, none of them a dependant")
  func holders() throws {
    let plan = try plan(count: 4_000)
    #expect(Set(numbers(plan)).count == 4_000)
    #expect(plan.holders.allSatisfy { $0.kind != "dependant" })
    #expect(plan.codes.map(\.holder) == Array(0..<4_000))
  }

  @Test("holders come from every part of the population, of every kind")
  func spread() throws {
    var sample = SamplePopulation(
      people: Self.people, seed: 3, region: try #require(Region(text: "310000")))
    var csv: [UInt8] = []
    while sample.appendRows(into: &csv, upTo: 1 << 20) {}
    var rows: [String: Int] = [:]
    for (row, line) in String(decoding: csv, as: UTF8.self).split(separator: "\n").enumerated() {
      rows[String(line.split(separator: ",")[1])] = row
    }
    let plan = try plan(count: 4_000)
    var perTenth = Array(repeating: 0, count: 10)
    for number in numbers(plan) {
      let row = try #require(rows[number])
      perTenth[(row - 1) * 10 / Self.people] += 1
    }
    #expect(perTenth.allSatisfy { 360...440 ~= $0 }, "\(perTenth)")
    #expect(Set(plan.holders.map(\.kind)) == ["resident", "visitor", "organisation"])
  }

  @Test("the shares are exact, and a killed holder's code is neither forged nor expired")
  func shares() throws {
    let plan = try plan(count: 4_000, shares: .init(forged: 1, expired: 2, killed: 3))
    #expect(plan.codes.count { $0.fate == .forged } == 40)
    #expect(plan.codes.count { $0.fate == .expired } == 80)
    #expect(plan.killed.count == 120)
    let killed = Set(plan.killed)
    #expect(plan.codes.allSatisfy { $0.fate == .kept || !killed.contains($0.holder) })
    #expect(throws: (any Error).self) {
      try self.plan(count: 100, shares: .init(forged: 60, expired: 60, killed: 0))
    }
  }

  @Test("the same seed chooses the same holders, another seed others")
  func seeds() throws {
    let one = numbers(try plan(count: 500))
    #expect(try numbers(plan(count: 500)) == one)
    #expect(try numbers(plan(count: 500, seed: 2)) != one)
  }

  @Test("with fewer people than codes, holders have several; spares have none")
  func fewPeople() throws {
    let plan = try plan(count: 4_000, people: 1_000)
    #expect(plan.codes.count == 4_000)
    #expect(800...950 ~= plan.holders.count)
    #expect(Set(plan.codes.map(\.holder)).count == plan.holders.count)
    let holders = Set(numbers(plan))
    #expect(plan.spares.count == CorpusPlan.sparesMax)
    #expect(plan.spares.allSatisfy { !holders.contains($0.document.number) })
  }

  @Test(
    "the outcome of an untouched code follows from the status and the scene",
    arguments: [
      (
        #"{"colour":"green","kind":"resident","valid_until":"2030-01-01T00:00:00Z","flags":[]}"#,
        Outcome.accepted
      ),
      (
        #"{"colour":"red","kind":"resident","valid_until":"2030-01-01T00:00:00Z","flags":[]}"#,
        .colour
      ),
      (
        #"{"colour":"green","kind":"resident","valid_until":"2026-01-01T00:00:00Z","flags":[]}"#,
        .statusExpired
      ),
      (
        #"{"colour":"red","kind":"visitor","valid_until":"2030-01-01T00:00:00Z","flags":["lost"]}"#,
        .suspended
      ),
      (
        #"{"colour":"red","kind":"dependant","valid_until":"2026-01-01T00:00:00Z","flags":[]}"#,
        .wrongScene
      ),
    ])
  func outcomes(status: String, expected: Outcome) throws {
    let scene = #"{"name":"gate","colours":["green"],"kinds":["resident","visitor"]}"#
    let policy = try #require(ScenePolicy(json: try JSONParser.parse(Array(scene.utf8))))
    let end = try #require(CityTime(rfc3339: "2027-06-01T00:00:00Z"))
    #expect(
      try policy.outcome(try JSONParser.parse(Array(status.utf8)), until: end) == expected)
  }
}
