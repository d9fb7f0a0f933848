import Codes
import JSON
import Support
import Testing
import VerifierCore

@Suite struct ScanAnswerTests {
  private let receipt = [UInt8](0..<16)

  private func answer(
    _ writer: inout ScanAnswerWriter, _ finding: Finding, now: Instant = Instant(Scan.noon)
  ) throws -> JSONValue {
    var bytes: [UInt8] = []
    writer.append(finding, receipt: receipt.span, scene: Scan.gate(), now: now, to: &bytes)
    return try JSONParser.parse(bytes)
  }

  private func verdict(_ outcome: Outcome, _ status: Status = .absent) -> Verdict {
    var verdict = Verdict.refused(outcome)
    verdict.status = status
    return verdict
  }

  private static let plain = [
    "outcome", "number", "text", "voice", "receipt", "scene", "region", "as_of", "age_ms", "level",
  ]
  private static let withStatus = [
    "outcome", "number", "text", "voice", "receipt", "scene", "region", "colour", "kind",
    "reason", "valid_until", "as_of", "age_ms", "level",
  ]

  @Test("every outcome's answer is JSON with the promised members", arguments: Outcome.allCases)
  func members(outcome: Outcome) throws {
    var writer = ScanAnswerWriter()
    let asOf = Instant(Scan.noon).advanced(byMilliseconds: -1_234)
    let json = try answer(&writer, Finding(verdict(outcome), region: Scan.home, asOf: asOf))
    #expect(json.members?.map(\.name) == Self.plain)
    #expect(json["outcome"]?.string == outcome.name)
    #expect(json["number"]?.integer == Int64(outcome.rawValue))
    #expect(json["text"]?["zh"]?.string == outcome.textZH)
    #expect(json["text"]?["en"]?.string == outcome.textEN)
    #expect(json["voice"]?.string == "scan.\(outcome.name)")
    #expect(json["receipt"]?.string == Base32.text(of: receipt.span))
    #expect(json["scene"]?.string == "health_gate")
    #expect(json["region"]?.string == "310000")
    #expect(json["as_of"]?.string == "2026-11-24T11:33:45.766Z")
    #expect(json["age_ms"]?.integer == 1_234)
    #expect(json["level"]?.string == "D0")
  }

  @Test("a status that was found is told, without the holder's serial")
  func status() throws {
    var writer = ScanAnswerWriter()
    for colour in Colour.allCases {
      for kind in HolderKind.allCases {
        for reason: UInt8 in [0, 9, 10, 99, 100, 255] {
          let end = CityTime(minutes: 4_000_000)
          let status = Status(
            colour: colour, kind: kind, flags: .lost, reason: reason, validUntil: end, revision: 9)
          let json = try answer(
            &writer,
            Finding(verdict(.colour, status), region: Scan.partner, asOf: Instant(Scan.noon)))
          #expect(json.members?.map(\.name) == Self.withStatus)
          #expect(json["region"]?.string == "330000")
          #expect(json["colour"]?.string == colour.name)
          #expect(json["kind"]?.string == kind.name)
          #expect(json["reason"]?.integer == Int64(reason))
          #expect(json["valid_until"]?.string == end.description)
        }
      }
    }
  }

  @Test(
    "P-43: each level's answer is JSON with the promised members, and tells outcome and status",
    arguments: DegradationLevel.allCases)
  func levels(level: DegradationLevel) throws {
    var writer = ScanAnswerWriter()
    var dropped: Set<String> = []
    if level >= .withoutTexts { dropped.formUnion(["text", "voice"]) }
    if level >= .statusOnly { dropped.insert("scene") }
    for outcome in Outcome.allCases {
      for colour in [nil] + Colour.allCases.map(Optional.some) {
        let status =
          colour.map { Status(colour: $0, kind: .visitor, reason: 7, validUntil: Scan.noon) }
          ?? .absent
        var bytes: [UInt8] = []
        // Another level's answer before it: nothing of that may be used again.
        for written in [DegradationLevel.full, level] {
          bytes = []
          writer.append(
            Finding(verdict(outcome, status), region: Scan.home, asOf: Instant(Scan.noon)),
            receipt: receipt.span, scene: Scan.gate(), now: Instant(Scan.noon), level: written,
            to: &bytes)
        }
        let json = try JSONParser.parse(bytes)
        var names = (colour == nil ? Self.plain : Self.withStatus).filter { !dropped.contains($0) }
        if level == .lastKnown { names.append("last_known") }
        #expect(json.members?.map(\.name) == names)
        #expect(json["level"]?.string == level.name)
        #expect(json["last_known"]?.bool == (level == .lastKnown ? true : nil))
        #expect(json["outcome"]?.string == outcome.name)
        #expect(json["receipt"]?.string == Base32.text(of: receipt.span))
        #expect(json["colour"]?.string == colour?.name)
      }
    }
  }

