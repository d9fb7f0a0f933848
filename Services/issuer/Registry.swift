import Codes
import Feed
import IssuerCore
import Security
import Storage

/// The issuer's own LMDB environment: documents, guardians, the change log, answers given.
///
/// | table | key | value |
/// |---|---|---|
/// | documents | 16-byte document key | serial, 5 bytes |
/// | contacts | 16-byte key of phone number and name | serial, 5 bytes; 0 when several have both |
/// | guardians | dependant's serial | guardian's serial, 5 bytes |
/// | unsealed | log position | change, not yet in a segment |
/// | segments | segment number | sealed segment |
/// | touches | log position | serial 5, `StatusFields` 1, status 8: what the change set |
/// | recipes | number of a switch segment | what its statuses are made of (`SwitchRecipe`) |
/// | answers | 16-byte idempotency key | minutes 4, fingerprint 16, reply 22 |
/// | answer_ages | minutes 4, idempotency key 16 | empty |
/// | meta | name | `State`, region, `GenerationState`, serial floor, number of loads |
final class Registry: Sendable {
  let environment: Environment
  let readers: ReaderWatch
  let documents: Table
  let contacts: Table
  let guardians: Table
  let unsealed: Table
  let segments: Table
  let touches: Table
  let recipes: Table
  let answers: Table
  let answerAges: Table
  let meta: Table
  let region: Region

  /// Where the log stands.
  struct State: Sendable, Equatable {
    var nextSerial: UInt64
    var lastPosition: UInt64
    var chain: ChainPosition
    /// No new holder gets a serial below this one: set by a restore, because those behind the
    /// backup may have been given.
    var serialFloor: UInt64 = 1

    /// The serial of the next holder.
    var nextFreeSerial: UInt64 { max(nextSerial, serialFloor) }
  }

  /// How long an idempotency key is remembered.
  static let answerMinutesKept: UInt32 = 24 * 60

  /// Opens the registry; read-only beside a running issuer, with write access alone.
  init(
    directory: String, region: Region, mapSizeBytes: Int,
    access: Environment.Purpose = .readWrite
  ) throws {
    environment = try Environment(
      directory: directory, mapSizeBytes: mapSizeBytes, for: access)
    readers = ReaderWatch(environment)
    documents = try environment.table("documents")
    contacts = try environment.table("contacts")
    guardians = try environment.table("guardians", integerKeys: true)
    unsealed = try environment.table("unsealed", integerKeys: true)
    segments = try environment.table("segments", integerKeys: true)
    touches = try environment.table("touches", integerKeys: true)
    recipes = try environment.table("recipes", integerKeys: true)
    answers = try environment.table("answers")
    answerAges = try environment.table("answer_ages")
    meta = try environment.table("meta")
    self.region = region
    let isNew = try environment.read { transaction throws(StorageError) in
      try transaction.count(meta) == 0
    }
    try environment.adopt(Self.format(documents), in: meta, isNew: isNew)
    try claimRegion()
  }

  /// What the tables above are laid out as. A change of that is a step here, which is taken when an
  /// issuer of the new version starts.
  private static func format(_ documents: Table) -> StoredFormat {
    let refuseHMACs: StoredFormat.Step = { transaction throws(StorageError) in
      // They cannot be made CMACs: the documents themselves are nowhere.
      guard try transaction.count(documents) > 0 else { return }
      throw StorageError(
        .incompatibleTable, "opening the registry",
        "it has format 1, which keeps documents under HMAC-SHA-256; this program looks for them"
          + " under AES-256-CMAC: load the population into an empty data_directory")
    }
    return StoredFormat(
      content: "the registry",
      cure: "restore the backup that was made before the upgrade into another data_directory",
      steps: [refuseHMACs])
  }

