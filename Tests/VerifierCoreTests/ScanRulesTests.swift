import Codes
import Feed
import Testing
import VerifierCore

/// One thing that is wrong with a scan, and what the verifier must call it.
struct ScanFault: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let outcome: Outcome
  let apply: @Sendable (inout Scan) -> Void

  init(_ name: String, _ outcome: Outcome, _ apply: @escaping @Sendable (inout Scan) -> Void) {
    testDescription = name
    self.outcome = outcome
    self.apply = apply
  }

  /// In the order in which the verifier finds them: of several, the first is the answer.
  static let inOrder: [ScanFault] = [
    ScanFault("a byte is missing", .malformed) { $0.damage = .shortened },
    ScanFault("nobody knows the region", .unknownRegion) { $0.region = Scan.stranger },
    ScanFault("made for tomorrow's hour", .unknownKey) {
      $0.validFrom = Scan.noon.advanced(bySeconds: 25 * 3_600)
    },
    ScanFault("its hour's key is gone", .codeExpired) {
      $0.validFrom = Scan.noon.advanced(bySeconds: -3 * 3_600)
    },
    ScanFault("a bit of the tag is wrong", .forged) { $0.damage = .bit(399) },
    ScanFault("says impossible things", .malformed) { $0.damage = .impossibleClaims },
    ScanFault("its time has not come", .notYetValid) {
      $0.validFrom = Scan.noon.advanced(bySeconds: 61)
    },
    ScanFault("its time is over", .codeExpired) {
      $0.validFrom = Scan.noon.advanced(bySeconds: -120)
    },
    ScanFault("knowledge is too old", .staleCache) {
      $0.asOf = $0.now.advanced(byMilliseconds: -21_600_001)
    },
    ScanFault("nobody has the serial", .unknownHolder) { $0.status = nil },
    ScanFault("the holder killed it", .killed) { $0.status?.revision = 8 },
    ScanFault("the holder is suspended", .suspended) { $0.status?.flags = .suspended },
    ScanFault("made for another scene", .wrongScene) { $0.sceneHint = 2 },
    ScanFault("the scene serves no such kind", .wrongScene) { $0.status?.kind = .organisation },
    ScanFault("the status has run out", .statusExpired) {
      $0.status?.validUntil = Scan.noon.advanced(bySeconds: -60)
    },
    ScanFault("the colour does not pass", .colour) { $0.status?.colour = .red },
  ]
}

@Suite struct ScanRulesTests {
  @Test("accepts a good code and says whose it is and until when")
  func accepted() throws {
    let scan = Scan()
    let stage = Stage()
    let code = stage.code(of: scan)
    guard case .home(let verdict) = stage.decide(scan, code: code) else {
      Issue.record("a home code was sent away")
      return
    }
    #expect(verdict.outcome == .accepted)
    #expect(verdict.serial == scan.serial)
    #expect(verdict.status == scan.status)
    #expect(verdict.codeEnd == Scan.noon.advanced(bySeconds: 60))
    #expect(verdict.nonce?.bytes == Array(code[DynamicCode.nonceRange]))
  }

  @Test("names each fault", arguments: ScanFault.inOrder)
  func names(fault: ScanFault) {
    #expect(Stage().outcome(Scan().with(fault.apply)) == fault.outcome)
  }

  @Test("of two or three faults, in every combination, the first in order is the answer")
  func order() {
    let stage = Stage()
    let faults = ScanFault.inOrder
    for combination in 1..<(1 << faults.count) where combination.nonzeroBitCount <= 3 {
      var scan = Scan()
      // Backwards, so that an earlier fault's edit stands where two edit the same field.
      for index in faults.indices.reversed() where combination >> index & 1 == 1 {
        faults[index].apply(&scan)
      }
      let first = faults[combination.trailingZeroBitCount]
      guard stage.outcome(scan) != first.outcome else { continue }
      Issue.record("combination \(combination) is not \(first.outcome)")
      return
    }
  }

  @Test("every outcome that a code can have is among the faults or decided elsewhere")
  func complete() {
    let named = Set(ScanFault.inOrder.map(\.outcome))
    let elsewhere: Set<Outcome> = [.accepted, .replayed, .regionUnreachable]
    #expect(named.union(elsewhere) == Set(Outcome.allCases))
  }

  @Test("leaves a partner's code to the partner, whatever else is wrong with it")
  func partner() {
    let stage = Stage()
    let scan = Scan().with { $0.region = Scan.partner }
    #expect(stage.decide(scan) == .partner(Scan.partner))
    let broken = scan.with {
      $0.damage = .bit(399)
      $0.status = nil
      $0.asOf = Instant(milliseconds: 0)
    }
    #expect(stage.decide(broken) == .partner(Scan.partner))
  }

