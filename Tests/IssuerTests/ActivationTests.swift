import Codes
import StatusCache
import Support
import Testing

@testable import issuer

@Suite struct ActivationTests {
  private static let later = CityTime(rfc3339: "2028-06-01T00:00:00Z")!

  @Test("an activation decides colour, reason and end of everybody; kind and revision stay")
  func activates() async throws {
    let office = try Office()
    try await office.register(1_100)
    try await office.killCodes(7)
    let number = try office.compute { serial in
      Office.computed(serial % 2 == 0 ? .red : .yellow, reason: 40, until: Self.later)
    }
    #expect(number == 1)
    let outcome = try office.control.activate(1, acceptRejects: false)
    #expect(outcome.switchMilliseconds != nil)
    let statuses = try office.statuses()
    #expect(statuses.count == 1_100)
    for (serial, status) in statuses {
      #expect(
        status
          == Status(
            colour: serial % 2 == 0 ? .red : .yellow, kind: .resident, reason: 40,
            validUntil: Self.later, revision: serial == 7 ? 1 : 0))
    }
    #expect(try office.store.registry.generationState().inForce == 1)
    let again = try office.control.activate(1, acceptRejects: false)
    #expect(again.switchMilliseconds == nil)
  }

  @Test("P-24: a change counts for what it changed, whether made before or after the switch")
  func changesMeanwhile() async throws {
    let office = try Office()
    try await office.register(600)
    let base = try office.base
    // While it is computed:
    try await office.set(1, .yellow, reason: 3)
    try await office.killCodes(2)
    try await office.set(3, .yellow, reason: 4, until: Self.later)
    try await office.killCodes(4, reason: 9)
    let new = try await office.register(600)
    try office.compute(base) { _ in Office.computed(.red) }
    _ = try office.control.activate(1, acceptRejects: false)

    func check(_ computed: Status, _ note: Comment) throws {
      let statuses = try office.statuses()
      #expect(statuses[1]?.colour == .yellow && statuses[1]?.reason == 3, note)
      #expect(statuses[1]?.validUntil == computed.validUntil, note)
      #expect(statuses[2]?.colour == computed.colour && statuses[2]?.revision == 1, note)
      #expect(statuses[2]?.reason == computed.reason, note)
      #expect(statuses[3]?.colour == .yellow && statuses[3]?.validUntil == Self.later, note)
      #expect(statuses[4]?.colour == computed.colour && statuses[4]?.reason == 9, note)
      #expect(statuses[4]?.revision == 1, note)
      #expect(statuses[5]?.colour == computed.colour, note)
      for serial in new { #expect(statuses[serial.value]?.colour == .green, note) }
      #expect(statuses.count == 1_200, note)
    }
    try check(Office.computed(.red), "after the switch")

    // While it is in force:
    try await office.set(5, .yellow, reason: 6)
    try await office.killCodes(6)
    _ = try office.control.rollBack()
    var statuses = try office.statuses()
    #expect(statuses[5]?.colour == .yellow && statuses[5]?.reason == 6)
    #expect(statuses[6]?.colour == .green && statuses[6]?.revision == 1)
    #expect(statuses[2]?.colour == .green && statuses[2]?.revision == 1)
    #expect(statuses[1]?.colour == .yellow)
    #expect(statuses[100]?.colour == .green)

    // And forward again, without building anything.
    try await office.set(8, .yellow)
    _ = try office.control.activate(1, acceptRejects: false)
    statuses = try office.statuses()
    #expect(statuses[5]?.colour == .yellow && statuses[8]?.colour == .yellow)
    #expect(statuses[6]?.colour == .red && statuses[6]?.revision == 1)
    #expect(statuses[100]?.colour == .red)
    let live = statuses
    try office.loseCache()
    #expect(try office.statuses() == live)
  }

  @Test("a second rollback is refused, and says what to do")
  func twice() async throws {
    let office = try Office()
    try await office.register(10)
    try office.compute { _ in Office.computed(.red) }
    try office.compute { _ in Office.computed(.yellow) }
    #expect(throws: GenerationControl.Refusal.self) { try office.control.rollBack() }
    _ = try office.control.activate(1, acceptRejects: false)
    _ = try office.control.activate(2, acceptRejects: false)
    _ = try office.control.rollBack()
    #expect(try office.status(3)?.colour == .red)
    let refusal = #expect(throws: GenerationControl.Refusal.self) {
      try office.control.rollBack()
    }
    #expect(refusal?.description.contains("generation 1 is in force") == true)
    #expect(refusal?.description.contains("issuer activate") == true)
    #expect(try office.status(3)?.colour == .red)
    try office.restart()
    _ = try office.control.activate(2, acceptRejects: false)
    #expect(try office.status(3)?.colour == .yellow)
  }

  @Test("more rejects than the plan allows are not activated without being accepted")
  func rejects() async throws {
    let office = try Office()
    try await office.register(10)
    try office.compute(facts: Office.facts(rejected: 6)) { _ in Office.computed(.red) }
    let refusal = #expect(throws: GenerationControl.Refusal.self) {
      try office.control.activate(1, acceptRejects: false)
    }
    #expect(refusal?.description.contains("tests: 6 of 100") == true)
    #expect(try office.status(3)?.colour == .green)
    _ = try office.control.activate(1, acceptRejects: true)
    #expect(try office.status(3)?.colour == .red)
    var lossy = Office.facts()
    lossy.sources[0].rows = 101
    try office.compute(facts: lossy) { _ in Office.computed(.yellow) }
    let lost = #expect(throws: GenerationControl.Refusal.self) {
      try office.control.activate(2, acceptRejects: true)
    }
    #expect(lost?.description.contains("lost rows of tests") == true)
    #expect(throws: GenerationControl.Refusal.self) {
      try office.control.activate(77, acceptRejects: true)
    }
  }

  @Test("a generation of a log that this one has not seen is refused")
  func foreignLog() async throws {
    let office = try Office()
    try await office.register(10)
    let base = try office.base
    try office.compute(
      GenerationBase(
        region: Office.region, position: base.position + 1, nextSerial: base.nextSerial)
    ) { _ in Office.computed(.red) }
    #expect(throws: GenerationMerge.Fault.self) {
      try office.control.activate(1, acceptRejects: false)
    }
    try office.compute(
      GenerationBase(region: Office.region, position: base.position, nextSerial: 5_000)
    ) { _ in Office.computed(.red) }
    #expect(throws: GenerationMerge.Fault.self) {
      try office.control.activate(2, acceptRejects: false)
    }
    try office.compute(
      GenerationBase(
        region: Region(330_000)!, position: base.position, nextSerial: base.nextSerial)
    ) { _ in Office.computed(.red) }
    #expect(throws: GenerationControl.Refusal.self) {
      try office.control.activate(3, acceptRejects: false)
    }
    #expect(try office.statuses().values.allSatisfy { $0.colour == .green })
  }

  @Test("generations beyond the newest go when nothing needs them, and the log stays enough")
  func retention() async throws {
    let office = try Office(kept: 2)
    try await office.register(700)
    for number in UInt32(1)...7 {
      try await office.set(UInt64(number), .yellow)
      let made = try office.compute { serial in
        Office.computed(serial == UInt64(number) ? .green : .red, reason: UInt8(number))
      }
      #expect(made == number)
      if number == 3 { continue }
      _ = try office.control.activate(number, acceptRejects: false)
      try await office.register(3)
    }
    // The newest two; the one held is one of them.
    #expect(try office.store.generations.numbers() == [6, 7])
    _ = try office.control.rollBack()
    let live = try office.statuses()
    #expect(live[20]?.reason == 6)
    try office.loseCache()
    #expect(try office.statuses() == live)
    _ = try office.control.activate(7, acceptRejects: false)
    #expect(try office.status(20)?.reason == 7)

    // After a loss nothing lies beside, so a rollback builds what it goes back to.
    try office.loseCache()
    #expect(office.store.cache.previous == nil)
    _ = try office.control.rollBack()
    #expect(try office.statuses() == live)

    // One that the log needs is missed by its name.
    try office.store.generations.remove(6)
    let damage = #expect(throws: GenerationDirectory.Damaged.self) { try office.loseCache() }
    #expect(damage?.path.hasSuffix("generations/6") == true)
  }

  @Test("a rollback to no computed generation brings back what was there, also from nothing")
  func byHand() async throws {
    let office = try Office()
    try await office.register(300)
    try await office.set(9, .yellow, reason: 12)
    let before = try office.statuses()
    try office.compute { _ in Office.computed(.red) }
    _ = try office.control.activate(1, acceptRejects: false)
    try office.loseCache()
    _ = try office.control.rollBack()
    #expect(try office.statuses() == before)
    try office.loseCache()
    #expect(try office.statuses() == before)
  }
}