  /// The directory belongs to the region it was first used for.
  private func claimRegion() throws {
    let name = Array("region".utf8)
    let stored = try environment.read { transaction throws(StorageError) in
      try transaction.get(meta, key: name.span) { [UInt8](copying: $0) }
    }
    let wanted = Array(region.description.utf8)
    if let stored {
      guard stored == wanted else { throw ForeignRegion(stored: stored) }
      return
    }
    guard environment.openedFor == .readWrite else {
      throw StorageError(.notFound, "opening the registry", "nothing was ever written there")
    }
    try environment.write { transaction throws(StorageError) in
      try transaction.put(meta, key: name.span, value: wanted.span)
    }
  }

  struct ForeignRegion: Error, CustomStringConvertible {
    let stored: [UInt8]
    var description: String {
      "data_directory belongs to region \(String(decoding: stored, as: UTF8.self)); use another"
        + " directory, or set region to that"
    }
  }

  // MARK: State

  func state() throws(StorageError) -> State {
    try environment.read { transaction throws(StorageError) in try state(in: transaction) }
  }

  func state(in transaction: borrowing ReadTransaction) throws(StorageError) -> State {
    let stored = try transaction.get(meta, key: Self.stateKey.span) { State($0) } ?? nil
    var state = stored ?? State(nextSerial: 1, lastPosition: 0, chain: .start(region))
    state.serialFloor =
      try transaction.get(meta, key: Self.serialFloorKey.span) { $0.bigEndian(at: 0) } ?? 1
    return state
  }

  private static let stateKey = Array("state".utf8)
  static let serialFloorKey = Array("serial_floor".utf8)
  private static let loadsKey = Array("loads".utf8)

  /// How many loads there have been: only they change what is known of a holder already.
  func loadCount() throws(StorageError) -> UInt64 {
    try environment.read { transaction throws(StorageError) in
      try transaction.get(meta, key: Self.loadsKey.span) { $0.bigEndian(at: 0) } ?? 0
    }
  }

  func countLoad(in transaction: inout WriteTransaction) throws(StorageError) {
    let count: UInt64 =
      try transaction.get(meta, key: Self.loadsKey.span) { $0.bigEndian(at: 0) } ?? 0
    var bytes: [UInt8] = []
    bytes.appendBigEndian(count + 1)
    try transaction.put(meta, key: Self.loadsKey.span, value: bytes.span)
  }

  func segment(_ number: UInt64) throws(StorageError) -> Segment? {
    try environment.read { transaction throws(StorageError) in
      try transaction.get(segments, key: number) { Segment.decode($0) } ?? nil
    }
  }

  /// The changes behind the sealed position `position`, `max` at most.
  func unsealedChanges(after position: UInt64, max: Int) throws(StorageError) -> [Change] {
    var changes: [Change] = []
    try environment.read { transaction throws(StorageError) in
      try transaction.forEach(unsealed, from: position + 1) { _, bytes in
        guard let change = Change(bytes) else { return false }
        changes.append(change)
        return changes.count < max
      }
    }
    return changes
  }

  func put(_ state: State, in transaction: inout WriteTransaction) throws(StorageError) {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(state.nextSerial)
    bytes.appendBigEndian(state.lastPosition)
    state.chain.encode(into: &bytes)
    try transaction.put(meta, key: Self.stateKey.span, value: bytes.span)
  }

  // MARK: Writing a batch

  func put(
    _ writes: LedgerWrites, at now: CityTime, in transaction: inout WriteTransaction
  ) throws(StorageError) {
    var bytes: [UInt8] = []
    for (key, serial) in writes.documents {
      try transaction.put(documents, key: key.bytes.span, value: serial.bytes.span)
    }
    for (dependant, guardian) in writes.guardians {
      try transaction.put(guardians, key: dependant.value, value: guardian.bytes.span)
    }
    var position = writes.lastPosition - UInt64(writes.changes.count)
    for (change, touched) in zip(writes.changes, writes.touched) {
      position += 1
      bytes.removeAll(keepingCapacity: true)
      change.encode(into: &bytes)
      try transaction.append(unsealed, key: position, value: bytes.span)
      bytes.removeAll(keepingCapacity: true)
      bytes.appendBigEndian(change.serial.value, byteCount: 5)
      bytes.append(touched.rawValue)
      bytes.appendBigEndian(change.status.bits)
      try transaction.append(touches, key: position, value: bytes.span)
    }
    for (idempotency, reply) in writes.answers {
      bytes.removeAll(keepingCapacity: true)
      bytes.appendBigEndian(now.minutes)
      idempotency.fingerprint.append(to: &bytes)
      reply.append(to: &bytes)
      try transaction.put(answers, key: idempotency.key.bytes.span, value: bytes.span)
      let age = Array(bytes[0..<4]) + idempotency.key.bytes
      try transaction.put(answerAges, key: age.span, value: [UInt8]().span)
    }
    try forgetOldAnswers(now, in: &transaction)
  }

