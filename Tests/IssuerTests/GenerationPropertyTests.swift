import Codes
import StatusCache
import Support
import Testing

@testable import issuer

/// What the issuer must come to, said in the simplest way: all statuses are made anew of the
/// generation in force and the changes since its base.
private struct Model {
  /// Kind, flags and revision count.
  var holders: [UInt64: Status] = [:]
  var changes: [(serial: UInt64, fields: StatusFields, status: Status)] = []
  var computed: [UInt32: (base: Int, opinions: [UInt64: Status])] = [:]
  var inForce: UInt32 = 0
  var before: UInt32?

  var statuses: [UInt64: Status] {
    var opinions = computed[inForce]?.opinions ?? [:]
    for change in changes[(computed[inForce]?.base ?? 0)...] {
      let old = opinions[change.serial] ?? .absent
      var new = old
      if change.fields.contains(.colour) { new.colour = change.status.colour }
      if change.fields.contains(.reason) { new.reason = change.status.reason }
      if change.fields.contains(.validUntil) { new.validUntil = change.status.validUntil }
      opinions[change.serial] = new
    }
    var statuses = holders
    for (serial, opinion) in opinions {
      statuses[serial]!.colour = opinion.colour
      statuses[serial]!.reason = opinion.reason
      statuses[serial]!.validUntil = opinion.validUntil
    }
    return statuses
  }

  mutating func activate(_ number: UInt32) {
    guard number != inForce else { return }
    before = inForce
    inForce = number
  }

  mutating func rollBack() {
    inForce = before!
    before = nil
  }
}

@Suite struct GenerationPropertyTests {
  @Test(
    "any sequence of changes, activations, rollbacks, crashes comes to what a plain model says",
    arguments: 1...12)
  func sequences(seed: UInt64) async throws {
    var random = SplitMix(seed: seed)
    let office = try Office(kept: 2)
    var model = Model()
    for _ in 0..<70 {
      try await step(office, &model, &random)
    }
    #expect(try office.statuses() == model.statuses)
    try office.loseCache()
    #expect(try office.statuses() == model.statuses)
  }

  private func pick(_ random: inout SplitMix, _ count: Int) -> Int {
    Int(random.next() % UInt64(count))
  }

  private func step(_ office: Office, _ model: inout Model, _ random: inout SplitMix) async throws {
    switch pick(&random, 14) {
    case 0:
      for serial in try await office.register(1 + pick(&random, 400)) {
        let status = Status(colour: .green, kind: .resident, validUntil: Office.end)
        model.holders[serial.value] = status
        model.changes.append((serial.value, .all, status))
      }
    case 1...5: try await change(office, &model, &random)
    case 6...7: try compute(office, &model, &random)
    case 8...10:
      let numbers = try office.store.generations.numbers()
      guard !numbers.isEmpty else { return }
      let number = numbers[pick(&random, numbers.count)]
      _ = try office.control.activate(number, acceptRejects: false)
      model.activate(number)
    case 11:
      if model.before == nil {
        #expect(throws: GenerationControl.Refusal.self) { try office.control.rollBack() }
      } else {
        _ = try office.control.rollBack()
        model.rollBack()
      }
    case 12: try office.restart()
    default: try office.loseCache()
    }
    #expect(try office.statuses() == model.statuses)
    #expect(try office.store.registry.generationState().inForce == model.inForce)
  }

  private func change(
    _ office: Office, _ model: inout Model, _ random: inout SplitMix
  ) async throws {
    guard !model.holders.isEmpty else { return }
    let serial = UInt64(1 + pick(&random, model.holders.count))
    let reason = UInt8(pick(&random, 256))
    let end = CityTime(minutes: 4_000_000 + UInt32(reason))
    let kind = pick(&random, 4)
    var status = Status(
      colour: kind == 2 ? .yellow : .red, kind: .resident, reason: reason, validUntil: end)
    let fields: StatusFields
    switch kind {
    case 0:
      try await office.killCodes(serial)
      fields = []
    case 1:
      try await office.killCodes(serial, reason: reason)
      fields = .reason
    case 2:
      try await office.set(serial, .yellow, reason: reason, until: end)
      fields = .all
    default:
      try await office.set(serial, .red, reason: reason)
      fields = [.colour, .reason]
    }
    if kind < 2 { model.holders[serial]!.revision += 1 }
    status.revision = model.holders[serial]!.revision
    model.changes.append((serial, fields, status))
  }

  /// Computes for a base that changes will follow before it is activated.
  private func compute(
    _ office: Office, _ model: inout Model, _ random: inout SplitMix
  ) throws {
    guard !model.holders.isEmpty else { return }
    let salt = random.next()
    var opinions: [UInt64: Status] = [:]
    for serial in model.holders.keys {
      opinions[serial] = Office.computed(
        Colour(rawValue: UInt8((serial &+ salt) % 4))!, reason: UInt8((serial ^ salt) % 256),
        until: CityTime(minutes: 5_000_000 + UInt32(salt % 1_000)))
    }
    let number = try office.compute { opinions[$0]! }
    model.computed[number] = (model.changes.count, opinions)
  }
}
