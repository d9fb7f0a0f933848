import Codes
import Testing

@Suite struct StatusTests {
  @Test("puts every field where the page format says")
  func layout() {
    let epoch = CityTime(seconds: 0)
    #expect(Status(colour: .red, kind: .unspecified, validUntil: epoch).bits == 3)
    #expect(Status(colour: .none, kind: .organisation, validUntil: epoch).bits == 4 << 2)
    #expect(
      Status(colour: .none, kind: .unspecified, flags: .lost, validUntil: epoch).bits == 2 << 5)
    #expect(
      Status(colour: .none, kind: .unspecified, reason: 255, validUntil: epoch).bits == 255 << 8)
    #expect(
      Status(colour: .none, kind: .unspecified, validUntil: CityTime(minutes: 1)).bits == 1 << 16)
    #expect(
      Status(colour: .none, kind: .unspecified, validUntil: epoch, revision: .max).bits
        == 0xFFFF << 40)
  }

  @Test("reads back what it was made of, and setting one field leaves the others alone")
  func fields() {
    var status = Status(
      colour: .yellow, kind: .dependant, flags: [.suspended, .spare], reason: 77,
      validUntil: CityTime(minutes: 3_456_789), revision: 54_321)
    #expect(status.colour == .yellow)
    #expect(status.kind == .dependant)
    #expect(status.flags == [.suspended, .spare])
    #expect(status.reason == 77)
    #expect(status.validUntil == CityTime(minutes: 3_456_789))
    #expect(status.revision == 54_321)
    let before = status
    status.colour = .green
    status.kind = .visitor
    status.flags = .lost
    status.reason = 1
    status.validUntil = CityTime(minutes: 2)
    status.revision = 3
    let expected = Status(
      colour: .green, kind: .visitor, flags: .lost, reason: 1,
      validUntil: CityTime(minutes: 2), revision: 3)
    #expect(status == expected)
    status.colour = .yellow
    status.kind = .dependant
    status.flags = [.suspended, .spare]
    status.reason = 77
    status.validUntil = CityTime(minutes: 3_456_789)
    status.revision = 54_321
    #expect(status == before)
  }

  @Test("a validity beyond 24 bits of minutes ends with them")
  func clampsValidity() {
    let status = Status(colour: .green, kind: .resident, validUntil: CityTime(seconds: .max))
    #expect(status.validUntil.minutes == 0xFF_FFFF)
    #expect(status.isWellFormed)
    #expect(status.revision == 0)
  }

  @Test("spare bits and unknown kinds are not well formed")
  func wellFormed() {
    #expect(Status.absent.isWellFormed)
    #expect(!Status.absent.exists)
    #expect(Status(bits: 1).exists)
    for bit in UInt64(56)...63 { #expect(!Status(bits: 1 << bit).isWellFormed) }
    for kind in UInt64(5)...7 {
      #expect(!Status(bits: kind << 2).isWellFormed)
      #expect(Status(bits: kind << 2).kind == .unspecified)
    }
  }

  @Test("names read back")
  func names() {
    for colour in Colour.allCases { #expect(Colour(name: colour.name) == colour) }
    for kind in HolderKind.allCases { #expect(HolderKind(name: kind.name) == kind) }
    #expect(Colour(name: "blue") == nil)
    #expect(HolderKind(name: "Resident") == nil)
  }

  @Test("a serial has 40 bits and is never 0")
  func serials() {
    #expect(Serial(0) == nil)
    #expect(Serial(1)?.value == 1)
    #expect(Serial(0xFF_FFFF_FFFF) == Serial.max)
    #expect(Serial(0x100_0000_0000) == nil)
  }
}

@Suite struct OutcomeTests {
  @Test("numbers and names are those that points depend on")
  func names() {
    let names = [
      "accepted", "colour", "status_expired", "code_expired", "not_yet_valid", "replayed", "killed",
      "suspended", "wrong_scene", "unknown_region", "unknown_holder", "unknown_key", "malformed",
      "forged", "stale_cache", "region_unreachable",
    ]
    #expect(Outcome.allCases.map(\.name) == names)
    #expect(Outcome.allCases.map(\.rawValue) == Array(0...15))
    for outcome in Outcome.allCases {
      #expect(Outcome(name: outcome.name) == outcome)
      #expect(outcome.voice == "scan.\(outcome.name)")
    }
    #expect(Outcome(name: "Accepted") == nil)
  }

  @Test("every outcome has a text of its own in both languages")
  func texts() {
    #expect(Set(Outcome.allCases.map(\.textZH)).count == 16)
    #expect(Set(Outcome.allCases.map(\.textEN)).count == 16)
    for outcome in Outcome.allCases {
      #expect(outcome.textZH.unicodeScalars.contains { $0.value >= 0x4E00 })
      #expect(outcome.textEN.utf8.allSatisfy { $0 < 0x80 })
    }
  }
}
