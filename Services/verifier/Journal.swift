import Codes
import Logging
import Server
import Storage
import Synchronization
import VerifierCore

/// A scan that only counts if nobody came before: decided by the journal's writer.
struct Claim: Sendable {
  let finding: Finding
  let context: ScanContext
  let receipt: [UInt8]
}

/// The scan journal of this host: LMDB, one writer thread, commits in groups.
///
/// | table | key | value |
/// |---|---|---|
/// | scans | receipt of the block's last entry | entries of one loop, in order, up to 32 KiB |
/// | claims | end of the code's life (minutes, 4), nonce 12, scope 8 | receipt of the first scan |
/// | meta | "format" | see `StoredFormat` |
///
/// Loops append to their own `JournalHandoff`; the writer takes all of them together, at most
/// every `commitMilliseconds`, and syncs once. A block is found by the first key at or behind a
/// receipt that belongs to the same process and loop.
final class Journal: Sendable {
  private let environment: Environment
  /// Who reads the journal, and since when.
  let readers: ReaderWatch
  private let scans: Table
  private let claims: Table
  private let writer: Loops
  private let handoffs: [JournalHandoff]
  private let retentionMilliseconds: UInt64
  private let commitMilliseconds: Int
  private let log: Logger
  private let state = Mutex(State())

  private struct State {
    var commitIsScheduled = false
    var retryIsScheduled = false
    var complaint: String?
    var lastPruneMilliseconds: UInt64 = 0
  }

  init(
    directory: String, mapSizeBytes: Int, loopCount: Int, commitMilliseconds: Int,
    retentionDays: Int, log: Logger
  ) throws {
    try System.makeDirectory(directory)
    environment = try Environment(directory: directory, mapSizeBytes: mapSizeBytes)
    readers = ReaderWatch(environment)
    scans = try environment.table("scans")
    claims = try environment.table("claims")
    let meta = try environment.table("meta")
    let (scans, claims) = (scans, claims)
    let isNew = try environment.read { transaction throws(StorageError) in
      try transaction.count(scans) + transaction.count(claims) == 0
    }
    try environment.adopt(Self.format, in: meta, isNew: isNew)
    writer = Loops(count: 1)
    handoffs = (0..<loopCount).map { _ in JournalHandoff() }
    self.commitMilliseconds = commitMilliseconds
    retentionMilliseconds = UInt64(retentionDays) * 86_400_000
    self.log = log
    for handoff in handoffs { handoff.journal = self }
  }

  private static let format = StoredFormat(
    content: "the scan journal",
    cure: "name another journal_directory: its scans stay readable by the newer version")

  /// The place where loop `index` leaves its entries.
  func handoff(ofLoop index: Int) -> JournalHandoff { handoffs[index] }

  /// Scans answered and not yet durable.
  var backlog: Int { handoffs.reduce(0) { $0 + $1.backlog } }

  /// How full the map is.
  func mapUsage() throws -> MapUsage { try environment.mapUsage() }

  /// What keeps the journal from being written, `nil` when it is well.
  var complaint: String? { state.withLock { $0.complaint } }

  /// Has the writer commit within `commitMilliseconds`, or at once.
  func scheduleCommit(atOnce: Bool) {
    let isScheduled = state.withLock { state in
      let isScheduled = state.commitIsScheduled
      state.commitIsScheduled = true
      return isScheduled
    }
    let loop = writer.all[0]
    if atOnce {
      loop.execute { self.commit() }
    } else if !isScheduled {
      loop.schedule(afterMilliseconds: commitMilliseconds) { self.commit() }
    }
  }

  /// Commits what is left and ends the writer.
  func close() {
    try? writer.all[0].run { self.commit() }
    writer.shutDown()
  }

  // MARK: The writer's thread

  private func commit() {
    state.withLock { $0.commitIsScheduled = false }
    let parcels = handoffs.map { $0.take() }
    guard parcels.contains(where: { !$0.entries.isEmpty || !$0.claims.isEmpty }) else { return }
    var outcomes: [[Outcome]] = []
    do {
      outcomes = try environment.write { transaction throws(StorageError) in
        var outcomes: [[Outcome]] = []
        for parcel in parcels {
          try writeBlocks(parcel.entries, &transaction)
          outcomes.append(try decide(parcel.claims, &transaction))
        }
        try prune(&transaction)
        return outcomes
      }
      state.withLock { $0.complaint = nil }
    } catch {
      fail(parcels, error)
      return
    }
    for (handoff, parcel) in zip(handoffs, parcels) { handoff.committed(parcel) }
    for (parcel, outcomes) in zip(parcels, outcomes) {
      for (pending, outcome) in zip(parcel.claims, outcomes) {
        pending.completion(.success(outcome))
      }
    }
  }

