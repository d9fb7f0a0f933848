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

  /// How full the map is.
  package func mapUsage() throws(StorageError) -> MapUsage { try tables.environment.mapUsage() }

  // MARK: Changes

  /// Applies changes that are in the log and not sealed yet, on the issuer's own host.
  /// `position` is the log position of the last of them; positions up to the one applied already
  /// are skipped.
  package func apply(
    changes: [(Serial, Status)], upTo position: UInt64, asOf: Instant
  ) throws {
    var state = state
    let first = position - UInt64(changes.count) + 1
    let skipped = Int(min(UInt64(changes.count), state.appliedPosition + 1 - min(
      first, state.appliedPosition + 1)))
    state.asOf = max(state.asOf, asOf)
    try write(changes.dropFirst(skipped), endingAt: position, &state)
  }

  /// Applies a sealed segment that follows the chain; anything else is `outOfOrder` and changes
  /// nothing. The segment's signature has been checked by `Segment.check`.
  package func apply(_ segment: Segment) throws {
    var state = state
    guard segment.number == state.chain.segment + 1,
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
    let applied = state.appliedPosition
    let skipped = applied < segment.firstPosition ? 0 : Int(applied - segment.firstPosition + 1)
    state.chain = segment.end
    state.asOf = max(state.asOf, segment.asOf)
    let changes = all.dropFirst(skipped).map { ($0.serial, $0.status) }
    try write(changes[...], endingAt: max(applied, segment.lastPosition), &state)
  }

  private func write(
    _ changes: ArraySlice<(Serial, Status)>, endingAt position: UInt64, _ state: inout CacheState
  ) throws {
    if state.generation == 0 { state.generation = 1 }
    state.appliedPosition = max(state.appliedPosition, position)
    var edited: [UInt32: StatusPage] = [:]
    for (serial, status) in changes {
      if edited[serial.page] == nil {
        edited[serial.page] = try page(serial.page, of: state.generation) ?? StatusPage()
      }
      edited[serial.page]![serial.slot] = status
    }
    let last = edited.keys.max().map { $0 + 1 } ?? 0
    for missing in min(state.pageCount, last)..<last where edited[missing] == nil {
      edited[missing] = StatusPage()
    }
    state.pageCount = max(state.pageCount, last)
    for number in edited.keys { edited[number]!.seal(version: position) }
    try commit(state) { transaction throws(StorageError) in
      for (number, page) in edited {
        try transaction.put(
          tables.pages, key: CacheTables.key(state.generation, number), value: page.bytes.span)
      }
    }
  }

  private func page(_ number: UInt32, of generation: UInt32) throws -> StatusPage? {
    let found = try tables.environment.read { transaction throws(StorageError) in
      try transaction.get(tables.pages, key: CacheTables.key(generation, number)) {
        StatusPage(checking: $0)
      }
    }
    guard let found else { return nil }
    guard let page = found else {
      throw CacheError(
        code: .damagedPage,
        detail: "page \(number) of the status cache is damaged: empty the directory, it is rebuilt")
    }
    return page
  }

  /// Commits `state` together with what `body` writes.
  func commit(
    _ state: CacheState, _ body: (inout WriteTransaction) throws(StorageError) -> Void
  ) throws(StorageError) {
    var bytes: [UInt8] = []
    state.encode(into: &bytes)
    let key = CacheTables.stateKey
    try tables.environment.write { transaction throws(StorageError) in
      try body(&transaction)
      try transaction.put(tables.meta, key: key.span, value: bytes.span)
    }
    current.withLock { $0 = state }
  }

  // MARK: Positions without changes

  /// Notes that nothing changed up to `asOf`.
  package func beat(asOf: Instant) throws(StorageError) {
    var state = state
    if state.generation == 0 { state.generation = 1 }
    state.asOf = max(state.asOf, asOf)
    try commit(state) { _ throws(StorageError) in }
  }

  /// Notes that the log is sealed up to `chain`, all of which is applied.
  package func markSealed(_ chain: ChainPosition) throws(StorageError) {
    var state = state
    precondition(chain.position <= state.appliedPosition, "sealed beyond what is applied")
    state.chain = chain
    state.asOf = max(state.asOf, chain.asOf)
    try commit(state) { _ throws(StorageError) in }
  }

  // MARK: Generations

  /// Makes `generation` the current one, with the chain and position it stands for, in one small
  /// transaction, and removes the others.
  package func switchTo(
    generation: UInt32, pageCount: UInt32, chain: ChainPosition, appliedPosition: UInt64,
    servablePosition: UInt64, asOf: Instant
  ) throws {
    let state = CacheState(
      generation: generation, pageCount: pageCount, chain: chain,
      appliedPosition: appliedPosition, asOf: max(self.state.asOf, asOf),
      servablePosition: servablePosition)
    try commit(state) { _ throws(StorageError) in }
    try removeGenerations { $0 != generation }
  }

  /// The number of the generation to build next.
  package func nextGeneration() throws(StorageError) -> UInt32 {
    let last = try tables.environment.read { transaction throws(StorageError) in
      try transaction.lastKey(tables.pages)
    }
    return max(UInt32((last ?? 0) >> 32), state.generation) + 1
  }

  /// Pages removed in one transaction.
  private static let removalMax = 5_000

  /// Removes the pages of the generations that `isGone` names, some at a time.
  package func removeGenerations(_ isGone: (UInt32) -> Bool) throws(StorageError) {
    var start: UInt64 = 0
    while true {
      var keys: [UInt64] = []
      var next: UInt64?
      try tables.environment.read { transaction throws(StorageError) in
        try transaction.forEach(tables.pages, from: start) { key, _ in
          let generation = UInt32(key >> 32)
          guard isGone(generation) else {
            // Skip this generation whole.
            next = CacheTables.key(generation + 1, 0)
            return false
          }
          keys.append(key)
          return keys.count < Self.removalMax
        }
      }
      if !keys.isEmpty {
        try tables.environment.write { transaction throws(StorageError) in
          for key in keys { try transaction.delete(tables.pages, key: key) }
        }
        start = keys[keys.count - 1] + 1
      }
      if keys.count < Self.removalMax {
        guard let next else { return }
        start = next
      }
    }
  }

  /// Checks the pages from number `first` on; the numbers of damaged ones. The slow scrubber
  /// walks the generation with this, some pages at a time.
  package func scrub(first: UInt32, count: Int) throws(StorageError) -> [UInt32] {
    let generation = state.generation
    var damaged: [UInt32] = []
    var left = count
    try tables.environment.read { transaction throws(StorageError) in
      try transaction.forEach(tables.pages, from: CacheTables.key(generation, first)) { key, page in
        guard left > 0, UInt32(key >> 32) == generation else { return false }
        left -= 1
        if !StatusPage.isIntact(page) { damaged.append(UInt32(truncatingIfNeeded: key)) }
        return true
      }
    }
    return damaged
  }
}
