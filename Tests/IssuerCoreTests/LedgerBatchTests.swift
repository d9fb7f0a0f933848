import Codes
import Feed
import IssuerCore
import Testing

/// A registry in memory.
struct MemoryLedger: LedgerReader {
  var documents: [Bytes16: Serial] = [:]
  var guardians: [Serial: Serial] = [:]
  var statuses: [Serial: Status] = [:]
  var answers: [Bytes16: (fingerprint: Bytes16, reply: Reply)] = [:]
  var changes: [Change] = []
  var nextSerial: UInt64 = 1
  var lastPosition: UInt64 = 0

  func serial(ofDocument key: Bytes16) -> Serial? { documents[key] }
  func guardian(of dependant: Serial) -> Serial? { guardians[dependant] }
  func status(of serial: Serial) -> Status? { statuses[serial] }
  func answered(_ key: Bytes16) -> (fingerprint: Bytes16, reply: Reply)? { answers[key] }

  func batch(at now: CityTime = MemoryLedger.now) -> LedgerBatch<MemoryLedger> {
    LedgerBatch(reader: self, nextSerial: nextSerial, lastPosition: lastPosition, now: now)
  }

  /// Decides `commands` as one batch and takes over what it writes.
  mutating func commit(_ commands: [Command]) throws -> [Reply] {
    var batch = batch()
    let replies = try commands.map { try batch.apply($0) }
    take(batch.writes)
    return replies
  }

  mutating func commit(_ command: Command) throws -> Reply { try commit([command])[0] }

  mutating func take(_ writes: LedgerWrites) {
    for (key, serial) in writes.documents { documents[key] = serial }
    for (dependant, guardian) in writes.guardians { guardians[dependant] = guardian }
    for change in writes.changes { statuses[change.serial] = change.status }
    for (idempotency, reply) in writes.answers {
      answers[idempotency.key] = (idempotency.fingerprint, reply)
    }
    changes += writes.changes
    nextSerial = writes.nextSerial
    lastPosition = writes.lastPosition
  }

  static let now = CityTime(rfc3339: "2026-11-24T11:33:47Z")!
  static let end = MemoryLedger.now.advanced(bySeconds: 365 * 86_400)
  static let order = Order(actor: "officer 7", authority: "urn:health", ticket: "T-1")

  static func document(_ number: UInt64) -> Bytes16 { Bytes16(high: 7, low: number) }

  static func register(
    _ number: UInt64, _ kind: HolderKind = .resident, guardian: UInt64? = nil,
    idempotency: Idempotency? = nil
  ) -> Command {
    Command(
      .register(
        document: document(number), kind: kind, guardian: guardian.map(document),
        statusValidUntil: end),
      order: order, idempotency: idempotency)
  }

  static func colour(
    _ serial: UInt64, _ colour: Colour, reason: UInt8 = 1, idempotency: Idempotency? = nil
  ) -> Command {
    Command(
      .setStatus(
        Serial(unchecked: serial), colour: colour, reason: reason, validUntil: nil, flags: nil),
      order: order, idempotency: idempotency)
  }

  static func key(_ key: UInt64, content: UInt64 = 1) -> Idempotency {
    Idempotency(key: Bytes16(high: 1, low: key), fingerprint: Bytes16(high: 2, low: content))
  }
}

@Suite struct LedgerBatchTests {
  private typealias Ledger = MemoryLedger
  private static let one = Serial(unchecked: 1)
  private static let two = Serial(unchecked: 2)

