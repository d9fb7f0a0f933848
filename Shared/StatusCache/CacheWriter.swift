package import Codes
package import Feed
package import Storage
import Synchronization

/// The one writer of a host's status cache: the issuer on its own host, a relay elsewhere.
///
/// Every change of pages commits together with the position it brings them to, so a crash at any
/// moment leaves a state that says truly what is in it. All methods are called from one thread.
package final class CacheWriter: Sendable {
  let tables: CacheTables
  /// What was committed last: what `state` tells other threads. Decisions are made on the state
  /// that is read inside the write transaction.
  private let current: Mutex<CacheState>

  package init(directory: String, region: Region, mapSizeBytes: Int) throws {
    let tables = try CacheTables(
      directory: directory, region: region, access: .readWrite, mapSizeBytes: mapSizeBytes)
    self.tables = tables
    current = Mutex(try tables.state() ?? .empty(region))
  }

  package var region: Region { tables.region }

  /// Where the cache stands.
  package var state: CacheState { current.withLock { $0 } }

  /// Why the cache was made anew at its opening, though there was one: it was damaged. It must be
  /// filled again. `nil`: it was not.
  package var damage: String? { tables.damage }

  /// Who reads the cache, and since when.
  package var readers: ReaderWatch { tables.readers }

  /// How full the map is.
  package func mapUsage() throws(StorageError) -> MapUsage { try tables.environment.mapUsage() }

  /// Frees what readers that were killed hold back. Every ten seconds; returns how many there were.
  @discardableResult
  package func clearDeadReaders() throws(StorageError) -> Int {
    try tables.environment.clearDeadReaders()
  }

  // MARK: Changes

  /// Applies changes that are in the log and not sealed yet, on the issuer's own host.
  /// `position` is the log position of the last of them; positions up to the one applied already
  /// are skipped, a gap is `outOfOrder`.
  package func apply(
    changes: [(Serial, Status)], upTo position: UInt64, asOf: Instant
  ) throws {
    try change { transaction, state in
      guard position >= UInt64(changes.count) else {
        throw CacheError(code: .outOfOrder, detail: "more changes than positions up to \(position)")
      }
      let first = position - UInt64(changes.count) + 1
      let applied = state.appliedPosition
      guard first <= applied + 1 else {
        throw CacheError(
          code: .outOfOrder, detail: "position \(first) does not follow position \(applied)")
      }
      let skipped = Int(min(applied + 1 - first, UInt64(changes.count)))
      state.asOf = max(state.asOf, asOf)
      state.appliedPosition = max(applied, position)
      try edit(changes.dropFirst(skipped), &state, &transaction)
    }
  }

  /// Applies a sealed segment that follows the chain; anything else is `outOfOrder` and changes
  /// nothing. The segment's signature has been checked by `Segment.check`.
  package func apply(_ segment: Segment) throws {
    try change { transaction, state in
      guard segment.number == state.chain.segment + 1,
        segment.firstPosition == state.chain.position + 1,
        segment.previousDigest == state.chain.digest, segment.region == region
      else {
        throw CacheError(
          code: .outOfOrder,
          detail: "segment \(segment.number) does not follow segment \(state.chain.segment)")
      }
      guard case .changes(let all) = segment.kind else {
        throw CacheError(
          code: .outOfOrder, detail: "segment \(segment.number) switches the generation")
      }
      // The issuer's own host may have applied some of them before they were sealed.
      let applied = state.appliedPosition
      let skipped = applied < segment.firstPosition ? 0 : applied - segment.firstPosition + 1
      let changes = all.dropFirst(Int(min(skipped, UInt64(all.count))))
      state.chain = segment.end
      state.asOf = max(state.asOf, segment.asOf)
      state.appliedPosition = max(applied, segment.lastPosition)
      try edit(changes.map { ($0.serial, $0.status) }[...], &state, &transaction)
    }
  }

  /// How many pages beyond the last one change may open: 2 million holders. A serial far beyond
  /// all others is a mistake, and must not fill the disk with empty pages.
  private static let growthPagesMax: UInt32 = 4_096

  /// Changes the pages of the generation in force, whose version becomes the applied position.
  func edit(
    _ changes: ArraySlice<(Serial, Status)>, _ state: inout CacheState,
    _ transaction: inout WriteTransaction
  ) throws {
    if state.generation == 0 { state.generation = 1 }
    var edited: [UInt32: StatusPage] = [:]
    for (serial, status) in changes {
      let number = serial.page
      if edited[number] == nil {
        edited[number] = try page(number, of: state.generation, in: transaction)
      }
      edited[number]?[serial.slot] = status
    }
    let end = edited.keys.max().map { $0 + 1 } ?? 0
    guard end <= state.pageCount + Self.growthPagesMax else {
      throw CacheError(
        code: .strangeSerial, detail: "a change is for a serial far beyond all that are known")
    }
    for missing in min(state.pageCount, end)..<end where edited[missing] == nil {
      edited[missing] = StatusPage()
    }
    state.pageCount = max(state.pageCount, end)
    for number in edited.keys.sorted() {
      edited[number]?.seal(version: state.appliedPosition)
      guard let page = edited[number] else { continue }
      try transaction.put(
        tables.pages, key: CacheTables.key(state.generation, number), value: page.bytes.span)
    }
  }

  func page(
    _ number: UInt32, of generation: UInt32, in transaction: borrowing WriteTransaction
  ) throws -> StatusPage {
    let found = try transaction.get(tables.pages, key: CacheTables.key(generation, number)) {
      StatusPage(checking: $0)
    }
    guard let found else { return StatusPage() }
    guard let page = found else {
      throw CacheError(
        code: .damagedPage,
        detail: "page \(number) of the status cache in \(tables.environment.directory) is damaged:"
          + " empty the directory, it is rebuilt")
    }
    return page
  }

  // MARK: Transactions

  /// Commits what `body` writes together with the state it leaves; throwing changes nothing.
  func commit(
    _ body: (inout WriteTransaction, inout CacheState) throws(StorageError) -> Void
  ) throws(StorageError) {
    let key = CacheTables.stateKey
    let state = try tables.environment.write { transaction throws(StorageError) in
      let stored = try transaction.get(tables.meta, key: key.span) { CacheState($0) } ?? nil
      var state = stored ?? .empty(region)
      try body(&transaction, &state)
      var bytes: [UInt8] = []
      state.encode(into: &bytes)
      try transaction.put(tables.meta, key: key.span, value: bytes.span)
      return state
    }
    current.withLock { $0 = state }
  }

  /// Like `commit`, for bodies that may refuse.
  func change(
    _ body: (inout WriteTransaction, inout CacheState) throws -> Void
  ) throws {
    var refusal: CacheError?
    do throws(StorageError) {
      try commit { transaction, state throws(StorageError) in
        do { try body(&transaction, &state) } catch let error as StorageError {
          throw error
        } catch {
          refusal = error as? CacheError
          throw StorageError(.other, "changing the status cache", "\(error)")
        }
      }
    } catch {
      if let refusal { throw refusal }
      throw error
    }
  }

  // MARK: Positions without changes

  /// Notes that nothing changed up to `asOf`. With `position`, the end of the log as the caller
  /// knows it: if the cache has not applied all of it, saying so would be a lie, and this is
  /// `outOfOrder`.
  package func beat(asOf: Instant, upTo position: UInt64? = nil) throws {
    try change { _, state in
      if let position, position != state.appliedPosition {
        throw CacheError(
          code: .outOfOrder,
          detail: "the cache is at position \(state.appliedPosition), the log at \(position)")
      }
      if state.generation == 0 { state.generation = 1 }
      state.asOf = max(state.asOf, asOf)
    }
  }

  /// Notes that the log is sealed up to `chain`; `outOfOrder` unless all of that is applied.
  package func markSealed(_ chain: ChainPosition) throws {
    try change { _, state in
      guard chain.position <= state.appliedPosition, chain.segment >= state.chain.segment else {
        throw CacheError(
          code: .outOfOrder,
          detail: "the log is sealed up to position \(chain.position), the cache is at"
            + " \(state.appliedPosition)")
      }
      state.chain = chain
      state.asOf = max(state.asOf, chain.asOf)
    }
  }
}
