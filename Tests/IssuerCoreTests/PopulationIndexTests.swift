import Codes
import IssuerCore
import Support
import Testing

/// What a load comes to.
private struct LoadResult: Equatable {
  var documents: [Bytes16: UInt64] = [:]
  var guardians: [UInt64: Bytes16] = [:]
  var kinds: [HolderKind] = []
  var refusals: [Int: PopulationIndex.Refusal] = [:]
  var knownCount = 0
  /// 0 for a contact of several holders.
  var contacts: [Bytes16: UInt64] = [:]
}

extension LoadResult {
  fileprivate mutating func note(_ contact: Bytes16?, of serial: UInt64) {
    guard let contact else { return }
    let before = contacts[contact]
    contacts[contact] = before == nil || before == serial ? serial : 0
  }
}

@Suite struct PopulationIndexTests {
  private struct Row {
    let key: Bytes16
    let kind: HolderKind
    let guardian: Bytes16?
    let line: Int
    var contact: Bytes16?
  }

  private typealias Known = [Bytes16: (Serial, HolderKind)]

  /// The same decisions, row by row with dictionaries.
  private func model(_ rows: [Row], _ known: Known, nextSerial: UInt64) -> LoadResult {
    var result = LoadResult()
    var firstKinds: [Bytes16: HolderKind] = [:]
    var candidates: [Row] = []
    for row in rows {
      if firstKinds[row.key] != nil {
        result.refusals[row.line] = .duplicate
        continue
      }
      firstKinds[row.key] = row.kind
      if let (serial, _) = known[row.key] {
        result.knownCount += 1
        result.note(row.contact, of: serial.value)
      } else {
        candidates.append(row)
      }
    }
    var serial = nextSerial
    for row in candidates {
      if let guardian = row.guardian {
        let kind = known[guardian]?.1 ?? firstKinds[guardian]
        guard let kind, kind != .dependant else {
          result.refusals[row.line] = kind == nil ? .unknownGuardian : .guardianIsDependant
          continue
        }
        result.guardians[serial] = guardian
      }
      result.documents[row.key] = serial
      result.kinds.append(row.kind)
      result.note(row.contact, of: serial)
      serial += 1
    }
    return result
  }

