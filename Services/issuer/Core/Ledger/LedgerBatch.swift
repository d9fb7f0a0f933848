package import Codes
package import Feed

/// What a batch of commands reads. Implemented by the registry on LMDB and, in tests, by memory.
package protocol LedgerReader {
  func serial(ofDocument key: Bytes16) throws -> Serial?
  func guardian(of dependant: Serial) throws -> Serial?
  func status(of serial: Serial) throws -> Status?
  /// What was answered to the idempotency key `key`, and the fingerprint it was given with.
  func answered(_ key: Bytes16) throws -> (fingerprint: Bytes16, reply: Reply)?
}

/// What a batch of commands changes: written in one transaction, then applied to the cache.
package struct LedgerWrites: Sendable {
  package var documents: [(key: Bytes16, serial: Serial)] = []
  package var guardians: [(dependant: Serial, guardian: Serial)] = []
  package var changes: [Change] = []
  /// What each of `changes` touched of what a computation decides.
  package var touched: [StatusFields] = []
  package var answers: [(idempotency: Idempotency, reply: Reply)] = []
  package var nextSerial: UInt64
  /// The log position of the last change.
  package var lastPosition: UInt64

  package var isEmpty: Bool { documents.isEmpty && changes.isEmpty && answers.isEmpty }
}

/// Decides a batch of commands, one after the other, each seeing what those before it did.
///
/// Pure: reads through `LedgerReader`, writes nothing. Same reader, commands and time, same
/// replies and writes.
package struct LedgerBatch<Reader: LedgerReader> {
  private let reader: Reader
  private let now: CityTime
  package private(set) var writes: LedgerWrites
  private var newDocuments: [Bytes16: Serial] = [:]
  private var newStatuses: [Serial: Status] = [:]
  private var newAnswers: [Bytes16: (fingerprint: Bytes16, reply: Reply)] = [:]

  package init(reader: Reader, nextSerial: UInt64, lastPosition: UInt64, now: CityTime) {
    self.reader = reader
    self.now = now
    writes = LedgerWrites(nextSerial: nextSerial, lastPosition: lastPosition)
  }

  /// Decides the next command; what it changes is in `writes`. Throws what the reader throws.
  package mutating func apply(_ command: Command) throws -> Reply {
    if let idempotency = command.idempotency {
      if let known = try newAnswers[idempotency.key] ?? reader.answered(idempotency.key) {
        return known.fingerprint == idempotency.fingerprint
          ? known.reply : .refused(.idempotencyKeyReused)
      }
    }
    let reply = try decide(command)
    // A refusal is not remembered: the client may repeat the command once its cause is gone.
    if let idempotency = command.idempotency, !reply.isRefusal {
      newAnswers[idempotency.key] = (idempotency.fingerprint, reply)
      writes.answers.append((idempotency, reply))
    }
    return reply
  }

  private mutating func decide(_ command: Command) throws -> Reply {
    switch command.action {
    case .register(let document, let kind, let guardian, let validUntil):
      try register(document, kind, guardian, validUntil, command.order)
    case .setStatus(let serial, let colour, let reason, let validUntil, let flags):
      try change(
        serial, command.order, validUntil == nil ? [.colour, .reason] : .all
      ) { status in
        status.colour = colour
        status.reason = reason
        if let validUntil { status.validUntil = validUntil }
        if let flags { status.flags = flags }
      }
    case .killCodes(let serial, let reason):
      try change(serial, command.order, reason == nil ? [] : .reason) { status in
        status.revision &+= 1
        if let reason { status.reason = reason }
      }
    }
  }

  private mutating func register(
    _ document: Bytes16, _ kind: HolderKind, _ guardianKey: Bytes16?, _ validUntil: CityTime,
    _ order: Order
  ) throws -> Reply {
    if let serial = try newDocuments[document] ?? reader.serial(ofDocument: document) {
      return .registered(serial, isNew: false)
    }
    var guardian: Serial?
    if let guardianKey {
      guard let serial = try newDocuments[guardianKey] ?? reader.serial(ofDocument: guardianKey)
      else { return .refused(.unknownGuardian) }
      guard try current(serial)?.kind != .dependant else { return .refused(.guardianIsDependant) }
      guardian = serial
    }
    guard let serial = Serial(writes.nextSerial) else { return .refused(.serialsUsedUp) }
    writes.nextSerial += 1
    newDocuments[document] = serial
    writes.documents.append((document, serial))
    if let guardian { writes.guardians.append((serial, guardian)) }
    append(serial, Status(colour: .green, kind: kind, validUntil: validUntil), .all, order)
    return .registered(serial, isNew: true)
  }

  private mutating func change(
    _ serial: Serial, _ order: Order, _ touched: StatusFields, _ edit: (inout Status) -> Void
  ) throws -> Reply {
    guard var status = try current(serial), status.exists else { return .refused(.unknownHolder) }
    edit(&status)
    append(serial, status, touched, order)
    return .changed(serial, status, position: writes.lastPosition)
  }

  private func current(_ serial: Serial) throws -> Status? {
    try newStatuses[serial] ?? reader.status(of: serial)
  }

  private mutating func append(
    _ serial: Serial, _ status: Status, _ touched: StatusFields, _ order: Order
  ) {
    newStatuses[serial] = status
    writes.lastPosition += 1
    guard
      let change = Change(
        serial: serial, status: status, time: now, actor: order.actor,
        authority: order.authority, ticket: order.ticket)
    else { preconditionFailure("the order's texts are checked where it is made") }
    writes.changes.append(change)
    writes.touched.append(touched)
  }
}

extension Reply {
  var isRefusal: Bool { if case .refused = self { true } else { false } }
}
