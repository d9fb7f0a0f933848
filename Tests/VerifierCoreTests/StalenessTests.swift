import Codes
import JSON
import Testing
import VerifierCore

@Suite struct StalenessTests {
  @Test(
    "P-29: beyond the scene's bound, or the verifier's, nothing is accepted",
    arguments: [nil, 0, 1, 30, 600, 86_400] as [Int?])
  func bound(sceneSeconds: Int?) {
    let stage = Stage()
    let bound = Int64(sceneSeconds ?? Scan.statusAgeMaxSeconds) * 1_000
    for colour in Colour.allCases {
      for age: Int64 in [0, 1, 999, bound - 1, bound, bound + 1, bound + 1_000, 400_000_000] {
        guard age >= 0 else { continue }
        let scan = Scan().with {
          $0.scene = Scan.gate(statusAgeMaxSeconds: sceneSeconds)
          $0.asOf = $0.now.advanced(byMilliseconds: -age)
          $0.status?.colour = colour
        }
        let fresh: Outcome = colour == .green ? .accepted : .colour
        #expect(stage.outcome(scan) == (age > bound ? .staleCache : fresh), "\(age) ms \(colour)")
      }
    }
  }

  @Test("P-29: a feed that is cut leads from accepted to stale_cache once, and never back")
  func blockedFeed() {
    let stage = Stage()
    var seen: [Outcome] = []
    for minute: Int64 in 0...720 {
      let now = Scan.noon.advanced(bySeconds: minute * 60)
      let outcome = stage.outcome(
        Scan().with {
          $0.now = Instant(now)
          $0.validFrom = now
          $0.keysOf = now
        })
      #expect((outcome == .accepted) == (minute <= 360), "minute \(minute)")
      if let outcome, outcome != seen.last { seen.append(outcome) }
    }
    #expect(seen == [.accepted, .staleCache])
  }

  @Test("P-29: the refusal for staleness says how old the knowledge is")
  func ageIsTold() throws {
    var writer = ScanAnswerWriter()
    let now = Instant(Scan.noon)
    let asOf = now.advanced(byMilliseconds: -21_600_001)
    var bytes: [UInt8] = []
    let receipt = [UInt8](repeating: 1, count: 16)
    writer.append(
      Finding(.refused(.staleCache), region: Scan.home, asOf: asOf), receipt: receipt.span,
      scene: Scan.gate(), now: now, to: &bytes)
    let json = try JSONParser.parse(bytes)
    #expect(json["outcome"]?.string == "stale_cache")
    #expect(json["as_of"]?.string == asOf.description)
    #expect(json["age_ms"]?.integer == 21_600_001)
    #expect(json["colour"] == nil)
  }

  @Test("P-43: with D3 knowledge of any age decides as fresh would, but not that of a time to come")
  func lastKnown() {
    let stage = Stage(allowsAnyAge: true)
    for colour in Colour.allCases {
      for age: Int64 in [0, 21_600_001, 400_000_000_000] {
        let scan = Scan().with {
          $0.asOf = $0.now.advanced(byMilliseconds: -age)
          $0.status?.colour = colour
        }
        #expect(stage.outcome(scan) == (colour == .green ? .accepted : .colour))
      }
    }
    let ahead = Scan().with {
      $0.asOf = $0.now.advanced(byMilliseconds: Int64(Scan.skewSeconds) * 1_000 + 1)
    }
    #expect(stage.outcome(ahead) == .staleCache)
    let killed = Scan().with {
      $0.asOf = $0.now.advanced(byMilliseconds: -400_000_000)
      $0.codeRevision = 6
    }
    #expect(stage.outcome(killed) == .killed)
  }

  @Test("knowledge from a clock that runs ahead counts as new")
  func aheadOfTime() {
    let scan = Scan().with { $0.asOf = $0.now.advanced(byMilliseconds: 5_000) }
    #expect(Stage().outcome(scan) == .accepted)
  }
}