  private func forgetOldAnswers(
    _ now: CityTime, in transaction: inout WriteTransaction
  ) throws(StorageError) {
    let oldest = now.minutes - min(now.minutes, Self.answerMinutesKept)
    var ages: [[UInt8]] = []
    try transaction.forEach(answerAges) { key, _ in
      guard key.bigEndian(at: 0, as: UInt32.self) < oldest, ages.count < 64 else { return false }
      ages.append([UInt8](copying: key))
      return true
    }
    for age in ages {
      try transaction.delete(answerAges, key: age.span)
      try transaction.delete(answers, key: age.span.extracting(4...))
    }
  }
}

extension Registry.State {
  /// Reads the stored form, in which there is no serial floor.
  init?(_ bytes: Span<UInt8>) {
    guard bytes.count == 16 + ChainPosition.byteCount,
      let chain = ChainPosition(bytes.extracting(16...))
    else { return nil }
    self.init(
      nextSerial: bytes.bigEndian(at: 0), lastPosition: bytes.bigEndian(at: 8), chain: chain)
  }
}

extension Serial {
  /// The 5 bytes a serial is stored in.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(value, byteCount: 5)
    return bytes
  }

  init?(stored bytes: Span<UInt8>) {
    guard bytes.count == 5 else { return nil }
    self.init(bytes.bigEndianNumber(at: 0, byteCount: 5))
  }
}

/// Who has a phone number and a name.
enum ContactHolder: Equatable {
  case nobody
  case one(Serial)
  /// So neither of them is found by these.
  case several
}

/// Reads of one event loop from the registry, in one transaction a turn.
final class RegistryReader {
  private let registry: Registry
  private let session: ReadSession
  private var isOpen = false

  init(_ registry: Registry) throws {
    self.registry = registry
    session = try ReadSession(registry.environment)
  }

  func reset() {
    if isOpen { session.reset() }
    isOpen = false
  }

  private func open() throws(StorageError) {
    guard !isOpen else { return }
    try session.renew()
    isOpen = true
  }

  func guardian(of dependant: Serial) throws(StorageError) -> Serial? {
    try open()
    return try session.get(registry.guardians, key: dependant.value) { Serial(stored: $0) } ?? nil
  }

  func serial(ofDocument key: Bytes16) throws(StorageError) -> Serial? {
    try open()
    return try session.get(registry.documents, key: key.bytes.span) { Serial(stored: $0) } ?? nil
  }

  /// By `RegionSecret.contactKey`.
  func holder(ofContact key: Bytes16) throws(StorageError) -> ContactHolder {
    try open()
    return try session.get(registry.contacts, key: key.bytes.span) { value in
      Serial(stored: value).map { .one($0) } ?? .several
    } ?? .nobody
  }

  func answered(
    _ key: Bytes16
  ) throws(StorageError) -> (fingerprint: Bytes16, reply: Reply)? {
    try open()
    return try session.get(registry.answers, key: key.bytes.span) { value in
      guard value.count == 20 + Reply.byteCount, let reply = Reply(value.extracting(20...))
      else { return nil }
      return (Bytes16(value.extracting(4..<20)), reply)
    } ?? nil
  }

  /// Calls `body` with each sealed segment after number `number`, until it returns `false`.
  func forEachSegment(
    after number: UInt64, _ body: (Span<UInt8>) -> Bool
  ) throws(StorageError) {
    try open()
    try session.forEach(registry.segments, from: number + 1) { _, segment in body(segment) }
  }
}