  @Test(
    "calls malformed what is not a code by its form",
    arguments: [
      .shortened, .lengthened, .format(0), .format(2), .format(255), .impossibleClaims,
    ] as [Scan.Damage])
  func malformed(damage: Scan.Damage) {
    #expect(Stage().outcome(Scan().with { $0.damage = damage }) == .malformed)
  }

  @Test("calls malformed every length but 50 and a region without six digits")
  func badForms() {
    let stage = Stage()
    let good = stage.code(of: Scan())
    for count in 0..<50 {
      #expect(stage.outcome(Scan(), code: Array(good.prefix(count))) == .malformed, "\(count)")
    }
    #expect(stage.outcome(Scan(), code: good + good) == .malformed)
    for region: [UInt8] in [[0, 0, 0], [1, 0x86, 0x9F], [0x0F, 0x42, 0x40], [255, 255, 255]] {
      var code = good
      code.replaceSubrange(1..<4, with: region)
      #expect(stage.outcome(Scan(), code: code) == .malformed, "\(region)")
    }
  }

  @Test("a verdict without an opened code names nobody")
  func silent() {
    let stage = Stage()
    for fault in ScanFault.inOrder.prefix(6) {
      guard case .home(let verdict) = stage.decide(Scan().with(fault.apply)) else { continue }
      #expect(verdict == .refused(fault.outcome), "\(fault.testDescription)")
    }
  }

  @Test("knows no key before the first are there")
  func noKeys() {
    let stage = Stage()
    let code = stage.code(of: Scan())
    var scratch: [UInt8] = []
    let verdict = stage.rules.decide(
      code: code.span, scene: Scan.gate(), now: Scan().now, asOf: Scan().asOf, keys: KeyRing(),
      scratch: &scratch
    ) { _ in Scan().status }
    #expect(verdict == .home(.refused(.unknownKey)))
  }

  @Test("a lost phone or document refuses like a suspension; the spare flag refuses nobody")
  func flags() {
    let stage = Stage()
    #expect(stage.outcome(Scan().with { $0.status?.flags = .lost }) == .suspended)
    #expect(stage.outcome(Scan().with { $0.status?.flags = [.lost, .suspended] }) == .suspended)
    #expect(stage.outcome(Scan().with { $0.status?.flags = .spare }) == .accepted)
  }

  @Test("a revision below the holder's is as dead as one above, also around its wrap")
  func revisions() {
    let stage = Stage()
    let revisions: [UInt16] = [0, 1, 7, 8, 65_534, 65_535]
    for code in revisions {
      for holder in revisions {
        let scan = Scan().with {
          $0.codeRevision = code
          $0.status?.revision = holder
        }
        #expect(stage.outcome(scan) == (code == holder ? .accepted : .killed), "\(code) \(holder)")
      }
    }
  }

  @Test("exactly the scene's colours and kinds pass")
  func policy() {
    let stage = Stage()
    for colour in Colour.allCases {
      for kind in HolderKind.allCases {
        for (colours, kinds): (Set<Colour>, Set<HolderKind>) in [
          ([.green], [.resident]), ([.green, .yellow], [.visitor, .dependant]),
          (Set(Colour.allCases), Set(HolderKind.allCases)),
        ] {
          let scan = Scan().with {
            $0.status?.colour = colour
            $0.status?.kind = kind
            $0.scene = Scan.gate(colours: colours, kinds: kinds)
          }
          let expected: Outcome =
            !kinds.contains(kind) ? .wrongScene : colours.contains(colour) ? .accepted : .colour
          #expect(stage.outcome(scan) == expected, "\(colour) \(kind) in \(colours) \(kinds)")
        }
      }
    }
  }

  @Test("a scene hint passes in its own scene only; no hint passes in all")
  func hints() {
    let stage = Stage()
    for hint: UInt8 in [0, 1, 2, 255] {
      for number: UInt8 in [1, 2, 255] {
        let scan = Scan().with {
          $0.sceneHint = hint
          $0.scene = Scan.gate(number: number)
        }
        #expect(stage.outcome(scan) == (hint == 0 || hint == number ? .accepted : .wrongScene))
      }
    }
  }

  @Test("a status counts until its last millisecond")
  func statusEnd() {
    let stage = Stage()
    let end = CityTime(minutes: Scan.noon.minutes)
    let last = Scan().with {
      $0.status?.validUntil = end
      $0.now = Instant(end).advanced(byMilliseconds: -1)
    }
    #expect(stage.outcome(last) == .accepted)
    #expect(stage.outcome(last.with { $0.now = Instant(end) }) == .statusExpired)
  }
}