  /// The disk refused: claims are answered so, entries go back and are tried again.
  private func fail(_ parcels: [JournalHandoff.Parcel], _ error: StorageError) {
    let text = "scans cannot be recorded: \(error.description)"
    let isNews = state.withLock { state in
      let isNews = state.complaint == nil
      state.complaint = text
      return isNews
    }
    if isNews { log.error("journal", metadata: ["error": "\(text)"]) }
    for (handoff, parcel) in zip(handoffs, parcels) {
      handoff.putBack(parcel)
      for pending in parcel.claims {
        pending.completion(
          .failure(
            Problem(507, "journal_unavailable", "The scan could not be recorded; nothing counts.")))
      }
    }
    let isFirst = state.withLock { state in
      defer { state.retryIsScheduled = true }
      return !state.retryIsScheduled
    }
    guard isFirst else { return }
    writer.all[0].schedule(afterMilliseconds: 250) {
      self.state.withLock { $0.retryIsScheduled = false }
      self.commit()
    }
  }

  /// Most bytes of entries in one block.
  private static let blockBytesMax = 32_768

  private func writeBlocks(
    _ entries: [UInt8], _ transaction: inout WriteTransaction
  ) throws(StorageError) {
    let bytes = entries.span
    var start = 0
    var last = 0
    var position = 0
    while position < bytes.count {
      last = position
      position += 2 + Int(bytes.bigEndian(at: position, as: UInt16.self))
      if position - start >= Self.blockBytesMax || position == bytes.count {
        try transaction.put(
          scans, key: bytes.extracting((last + 2)..<(last + 18)),
          value: bytes.extracting(start..<position))
        start = position
      }
    }
  }

  /// Who comes first counts; the rest are `replayed`. Each is recorded as it was decided.
  private func decide(
    _ pending: [JournalHandoff.PendingClaim], _ transaction: inout WriteTransaction
  ) throws(StorageError) -> [Outcome] {
    var outcomes: [Outcome] = []
    var entries: [UInt8] = []
    for item in pending {
      let key = item.claim.key
      let isTaken = try transaction.get(claims, key: key.span) { _ in true } ?? false
      if !isTaken {
        try transaction.put(claims, key: key.span, value: item.claim.receipt.span)
      }
      var finding = item.claim.finding
      finding.verdict.outcome = isTaken ? .replayed : .accepted
      outcomes.append(finding.verdict.outcome)
      entries.appendJournalEntry(
        receipt: item.claim.receipt.span, finding, item.claim.context)
    }
    try writeBlocks(entries, &transaction)
    return outcomes
  }

  /// Once a minute forgets claims of codes that are over and scans beyond their retention.
  private func prune(_ transaction: inout WriteTransaction) throws(StorageError) {
    let now = WallClock.now()
    let isDue = state.withLock { state in
      guard now.milliseconds > state.lastPruneMilliseconds + 60_000 else { return false }
      state.lastPruneMilliseconds = now.milliseconds
      return true
    }
    guard isDue else { return }
    // Ten minutes more than the largest clock skew that can be configured.
    var claimsEnd: [UInt8] = []
    claimsEnd.appendBigEndian(now.cityTime.minutes - 20)
    try transaction.deleteRange(claims, before: claimsEnd.span, limit: 50_000)
    var scansEnd: [UInt8] = []
    let oldest = now.milliseconds - min(now.milliseconds, retentionMilliseconds)
    scansEnd.appendBigEndian(oldest, byteCount: 6)
    try transaction.deleteRange(scans, before: scansEnd.span, limit: 2_000)
  }

  // MARK: Reading

  /// Blocks of other loops that may lie between a receipt and its own block.
  private static let blocksSearchedMax = 4_096

  /// Finds the entry of `receipt`; `completion` is called on the writer's thread.
  func find(
    _ receipt: Receipt, completion: @escaping @Sendable (Result<JournalEntry?, Problem>) -> Void
  ) {
    writer.all[0].execute {
      do {
        // What was answered but not committed yet is part of the journal.
        self.commit()
        completion(.success(try self.entry(receipt)))
      } catch {
        completion(.failure(.busy("The journal cannot be read now.")))
      }
    }
  }

  private func entry(_ receipt: Receipt) throws(StorageError) -> JournalEntry? {
    let wanted = receipt.bytes.bytes
    var searched = 0
    var found: JournalEntry?
    try environment.read { transaction throws(StorageError) in
      try transaction.forEach(scans, from: wanted.span) { key, value in
        searched += 1
        guard Receipt(Bytes16(key)).stream == receipt.stream else {
          return searched < Self.blocksSearchedMax
        }
        var offset = 0
        while let entry = JournalEntry.read(value, at: &offset) {
          if entry.receipt == receipt {
            found = entry
            break
          }
        }
        return false
      }
    }
    return found
  }
}

extension Claim {
  /// Where this code counts once: its nonce, at this point or everywhere. The end of its life
  /// comes first, so that what is over can be forgotten from the front.
  var key: [UInt8] {
    var key: [UInt8] = []
    guard let end = finding.verdict.codeEnd, let nonce = finding.verdict.nonce else {
      preconditionFailure("only an accepted code is claimed, and it has both")
    }
    key.appendBigEndian(end.minutes)
    nonce.append(to: &key)
    let scope = context.scene.once == .point ? context.point : []
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in Array(context.scene.name.utf8) + [0] + scope {
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    key.appendBigEndian(hash)
    return key
  }
}
