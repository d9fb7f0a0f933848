import Codes
import JSON
import Testing
import VerifierCore

/// What a partner's "accepted" counts for at home.
@Suite struct AdoptTests {
  private func answer(
    _ colour: String = "green", kind: String = "resident", asOf: Instant = Instant(Scan.noon),
    validUntil: CityTime = Scan.noon.advanced(bySeconds: 86_400)
  ) throws -> Finding {
    let text = """
      {"outcome":"accepted","region":"330000","colour":"\(colour)","kind":"\(kind)","reason":1,\
      "valid_until":"\(validUntil)","as_of":"\(asOf)"}
      """
    let json = try JSONParser.parse(Array(text.utf8))
    return try #require(ForeignAnswer.finding(json, region: Scan.partner))
  }

  private func outcome(_ finding: Finding, scene: Scene = Scan.gate()) -> Outcome {
    let stage = Stage()
    var scan = Scan()
    scan.region = Scan.partner
    let code = stage.code(of: scan)
    return stage.rules.adopt(finding, code: code.span, scene: scene, now: scan.now)
      .verdict.outcome
  }

  @Test("the holder must pass the scene of this region, whatever the partner's allows")
  func ownScene() throws {
    #expect(outcome(try answer()) == .accepted)
    #expect(outcome(try answer("yellow")) == .colour)
    #expect(outcome(try answer(kind: "organisation")) == .wrongScene)
    #expect(outcome(try answer(validUntil: Scan.noon)) == .statusExpired)
  }

  @Test("P-29: knowledge that is too old, or of a time to come, is stale_cache")
  func stale() throws {
    let noon = Instant(Scan.noon)
    let age = Int64(Scan.statusAgeMaxSeconds) * 1_000
    #expect(outcome(try answer(asOf: noon.advanced(byMilliseconds: -age))) == .accepted)
    #expect(outcome(try answer(asOf: noon.advanced(byMilliseconds: -age - 1))) == .staleCache)
    #expect(outcome(try answer(asOf: noon.advanced(byMilliseconds: 60_000))) == .accepted)
    #expect(outcome(try answer(asOf: noon.advanced(byMilliseconds: 60_001))) == .staleCache)
  }

  @Test("all scans of one code name the same end, so that it counts once however late it comes")
  func sameEnd() throws {
    let stage = Stage()
    var scan = Scan()
    scan.region = Scan.partner
    let code = stage.code(of: scan)
    let finding = try answer()
    var ends: Set<CityTime?> = []
    for seconds in stride(from: Int64(0), through: 3_600, by: 61) {
      let now = Instant(Scan.noon).advanced(byMilliseconds: seconds * 1_000)
      let adopted = stage.rules.adopt(finding, code: code.span, scene: Scan.gate(), now: now)
      #expect(adopted.verdict.nonce != nil)
      ends.insert(adopted.verdict.codeEnd)
    }
    #expect(ends.count == 1)
    let end = try #require(ends.first ?? nil)
    #expect(end > Scan.noon.advanced(bySeconds: 3_825))
  }
}
