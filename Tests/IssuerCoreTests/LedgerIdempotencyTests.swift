import Codes
import Feed
import IssuerCore
import Support
import Testing

@Suite struct LedgerIdempotencyTests {
  private typealias Ledger = MemoryLedger
  private static let one = Serial(unchecked: 1)

  @Test("a repeated command is answered like the first and changes nothing")
  func repeated() throws {
    var ledger = Ledger()
    let register = Ledger.register(5, idempotency: Ledger.key(1))
    let kill = Command(
      .killCodes(Self.one, reason: nil), order: Ledger.order, idempotency: Ledger.key(2))
    let replies = try ledger.commit([register, kill])
    #expect(replies[0] == .registered(Self.one, isNew: true))
    _ = try ledger.commit(Ledger.colour(1, .red))
    for _ in 0..<3 { #expect(try ledger.commit([register, kill]) == replies) }
    #expect(ledger.statuses[Self.one]?.revision == 1)
    #expect(ledger.changes.count == 3)
    #expect(ledger.answers.count == 2)
  }

  @Test("a repeat within one batch is answered like the first too")
  func repeatedInBatch() throws {
    var ledger = Ledger()
    _ = try ledger.commit(Ledger.register(5))
    let kill = Command(
      .killCodes(Self.one, reason: nil), order: Ledger.order, idempotency: Ledger.key(2))
    let replies = try ledger.commit([kill, kill, kill])
    #expect(replies[0] == replies[1] && replies[1] == replies[2])
    #expect(ledger.statuses[Self.one]?.revision == 1)
  }

  @Test("a key that is given with other content is refused, and the first answer stays")
  func reused() throws {
    var ledger = Ledger()
    let first = Ledger.register(5, idempotency: Ledger.key(1, content: 1))
    let other = Ledger.register(6, idempotency: Ledger.key(1, content: 2))
    #expect(
      try ledger.commit([first, other])
        == [.registered(Self.one, isNew: true), .refused(.idempotencyKeyReused)])
    #expect(try ledger.commit(other) == .refused(.idempotencyKeyReused))
    #expect(try ledger.commit(first) == .registered(Self.one, isNew: true))
    #expect(ledger.documents.count == 1)
  }

  @Test("a refusal is not remembered: the same command succeeds once its cause is gone")
  func refusalForgotten() throws {
    var ledger = Ledger()
    let dependant = Ledger.register(6, .dependant, guardian: 5, idempotency: Ledger.key(1))
    #expect(try ledger.commit(dependant) == .refused(.unknownGuardian))
    #expect(ledger.answers.isEmpty)
    _ = try ledger.commit(Ledger.register(5))
    let two = Serial(unchecked: 2)
    #expect(try ledger.commit(dependant) == .registered(two, isNew: true))
    #expect(try ledger.commit(dependant) == .registered(two, isNew: true))
  }

  @Test("other keys and commands without one are decided anew")
  func otherKeys() throws {
    var ledger = Ledger()
    _ = try ledger.commit(Ledger.register(5))
    let order = Ledger.order
    _ = try ledger.commit([
      Command(.killCodes(Self.one, reason: nil), order: order, idempotency: Ledger.key(1)),
      Command(.killCodes(Self.one, reason: nil), order: order, idempotency: Ledger.key(2)),
      Command(.killCodes(Self.one, reason: nil), order: order),
    ])
    #expect(ledger.statuses[Self.one]?.revision == 3)
  }

  @Test("a reply reads back from its stored form, and nothing else does")
  func storedForm() {
    let status = Status(colour: .red, kind: .visitor, validUntil: Ledger.end, revision: 9)
    var replies: [Reply] = [
      .registered(Serial.max, isNew: true), .registered(Self.one, isNew: false),
      .changed(Serial.max, status, position: .max), .changed(Self.one, .absent, position: 0),
    ]
    for number: UInt8 in 1...5 { replies.append(.refused(LedgerRefusal(rawValue: number)!)) }
    for reply in replies {
      var bytes: [UInt8] = []
      reply.append(to: &bytes)
      #expect(bytes.count == Reply.byteCount)
      #expect(Reply(bytes.span) == reply)
      let short = Array(bytes.dropLast())
      #expect(Reply(short.span) == nil)
    }
    var bytes = [UInt8](repeating: 0, count: Reply.byteCount)
    for tag in UInt8.min...UInt8.max {
      bytes[0] = tag
      let isRefusal = 17...21 ~= tag
      #expect((Reply(bytes.span) != nil) == isRefusal, "tag \(tag), serial 0")
    }
  }
}

@Suite struct LedgerPositionTests {
  private typealias Ledger = MemoryLedger

  private func command(_ random: inout SplitMix) -> Command {
    let idempotency =
      random.once(in: 3)
      ? MemoryLedger.key(random.next() % 40, content: random.next() % 2) : nil
    let serial = 1 + random.next() % 30
    switch random.below(4) {
    case 0: return Ledger.register(random.next() % 40, idempotency: idempotency)
    case 1:
      return Ledger.register(
        random.next() % 40, .dependant, guardian: random.next() % 40, idempotency: idempotency)
    case 2: return Ledger.colour(serial, random.pick(Colour.allCases), idempotency: idempotency)
    default:
      return Command(
        .killCodes(Serial(unchecked: serial), reason: nil), order: Ledger.order,
        idempotency: idempotency)
    }
  }

  @Test("P-20: committed changes take positions without gap or repeat, also when batches fail")
  func dense() throws {
    var random = SplitMix(of: "ledger positions")
    var ledger = Ledger()
    var model: [Serial: Status] = [:]
    var failed = 0
    for _ in 0..<400 {
      var batch = ledger.batch()
      let before = ledger.lastPosition
      var told: [UInt64] = []
      let commands = (0..<random.below(12)).map { _ in command(&random) }
      for command in commands {
        let count = batch.writes.changes.count
        let reply = try batch.apply(command)
        guard batch.writes.changes.count > count else { continue }
        #expect(batch.writes.changes.count == count + 1, "one command, one change")
        if case .changed(_, _, let position) = reply { told.append(position) }
        if case .registered = reply { told.append(batch.writes.lastPosition) }
      }
      let changes = batch.writes.changes
      #expect(told == (0..<changes.count).map { before + 1 + UInt64($0) })
      #expect(batch.writes.lastPosition == before + UInt64(changes.count))
      // A transaction that fails leaves nothing behind, and the next one starts where it did.
      if random.once(in: 5) {
        failed += 1
        continue
      }
      ledger.take(batch.writes)
      for change in changes { model[change.serial] = change.status }
    }
    #expect(failed > 20)
    #expect(UInt64(ledger.changes.count) == ledger.lastPosition)
    #expect(ledger.statuses == model)
    // Serials are dense as well, and each document has its own.
    #expect(ledger.documents.values.map(\.value).sorted() == Array(1..<ledger.nextSerial))
    for (dependant, guardian) in ledger.guardians {
      #expect(ledger.statuses[dependant]?.kind == .dependant)
      #expect(ledger.statuses[guardian]?.kind == .resident)
    }
  }
}
