import Codes
import Testing
import VerifierCore

@Suite struct CodeLifeTests {
  /// The outcome at `now`, status and cache being good.
  private func outcome(_ stage: Stage, _ scan: Scan, at now: Instant) -> Outcome? {
    stage.outcome(
      scan.with {
        $0.now = now
        $0.asOf = now
        $0.keysOf = now.cityTime
      })
  }

  @Test(
    "P-64: a code lives from its start less the skew to its end plus the skew, to the second",
    arguments: [(60, 60), (15, 60), (3_825, 60), (60, 0), (60, 119)])
  func sweep(lifetimeSeconds: Int, skewSeconds: Int) {
    let stage = Stage(skewSeconds: skewSeconds)
    let scan = Scan().with { $0.lifetimeSeconds = lifetimeSeconds }
    let end = scan.validFrom.advanced(bySeconds: Int64(lifetimeSeconds))
    for edge in [scan.validFrom, end] {
      for offset: Int64 in -120...120 {
        let now = edge.advanced(bySeconds: offset)
        let isEarly = now < scan.validFrom.advanced(bySeconds: -Int64(skewSeconds))
        let isLate = now >= end.advanced(bySeconds: Int64(skewSeconds))
        let expected: Outcome = isEarly ? .notYetValid : isLate ? .codeExpired : .accepted
        #expect(outcome(stage, scan, at: Instant(now)) == expected, "\(offset) s from \(edge)")
      }
    }
  }

  @Test("P-64: the boundaries are exact to the millisecond")
  func boundaries() {
    let stage = Stage()
    let first = Instant(Scan.noon.advanced(bySeconds: -60))
    let end = Instant(Scan.noon.advanced(bySeconds: 120))
    #expect(outcome(stage, Scan(), at: first.advanced(byMilliseconds: -1)) == .notYetValid)
    #expect(outcome(stage, Scan(), at: first) == .accepted)
    #expect(outcome(stage, Scan(), at: end.advanced(byMilliseconds: -1)) == .accepted)
    #expect(outcome(stage, Scan(), at: end) == .codeExpired)
  }

  @Test("P-64: a clock that is a minute off is tolerated for the whole life, one an hour off never")
  func clocks() {
    let stage = Stage()
    for second: Int64 in 0..<60 {
      let now = Instant(Scan.noon.advanced(bySeconds: second))
      for off: Int64 in [-60, 60] {
        let skewed = now.advanced(byMilliseconds: off * 1_000)
        #expect(outcome(stage, Scan(), at: skewed) == .accepted, "\(second) \(off)")
      }
      let hour: Int64 = 3_600_000
      #expect(outcome(stage, Scan(), at: now.advanced(byMilliseconds: -hour)) == .notYetValid)
      #expect(outcome(stage, Scan(), at: now.advanced(byMilliseconds: hour)) == .codeExpired)
    }
  }

  @Test("every change of a single bit is refused")
  func bits() {
    let stage = Stage()
    let good = stage.code(of: Scan())
    #expect(stage.outcome(Scan(), code: good) == .accepted)
    var tally: [String: Int] = [:]
    for bit in 0..<400 {
      var code = good
      code[bit / 8] ^= 1 << UInt8(bit % 8)
      let decision = stage.decide(Scan(), code: code)
      if case .home(let verdict) = decision {
        #expect(verdict.outcome != .accepted, "bit \(bit)")
        tally[verdict.outcome.name, default: 0] += 1
      }
    }
    // The seal covers the nonce, the claims and the tag: 44 bytes.
    #expect(tally["forged", default: 0] >= 44 * 8)
    #expect(tally["malformed", default: 0] >= 8)
  }

  @Test("two codes cannot be mixed: no part of one is good in the other")
  func mixed() {
    let stage = Stage()
    let one = stage.code(of: Scan())
    let two = stage.code(of: Scan().with { $0.serial = Serial(unchecked: 5) })
    for cut in [6, 10, 18, 26, 34, 42] {
      let mixed = Array(one[..<cut] + two[cut...])
      // A header's first six bytes are the same in both codes.
      let expected: Outcome = cut == 6 ? .unknownHolder : .forged
      #expect(stage.outcome(Scan(), code: mixed) == expected, "cut at \(cut)")
    }
  }

  @Test("codes live on through the hour of 2027 in which the epoch's 16 bits come round")
  func wrap() {
    let stage = Stage()
    let wrap = KeyEpoch(number: 65_536).start
    #expect(wrap.description == "2027-06-23T16:00:00Z")
    #expect(KeyEpoch(at: wrap).wire == 0)
    for start: Int64 in [-3_600, -120, -60, -1, 0, 1, 60, 3_600] {
      let scan = Scan().with {
        $0.validFrom = wrap.advanced(bySeconds: start)
        $0.status?.validUntil = wrap.advanced(bySeconds: 86_400)
      }
      for offset: Int64 in [-61, -60, 0, 59, 119, 120] {
        let now = Instant(scan.validFrom.advanced(bySeconds: offset))
        let expected: Outcome =
          offset < -60 ? .notYetValid : offset >= 120 ? .codeExpired : .accepted
        #expect(outcome(stage, scan, at: now) == expected, "\(start) \(offset)")
      }
    }
  }

  @Test("a code kept until its epoch's 16 bits come round again is forged, not young")
  func keptForYears() {
    let stage = Stage()
    let later = Scan.noon.advanced(bySeconds: 65_536 * 3_600)
    let scan = Scan().with { $0.status?.validUntil = later.advanced(bySeconds: 86_400) }
    #expect(outcome(stage, scan, at: Instant(later)) == .forged)
  }

  @Test("the verifier's keys last for a day without its issuer, then no newer code can be checked")
  func cutOff() {
    let stage = Stage()
    for hours: Int64 in 0...30 {
      let now = Scan.noon.advanced(bySeconds: hours * 3_600)
      let scan = Scan().with {
        $0.validFrom = now
        $0.now = Instant(now)
        $0.asOf = Instant(now)
        $0.status?.validUntil = now.advanced(bySeconds: 3_600)
      }
      #expect(stage.outcome(scan) == (hours <= 24 ? .accepted : .unknownKey), "\(hours) h")
    }
  }
}
