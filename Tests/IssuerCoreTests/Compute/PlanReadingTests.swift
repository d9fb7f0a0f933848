import Codes
import Foundation
import IssuerCore
import Security
import Testing

@Suite struct PlanReadingTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../deploy/plans").standardizedFileURL.path

  private func example(_ name: String, asOf: CityTime? = nil) throws -> ComputePlan {
    let path = "\(Self.folder)/\(name)"
    let bytes = try #require(FileManager.default.contents(atPath: path))
    return try ComputePlan(
      yaml: Array(bytes), file: name, now: RulePlans.time("2020-04-01T08:00"), asOf: asOf)
  }

  @Test("the plain example is a dozen lines of rules and reads as it says")
  func simple() throws {
    let plan = try example("simple.yaml")
    #expect(plan.name == "simple")
    #expect(plan.asOf == RulePlans.time("2020-04-01T08:00"))
    #expect(plan.rejectShareMax == 0)
    let source = try #require(plan.sources.first)
    #expect(source.files == ["tests/*.csv"])
    #expect(source.encoding == .utf8)
    #expect(source.delimiter == UInt8(ascii: ","))
    #expect(source.kind == 0)
    #expect(source.columns.document == "id_number" && source.columns.documentType == nil)
    #expect(source.documentTypes["resident_id"] == .residentID)
    #expect(source.resultSpellings == ["none": 0, "negative": 1, "positive": 2])
    #expect(
      source.timeFormats == [.pattern(Array("yyyy-MM-dd HH:mm:ss".utf8), secondsEast: 28_800)])
  }

  @Test("the city's plan has eight sources, their spellings, formats and zones")
  func city() throws {
    let plan = try example("city-2020.yaml")
    #expect(plan.asOf == RulePlans.time("2020-03-01T00:00"))
    #expect(plan.sources.count == 8)
    #expect(plan.results[0] == "none")
    let orders = plan.sources[1]
    #expect(orders.encoding == .gb18030)
    #expect(orders.kindSpellings["集中隔离"] == UInt8(plan.kinds.firstIndex(of: "quarantine")!))
    #expect(orders.documentTypes["护照"] == .passport)
    #expect(orders.timeFormats.last == .pattern(Array("yyyy年MM月dd日".utf8), secondsEast: 28_800))
    #expect(
      plan.sources[3].timeFormats == [
        .rfc3339, .pattern(Array("yyyy-MM-dd HH:mm:ss".utf8), secondsEast: 0),
        .pattern(Array("yyyyMMdd".utf8), secondsEast: 0),
      ])
    #expect(plan.sources[7].delimiter == UInt8(ascii: "|"))
    #expect(plan.sources[7].timeFormats.first == .unixSeconds)
    #expect(plan.sources[4].timeFormats.first == .unixMilliseconds)
    #expect(plan.sources[7].resultSpellings["none"] == 0)
  }

  @Test("another moment moves all windows and validities")
  func asOf() throws {
    let moved = RulePlans.time("2020-02-20T12:34").advanced(bySeconds: 30)
    let plan = try example("city-2020.yaml", asOf: moved)
    #expect(plan.asOf == RulePlans.time("2020-02-20T12:34"))
    #expect(plan.program.defaultDecision.validUntil == RulePlans.time("2020-02-27T12:34"))
    // `now` is cut to the minute as well.
    let text = RulePlans.head.replacing("2020-03-01T00:00:00+08:00\ntime", with: "now\ntime")
    let now = try ComputePlan(
      yaml: Array((text + "  []\n").utf8), file: "p", now: moved)
    #expect(now.asOf == RulePlans.time("2020-02-20T12:34"))
  }

  @Test("the digest is that of the file's bytes")
  func digest() throws {
    let one = try RulePlans.plan("  []\n")
    #expect(one.digest == SHA256.hash(Array((RulePlans.head + "  []\n").utf8).span))
    #expect(try RulePlans.plan("  [] # other\n").digest != one.digest)
  }

  @Test("zones, encodings, delimiters and lists are read in all their forms")
  func forms() throws {
    let text = RulePlans.head
      .replacing("files: others.csv", with: "files: [b.csv, /a/c?.csv.gz]\n    encoding: GBK")
      .replacing("name: records", with: "name: records\n    delimiter: \"\\t\"")
      .replacing(
        "times: yyyy-MM-dd HH:mm\nareas",
        with: "times: [yyyyMMddHHmmss, rfc3339]\n    time_zone: \"-03:30\"\nareas")
    let plan = try ComputePlan(
      yaml: Array((text + "  []\n").utf8), file: "p", now: RulePlans.asOf)
    #expect(plan.sources[0].delimiter == 0x09)
    #expect(plan.sources[1].files == ["b.csv", "/a/c?.csv.gz"])
    #expect(plan.sources[1].encoding == .gb18030)
    #expect(
      plan.sources[1].timeFormats == [
        .pattern(Array("yyyyMMddHHmmss".utf8), secondsEast: -12_600), .rfc3339,
      ])
  }

  @Test("the first day of 2020 begins earlier in the east, and periods then without a bound")
  func firstDay() throws {
    let text = RulePlans.head.replacing(
      "{place: 310115}", with: "{place: 310115, from: 2020-01-01, to: 2020-01-01}")
    let plan = try ComputePlan(
      yaml: Array(
        (text + "  - {rule: r, colour: red, reason: 2, when: {event: visit, area: high}}\n").utf8),
      file: "p", now: RulePlans.asOf)
    #expect(plan.ruleName(["2020-01-01T08:00 visit 310115"]) == "r")
    #expect(plan.ruleName(["2020-01-01T23:59 visit 310115"]) == "r")
    #expect(plan.ruleName(["2020-01-02T00:00 visit 310115"]) == nil)
  }
}