  /// What the index says, with its orders checked.
  private func load(_ rows: [Row], _ known: Known, nextSerial: UInt64) throws -> LoadResult {
    var index = PopulationIndex()
    for row in rows {
      index.add(
        document: row.key, kind: row.kind, guardian: row.guardian, contact: row.contact,
        line: row.line)
    }
    #expect(index.rowCount == rows.count)
    var result = LoadResult()
    try index.settle(nextSerial: nextSerial, known: known.isEmpty ? nil : { known[$0] }) {
      #expect(result.refusals.updateValue($1, forKey: $0) == nil, "line \($0) is refused twice")
    }
    result.knownCount = index.knownCount
    var last: Bytes16?
    index.forEachDocument { key, serial in
      if let last { #expect(last.words < key.words) }
      last = key
      #expect(result.documents.updateValue(serial.value, forKey: key) == nil)
    }
    var lastDependant: UInt64 = 0
    index.forEachGuardian { dependant, guardian, key in
      #expect(dependant.value > lastDependant)
      lastDependant = dependant.value
      #expect(guardian?.value == result.documents[key])
      result.guardians[dependant.value] = key
    }
    index.forEachKind { result.kinds.append($0) }
    last = nil
    index.forEachContact { key, serial in
      if let last { #expect(last.words < key.words) }
      last = key
      result.contacts[key] = serial?.value ?? 0
    }
    #expect(index.acceptedCount == result.documents.count)
    #expect(index.acceptedCount == result.kinds.count)
    return result
  }

  private func key(_ number: Int) -> Bytes16 {
    // Keys are spread by their first bits, as a MAC's are; some share all but the last.
    var random = SplitMix(seed: UInt64(number / 3))
    return Bytes16(high: random.next(), low: random.next() &+ UInt64(number % 3))
  }

  private func rows(_ count: Int, _ random: inout SplitMix, keys: Int) -> [Row] {
    (0..<count).map { line in
      let isDependant = random.once(in: 3)
      return Row(
        key: key(random.below(keys)),
        kind: isDependant ? .dependant : random.pick([.resident, .visitor, .organisation]),
        guardian: isDependant ? key(random.below(keys)) : nil, line: line + 2,
        contact: random.once(in: 8) ? nil : key(1_000 + random.below(keys)))
    }
  }

  @Test("agrees with a naive model on random files, duplicates, guardians and earlier loads")
  func model() throws {
    var random = SplitMix(of: "population index")
    for round in 0..<300 {
      let keys = 1 + random.below(300)
      let rows = rows(random.below(400), &random, keys: keys)
      var known: Known = [:]
      if random.once(in: 2) {
        for number in 0..<random.below(keys) where random.once(in: 3) {
          known[key(number)] = (
            Serial(unchecked: UInt64(number) + 1), random.pick([.resident, .dependant])
          )
        }
      }
      let nextSerial = UInt64(1 + random.below(1_000_000))
      let expected = model(rows, known, nextSerial: nextSerial)
      let actual = try load(rows, known, nextSerial: nextSerial)
      guard actual != expected else { continue }
      Issue.record("round \(round): \(actual) is not \(expected)")
      return
    }
  }

  @Test("a contact of one holder is his, one of several is nobody's, refused rows do not count")
  func contacts() throws {
    let known: Known = [key(90): (Serial(unchecked: 7), .resident)]
    let rows = [
      Row(key: key(1), kind: .resident, guardian: nil, line: 2, contact: key(101)),
      Row(key: key(2), kind: .visitor, guardian: nil, line: 3, contact: key(102)),
      Row(key: key(3), kind: .resident, guardian: nil, line: 4, contact: key(102)),
      Row(key: key(1), kind: .resident, guardian: nil, line: 5, contact: key(103)),
      Row(key: key(4), kind: .dependant, guardian: key(50), line: 6, contact: key(101)),
      Row(key: key(90), kind: .resident, guardian: nil, line: 7, contact: key(104)),
      Row(key: key(5), kind: .resident, guardian: nil, line: 8, contact: nil),
    ]
    let result = try load(rows, known, nextSerial: 100)
    #expect(result.contacts == [key(101): 100, key(102): 0, key(104): 7])
  }

  @Test("serials are dense and follow the order of the file")
  func dense() throws {
    var random = SplitMix(seed: 1)
    let rows = (0..<1_000).map {
      Row(key: Bytes16(high: random.next(), low: 0), kind: .resident, guardian: nil, line: $0)
    }
    let result = try load(rows, [:], nextSerial: 51)
    for (index, row) in rows.enumerated() {
      #expect(result.documents[row.key] == 51 + UInt64(index))
    }
  }

  @Test("of rows with one document the first is taken and each other refused")
  func duplicates() throws {
    let rows = [
      Row(key: key(1), kind: .visitor, guardian: nil, line: 2),
      Row(key: key(1), kind: .resident, guardian: nil, line: 3),
      Row(key: key(2), kind: .resident, guardian: nil, line: 4),
      Row(key: key(1), kind: .visitor, guardian: nil, line: 5),
    ]
    let result = try load(rows, [:], nextSerial: 1)
    #expect(result.refusals == [3: .duplicate, 5: .duplicate])
    #expect(result.kinds == [.visitor, .resident])
    #expect(result.documents == [key(1): 1, key(2): 2])
  }

  @Test("a guardian may stand anywhere in the file, or be registered already, but be no dependant")
  func guardians() throws {
    let known: Known = [
      key(90): (Serial(unchecked: 7), .resident), key(91): (Serial(unchecked: 8), .dependant),
    ]
    let rows = [
      Row(key: key(1), kind: .dependant, guardian: key(3), line: 2),
      Row(key: key(2), kind: .dependant, guardian: key(1), line: 3),
      Row(key: key(3), kind: .resident, guardian: nil, line: 4),
      Row(key: key(4), kind: .dependant, guardian: key(50), line: 5),
      Row(key: key(5), kind: .dependant, guardian: key(90), line: 6),
      Row(key: key(6), kind: .dependant, guardian: key(91), line: 7),
      Row(key: key(7), kind: .dependant, guardian: key(7), line: 8),
      // Registered as a dependant: that the file says otherwise changes nothing.
      Row(key: key(91), kind: .resident, guardian: nil, line: 9),
      Row(key: key(8), kind: .dependant, guardian: key(91), line: 10),
    ]
    let result = try load(rows, known, nextSerial: 100)
    #expect(
      result.refusals == [
        3: .guardianIsDependant, 5: .unknownGuardian, 7: .guardianIsDependant,
        8: .guardianIsDependant, 10: .guardianIsDependant,
      ])
    #expect(result.documents == [key(1): 100, key(3): 101, key(5): 102])
    #expect(result.guardians == [100: key(3), 102: key(90)])
    #expect(result.knownCount == 1)
  }

  @Test("an empty file and a file of known people come to nothing")
  func nothing() throws {
    #expect(try load([], [:], nextSerial: 1) == LoadResult())
    let rows = (0..<5).map { Row(key: key($0), kind: .resident, guardian: nil, line: $0) }
    var known: Known = [:]
    for number in 0..<5 { known[key(number)] = (Serial(unchecked: 1), .resident) }
    let result = try load(rows, known, nextSerial: 9)
    #expect(result == LoadResult(knownCount: 5))
  }

  @Test("counts beyond one word of bits keep serials dense")
  func words() throws {
    for count in [63, 64, 65, 127, 128, 129, 1_000] {
      let rows = (0..<count).flatMap { number in
        // Every second row is refused.
        [
          Row(key: key(number), kind: .resident, guardian: nil, line: 2 * number),
          Row(key: key(0), kind: .resident, guardian: nil, line: 2 * number + 1),
        ]
      }
      let result = try load(rows, [:], nextSerial: 1)
      #expect(Set(result.documents.values) == Set(1...UInt64(count)), "\(count)")
      #expect(result.refusals.count == count)
    }
  }
}