  @Test("a new holder gets the next serial and a green status of the kind asked for")
  func register() throws {
    var ledger = Ledger()
    #expect(try ledger.commit(Ledger.register(5, .visitor)) == .registered(Self.one, isNew: true))
    #expect(try ledger.commit(Ledger.register(6)) == .registered(Self.two, isNew: true))
    #expect(
      ledger.statuses[Self.one]
        == Status(colour: .green, kind: .visitor, validUntil: Ledger.end))
    let change = try #require(ledger.changes.first)
    #expect(change.serial == Self.one && change.time == Ledger.now)
    #expect(change.actor == "officer 7")
    #expect(change.authority == "urn:health")
    #expect(change.ticket == "T-1")
  }

  @Test("a document registered before keeps its serial and status, whatever is asked now")
  func registerAgain() throws {
    var ledger = Ledger()
    _ = try ledger.commit([Ledger.register(5), Ledger.colour(1, .red)])
    let status = ledger.statuses[Self.one]
    for kind in HolderKind.allCases {
      let reply = try ledger.commit(Ledger.register(5, kind, guardian: 99))
      #expect(reply == .registered(Self.one, isNew: false))
    }
    #expect(ledger.statuses[Self.one] == status)
    #expect(ledger.nextSerial == 2 && ledger.changes.count == 2 && ledger.guardians.isEmpty)
    // In one batch too.
    #expect(
      try ledger.commit([Ledger.register(8), Ledger.register(8)])
        == [.registered(Self.two, isNew: true), .registered(Self.two, isNew: false)])
  }

  @Test("a dependant needs a guardian who is registered and no dependant")
  func guardians() throws {
    var ledger = Ledger()
    let orphan = Ledger.register(6, .dependant, guardian: 5)
    #expect(try ledger.commit(orphan) == .refused(.unknownGuardian))
    #expect(try ledger.commit(Ledger.register(5)) == .registered(Self.one, isNew: true))
    #expect(try ledger.commit(orphan) == .registered(Self.two, isNew: true))
    #expect(ledger.guardians == [Self.two: Self.one])
    #expect(
      try ledger.commit(Ledger.register(7, .dependant, guardian: 6))
        == .refused(.guardianIsDependant))
    // Nobody is their own guardian: at that moment the document is not registered.
    #expect(
      try ledger.commit(Ledger.register(9, .dependant, guardian: 9))
        == .refused(.unknownGuardian))
    #expect(ledger.nextSerial == 3)
    #expect(ledger.changes.count == 2)
  }

  @Test("the guardian may come in the same batch, before the dependant")
  func guardianInBatch() throws {
    var ledger = Ledger()
    #expect(
      try ledger.commit([
        Ledger.register(6, .dependant, guardian: 5), Ledger.register(5),
        Ledger.register(6, .dependant, guardian: 5), Ledger.register(7, .dependant, guardian: 6),
      ]) == [
        .refused(.unknownGuardian), .registered(Self.one, isNew: true),
        .registered(Self.two, isNew: true), .refused(.guardianIsDependant),
      ])
    #expect(ledger.guardians == [Self.two: Self.one])
  }

  @Test("a change edits its own fields and leaves the others")
  func changes() throws {
    var ledger = Ledger()
    _ = try ledger.commit(Ledger.register(5, .visitor))
    let first = ledger.statuses[Self.one]!
    let later = Ledger.end.advanced(bySeconds: 60)
    let actions: [(Command.Action, (inout Status) -> Void)] = [
      (
        .setStatus(Self.one, colour: .yellow, reason: 200, validUntil: nil, flags: nil),
        {
          $0.colour = .yellow
          $0.reason = 200
        }
      ),
      (
        .setStatus(Self.one, colour: .yellow, reason: 201, validUntil: nil, flags: .suspended),
        {
          $0.reason = 201
          $0.flags = .suspended
        }
      ),
      (.killCodes(Self.one, reason: nil), { $0.revision = 1 }),
      (
        .setStatus(Self.one, colour: .red, reason: 0, validUntil: later, flags: nil),
        {
          $0.colour = .red
          $0.reason = 0
          $0.validUntil = later
        }
      ),
      (
        .setStatus(Self.one, colour: .red, reason: 0, validUntil: nil, flags: []),
        { $0.flags = [] }
      ),
      (
        .killCodes(Self.one, reason: 7),
        {
          $0.revision = 2
          $0.reason = 7
        }
      ),
    ]
    var expected = first
    for (index, (action, edit)) in actions.enumerated() {
      edit(&expected)
      let reply = try ledger.commit(Command(action, order: Ledger.order))
      #expect(reply == .changed(Self.one, expected, position: UInt64(index) + 2))
      #expect(ledger.statuses[Self.one] == expected)
      #expect(ledger.changes.last?.status == expected)
    }
    #expect(expected.kind == .visitor)
  }

  @Test("later commands of a batch see what earlier ones did")
  func oneAfterTheOther() throws {
    var ledger = Ledger()
    let replies = try ledger.commit([
      Ledger.register(5), Ledger.colour(1, .red),
      Command(.killCodes(Self.one, reason: nil), order: Ledger.order),
      Command(.killCodes(Self.one, reason: nil), order: Ledger.order),
    ])
    guard case .changed(_, let status, let position) = replies[3] else {
      Issue.record("\(replies)")
      return
    }
    #expect(status.colour == .red && status.revision == 2 && position == 4)
  }

  @Test("a revision comes round after its last")
  func revisionWrap() throws {
    var ledger = Ledger()
    _ = try ledger.commit(Ledger.register(5))
    ledger.statuses[Self.one]?.revision = .max
    let before = ledger.statuses[Self.one]!
    _ = try ledger.commit(Command(.killCodes(Self.one, reason: nil), order: Ledger.order))
    let after = ledger.statuses[Self.one]!
    #expect(after.revision == 0)
    #expect(after.isWellFormed && after.validUntil == before.validUntil)
  }

  @Test("a serial that nobody has cannot be changed")
  func unknownHolder() throws {
    var ledger = Ledger()
    ledger.statuses[Self.two] = .absent
    for serial in [Self.one, Self.two] {
      for action: Command.Action in [
        .setStatus(serial, colour: .red, reason: 1, validUntil: nil, flags: .lost),
        .killCodes(serial, reason: nil),
      ] {
        let reply = try ledger.commit(Command(action, order: Ledger.order))
        #expect(reply == .refused(.unknownHolder))
      }
    }
    #expect(ledger.changes.isEmpty && ledger.lastPosition == 0)
  }

  @Test("the last serial is given, then no more")
  func serialsUsedUp() throws {
    var ledger = Ledger()
    ledger.nextSerial = Serial.max.value
    #expect(try ledger.commit(Ledger.register(5)) == .registered(Serial.max, isNew: true))
    #expect(try ledger.commit(Ledger.register(6)) == .refused(.serialsUsedUp))
    #expect(try ledger.commit(Ledger.register(5)) == .registered(Serial.max, isNew: false))
  }

  @Test("the same state, commands and time give the same writes")
  func deterministic() throws {
    var ledger = Ledger()
    _ = try ledger.commit(Ledger.register(5))
    let commands = [Ledger.register(6), Ledger.colour(1, .yellow), Ledger.colour(9, .red)]
    var first = ledger.batch()
    var second = ledger.batch()
    for command in commands { #expect(try first.apply(command) == second.apply(command)) }
    #expect(first.writes.changes == second.writes.changes)
    #expect(first.writes.lastPosition == second.writes.lastPosition)
  }

  @Test("what the reader throws, the batch throws, and nothing is written")
  func readerFails() {
    struct Broken: LedgerReader {
      struct Fault: Error {}
      func serial(ofDocument key: Bytes16) throws -> Serial? { throw Fault() }
      func guardian(of dependant: Serial) throws -> Serial? { throw Fault() }
      func status(of serial: Serial) throws -> Status? { throw Fault() }
      func answered(_ key: Bytes16) throws -> (fingerprint: Bytes16, reply: Reply)? { nil }
    }
    var batch = LedgerBatch(reader: Broken(), nextSerial: 1, lastPosition: 0, now: Ledger.now)
    let key = Ledger.key(1)
    #expect(throws: Broken.Fault.self) { try batch.apply(Ledger.register(5, idempotency: key)) }
    #expect(throws: Broken.Fault.self) { try batch.apply(Ledger.colour(1, .red)) }
    #expect(batch.writes.isEmpty && batch.writes.nextSerial == 1)
  }
}
