import Codes
import Support
import Testing
import VerifierCore

/// The design's text about a scan (§4 to §6) once more, in plain numbers; shares no decision with
/// `ScanRules`. `nil`: the partner must say.
private func reference(_ scan: Scan) -> Outcome? {
  switch scan.damage {
  case .shortened, .lengthened, .format: return .malformed
  case .bit, .impossibleClaims, nil: break
  }
  if scan.region == Scan.partner { return nil }
  if scan.region != Scan.home { return .unknownRegion }
  let codeHour = Int(scan.validFrom.seconds) / 3_600
  let keysHour = Int(scan.keysOf.seconds) / 3_600
  if codeHour < keysHour - 2 { return .codeExpired }
  if codeHour > keysHour + 24 { return .unknownKey }
  if case .bit = scan.damage { return .forged }
  if scan.damage == .impossibleClaims { return .malformed }
  let now = Int(scan.now.milliseconds)
  let start = Int(scan.validFrom.seconds) * 1_000
  let end = start + scan.lifetimeSeconds * 1_000
  if now + Scan.skewSeconds * 1_000 < start { return .notYetValid }
  if now - Scan.skewSeconds * 1_000 >= end { return .codeExpired }
  let bound = scan.scene.statusAgeMaxSeconds ?? Scan.statusAgeMaxSeconds
  if now - Int(scan.asOf.milliseconds) > bound * 1_000 { return .staleCache }
  guard let bits = scan.status?.bits, bits != 0 else { return .unknownHolder }
  if bits >> 40 & 0xFFFF != scan.codeRevision { return .killed }
  if bits >> 5 & 3 != 0 { return .suspended }
  if scan.sceneHint != 0 && scan.sceneHint != scan.scene.number { return .wrongScene }
  if !scan.scene.kinds.contains(where: { UInt64($0.rawValue) == bits >> 2 & 7 }) {
    return .wrongScene
  }
  if now >= Int(bits >> 16 & 0xFF_FFFF) * 60_000 { return .statusExpired }
  if !scan.scene.colours.contains(where: { UInt64($0.rawValue) == bits & 3 }) { return .colour }
  return .accepted
}

@Suite struct DifferentialTests {
  /// A scan in which each part is likely good and sometimes at or over an edge.
  private func scan(_ random: inout SplitMix) -> Scan {
    var scan = Scan()
    scan.region = random.once(in: 20) ? random.pick([Scan.partner, Scan.stranger]) : Scan.home
    if random.once(in: 10) {
      // The bits behind the header's region and epoch: what those come to is in CodeLifeTests.
      scan.damage = random.pick([
        .shortened, .lengthened, .format(UInt8(2 + random.below(254))), .impossibleClaims,
        .bit(48 + random.below(352)), .bit(48 + random.below(352)),
      ])
    }
    scan.lifetimeSeconds = 15 * (1 + random.below(random.once(in: 2) ? 4 : 255))
    let offsets: [Int64] = [0, 0, 0, 59, 60, 61, -59, -60, -61, -119, -120, -121, 3_600, -3_600]
    scan.validFrom = scan.validFrom.advanced(
      bySeconds: random.once(in: 30) ? Int64(random.below(400_000)) - 200_000 : random.pick(offsets)
    )
    scan.now = scan.now.advanced(byMilliseconds: Int64(random.below(3)) - 1)
    let hours = random.once(in: 10) ? Int64(random.below(40)) - 10 : 0
    scan.keysOf = scan.keysOf.advanced(bySeconds: -3_600 * hours)
    scan.codeRevision = UInt16(random.below(2))
    scan.sceneHint = random.once(in: 5) ? UInt8(random.below(4)) : 0
    let colours = Colour.allCases.filter { $0 == .green || random.once(in: 3) }
    let kinds = HolderKind.allCases.filter { $0 == .resident || random.once(in: 2) }
    scan.scene = Scan.gate(
      colours: Set(colours), kinds: Set(kinds), number: UInt8(1 + random.below(3)),
      statusAgeMaxSeconds: random.once(in: 2) ? random.below(120) : nil)
    let bound = Int64(scan.scene.statusAgeMaxSeconds ?? Scan.statusAgeMaxSeconds) * 1_000
    let age = random.once(in: 6) ? bound + Int64(random.below(5)) - 2 : Int64(random.below(40_000))
    scan.asOf = scan.now.advanced(byMilliseconds: -age)
    scan.status = status(&random, now: scan.now.cityTime)
    return scan
  }

  private func status(_ random: inout SplitMix, now: CityTime) -> Status? {
    if random.once(in: 30) { return random.pick([nil, .absent]) }
    if random.once(in: 30) { return Status(bits: random.next()) }
    let minutes = random.once(in: 6) ? Int64(random.below(3)) - 1 : Int64(random.below(500))
    return Status(
      colour: random.once(in: 2) ? .green : random.pick(Colour.allCases),
      kind: random.once(in: 2) ? .resident : random.pick(HolderKind.allCases),
      flags: StatusFlags(rawValue: random.once(in: 10) ? UInt8(random.below(8)) : 0),
      reason: UInt8(random.below(256)), validUntil: now.advanced(bySeconds: 60 * minutes),
      revision: UInt16(random.below(random.once(in: 4) ? 2 : 1)))
  }

  @Test("P-69: under random faults of code, clock, cache and status no answer is wrongly accepted")
  func differential() {
    var random = SplitMix(of: "P-69 differential")
    let stage = Stage()
    var falseAccepts = 0
    var falseRefusals = 0
    var tally: [Outcome: Int] = [:]
    for round in 0..<10_000 {
      let scan = scan(&random)
      let expected = reference(scan)
      let actual = stage.outcome(scan)
      if let expected { tally[expected, default: 0] += 1 }
      guard actual != expected else { continue }
      if actual == .accepted { falseAccepts += 1 } else { falseRefusals += 1 }
      let names = "\(expected?.name ?? "partner"), not \(actual?.name ?? "partner")"
      if falseAccepts + falseRefusals < 5 { Issue.record("round \(round): \(names): \(scan)") }
    }
    #expect(falseAccepts == 0)
    #expect(falseRefusals == 0)
    // The run says something only if every outcome of a home code came up.
    for outcome in Outcome.allCases where ![.replayed, .regionUnreachable].contains(outcome) {
      #expect(tally[outcome, default: 0] > 20, "\(outcome)")
    }
  }
}