  @Test("one writer tells each answer's own times, in whatever order they come")
  func times() throws {
    var random = SplitMix(of: "answer times")
    var writer = ScanAnswerWriter()
    for _ in 0..<500 {
      let asOf = Instant(milliseconds: 217_000_000_000 + UInt64(random.below(3)) * 999)
      let now = Instant(milliseconds: asOf.milliseconds &+ random.pick([0, 1, 9, 10, 86_400_000]))
      let json = try answer(
        &writer, Finding(verdict(.accepted), region: Scan.home, asOf: asOf), now: now)
      #expect(json["as_of"]?.string == asOf.description)
      #expect(json["age_ms"]?.integer == Int64(now.milliseconds - asOf.milliseconds))
    }
    let ahead = try answer(
      &writer,
      Finding(
        verdict(.accepted), region: Scan.home,
        asOf: Instant(Scan.noon).advanced(byMilliseconds: 5)))
    #expect(ahead["age_ms"]?.integer == 0)
  }
}

@Suite struct ForeignAnswerTests {
  private let asOf = Instant(Scan.noon).advanced(byMilliseconds: -77)

  /// What a partner's verifier answers.
  private func text(
    _ outcome: Outcome, _ status: Status, _ level: DegradationLevel = .full
  ) -> String {
    var verdict = Verdict.refused(outcome)
    verdict.status = status
    var writer = ScanAnswerWriter()
    var bytes: [UInt8] = []
    let receipt = [UInt8](repeating: 0, count: 16)
    writer.append(
      Finding(verdict, region: Scan.partner, asOf: asOf), receipt: receipt.span,
      scene: Scan.gate(), now: Instant(Scan.noon), level: level, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  private func finding(_ text: String) throws -> Finding? {
    ForeignAnswer.finding(try JSONParser.parse(Array(text.utf8)), region: Scan.partner)
  }

  private static let status = Status(
    colour: .yellow, kind: .visitor, flags: .lost, reason: 200, validUntil: Scan.noon, revision: 3)

  @Test(
    "reads what another verifier wrote, at every level", arguments: Outcome.allCases,
    DegradationLevel.allCases)
  func roundTrip(outcome: Outcome, level: DegradationLevel) throws {
    let finding = try #require(try finding(text(outcome, Self.status, level)))
    #expect(finding.verdict.outcome == outcome)
    #expect(finding.region == Scan.partner)
    #expect(finding.asOf == asOf)
    #expect(finding.verdict.serial == nil)
    // Flags and revision stay in the region whose they are.
    #expect(
      finding.verdict.status
        == Status(
          colour: .yellow, kind: .visitor, reason: 200,
          validUntil: CityTime(minutes: Scan.noon.minutes)))
  }

  @Test("a refusal needs no status, an acceptance does")
  func withoutStatus() throws {
    #expect(try finding(text(.unknownHolder, .absent))?.verdict.outcome == .unknownHolder)
    #expect(try finding(text(.accepted, .absent)) == nil)
  }

  @Test(
    "what is not an answer of that region is none",
    arguments: [
      ("\"accepted\"", "\"perhaps\""), ("\"accepted\"", "0"), ("\"outcome\"", "\"result\""),
      ("\"330000\"", "\"310000\""), ("\"330000\"", "330000"), ("\"region\"", "\"regions\""),
      ("\"as_of\"", "\"asof\""), ("2026-11-24T11:33:46.923Z", "yesterday"),
      ("\"as_of\":\"2026-11-24T11:33:46.923Z\"", "\"as_of\":0"),
      ("\"yellow\"", "\"blue\""), ("\"visitor\"", "null"), ("\"reason\":200", "\"reason\":256"),
      ("\"reason\":200", "\"reason\":-1"), ("\"valid_until\"", "\"until\""),
    ])
  func refused(part: String, replacement: String) throws {
    let good = text(.accepted, Self.status)
    let parts = good.split(separator: part, maxSplits: 1, omittingEmptySubsequences: false)
    try #require(parts.count == 2, "\(part) is not in \(good)")
    #expect(try finding(parts.joined(separator: replacement)) == nil)
  }

  @Test("other JSON is no answer", arguments: ["null", "[]", "{}", "\"accepted\"", "7"])
  func otherJSON(text: String) throws { #expect(try finding(text) == nil) }
}
