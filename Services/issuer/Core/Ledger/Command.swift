package import Codes
import Feed

/// Who ordered a change, and on what ground: goes into the change log with it.
package struct Order: Sendable, Equatable {
  /// The person, as the authority names them.
  package var actor: String
  /// The principal that sent the order.
  package var authority: String
  package var ticket: String

  /// Each text must satisfy `Change.fits`; checked here, where it is still a request.
  package init(actor: String, authority: String, ticket: String) {
    precondition(
      Change.fits(actor) && Change.fits(authority) && Change.fits(ticket), "unchecked order")
    self.actor = actor
    self.authority = authority
    self.ticket = ticket
  }
}

/// Makes a repeated command answer like the first: the key is the client's, bound to its name.
package struct Idempotency: Sendable, Equatable {
  package let key: Bytes16
  /// Of the command's content, so that one key cannot stand for two different commands.
  package let fingerprint: Bytes16

  package init(key: Bytes16, fingerprint: Bytes16) {
    self.key = key
    self.fingerprint = fingerprint
  }
}

/// One write to the ledger.
package struct Command: Sendable {
  /// What to do.
  package enum Action: Sendable {
    /// `document` and `guardian` are keys made by `RegionSecret.key(of:)`.
    case register(
      document: Bytes16, kind: HolderKind, guardian: Bytes16?, statusValidUntil: CityTime)
    /// What is `nil` stays as it is.
    case setStatus(
      Serial, colour: Colour, reason: UInt8, validUntil: CityTime?, flags: StatusFlags?)
    /// Adds one to the holder's revision: every code made before is dead.
    /// A reason, if given, becomes the status's.
    case killCodes(Serial, reason: UInt8?)
  }

  package let action: Action
  package let order: Order
  package let idempotency: Idempotency?

  package init(_ action: Action, order: Order, idempotency: Idempotency? = nil) {
    self.action = action
    self.order = order
    self.idempotency = idempotency
  }
}

/// The answer to a command.
package enum Reply: Sendable, Equatable {
  /// `isNew` is false for a document that was registered before: nothing changed.
  case registered(Serial, isNew: Bool)
  case changed(Serial, Status, position: UInt64)
  case refused(LedgerRefusal)
}

/// Why a command changed nothing.
package enum LedgerRefusal: UInt8, Sendable, Equatable {
  case unknownHolder = 1
  case unknownGuardian = 2
  case guardianIsDependant = 3
  case idempotencyKeyReused = 4
  case serialsUsedUp = 5

  package var name: String {
    switch self {
    case .unknownHolder: "unknown_holder"
    case .unknownGuardian: "unknown_guardian"
    case .guardianIsDependant: "guardian_is_dependant"
    case .idempotencyKeyReused: "idempotency_key_reused"
    case .serialsUsedUp: "serials_used_up"
    }
  }
}

extension Reply {
  /// Appends the stored form: tag 1, serial 5, status 8, position 8.
  package func append(to bytes: inout [UInt8]) {
    switch self {
    case .registered(let serial, let isNew):
      bytes.append(isNew ? 1 : 2)
      bytes.appendBigEndian(serial.value, byteCount: 5)
      bytes.appendBigEndian(UInt64(0))
      bytes.appendBigEndian(UInt64(0))
    case .changed(let serial, let status, let position):
      bytes.append(3)
      bytes.appendBigEndian(serial.value, byteCount: 5)
      bytes.appendBigEndian(status.bits)
      bytes.appendBigEndian(position)
    case .refused(let refusal):
      bytes.append(16 + refusal.rawValue)
      bytes.appendBigEndian(UInt64(0), byteCount: 5)
      bytes.appendBigEndian(UInt64(0))
      bytes.appendBigEndian(UInt64(0))
    }
  }

  package static let byteCount = 22

  package init?(_ bytes: Span<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    let serial = Serial(bytes.bigEndianNumber(at: 1, byteCount: 5))
    switch bytes[0] {
    case 1, 2:
      guard let serial else { return nil }
      self = .registered(serial, isNew: bytes[0] == 1)
    case 3:
      guard let serial else { return nil }
      self = .changed(
        serial, Status(bits: bytes.bigEndian(at: 6)), position: bytes.bigEndian(at: 14))
    default:
      guard bytes[0] > 16, let refusal = LedgerRefusal(rawValue: bytes[0] - 16) else { return nil }
      self = .refused(refusal)
    }
  }
}
