package import Codes
package import Feed
package import Security
package import Storage

extension CacheWriter {
  /// Makes `generation` the one in force, with the chain and position it stands for, in one small
  /// transaction. The one before stays until the next switch or `retirePrevious`, so that this
  /// one can be undone, unless `keepingPrevious` is false; older ones are removed.
  package func switchTo(
    generation: UInt32, pageCount: UInt32, chain: ChainPosition, appliedPosition: UInt64,
    servablePosition: UInt64, asOf: Instant, keepingPrevious: Bool = true
  ) throws {
    try commit { _, state throws(StorageError) in
      let before = state
      state = CacheState(
        generation: generation, pageCount: pageCount, chain: chain,
        appliedPosition: appliedPosition, asOf: max(before.asOf, asOf),
        servablePosition: servablePosition)
      if keepingPrevious, before.pageCount > 0, before.generation != generation {
        state.previousGeneration = before.generation
        state.previousPageCount = before.pageCount
      }
    }
    try removeGenerations { _ in true }
  }

  /// Removes the generation before the one in force: the last switch can no longer be undone.
  package func retirePrevious() throws(StorageError) {
    try commit { _, state throws(StorageError) in
      state.previousGeneration = 0
      state.previousPageCount = 0
    }
    try removeGenerations { _ in true }
  }

  /// The number of the generation to build next.
  package func nextGeneration() throws(StorageError) -> UInt32 {
    let last = try tables.environment.read { transaction throws(StorageError) in
      try transaction.lastKey(tables.pages)
    }
    return max(UInt32((last ?? 0) >> 32), state.generation, state.previousGeneration) + 1
  }

  /// Pages removed in one transaction.
  private static let removalMax = 5_000

  /// Removes the pages of the generations that `isGone` names, some at a time; those in force and
  /// before stay in any case.
  package func removeGenerations(_ isGone: (UInt32) -> Bool) throws(StorageError) {
    let state = state
    var generation: UInt32 = 0
    while let found = try nextStoredGeneration(from: generation) {
      let stays =
        found == state.generation || found == state.previousGeneration || !isGone(found)
      let range = CacheTables.key(found, 0)..<CacheTables.key(found + 1, 0)
      while !stays {
        let count = try tables.environment.write { transaction throws(StorageError) in
          try transaction.deleteRange(tables.pages, range, limit: Self.removalMax)
        }
        if count < Self.removalMax { break }
      }
      generation = found + 1
    }
  }

  /// The first generation with pages whose number is not below `generation`.
  private func nextStoredGeneration(from generation: UInt32) throws(StorageError) -> UInt32? {
    var found: UInt32?
    try tables.environment.read { transaction throws(StorageError) in
      try transaction.forEach(tables.pages, from: CacheTables.key(generation, 0)) { key, _ in
        found = UInt32(key >> 32)
        return false
      }
    }
    return found
  }

  /// Checks the pages in force from number `first` on; the numbers of damaged ones. The slow
  /// scrubber walks the generation with this, some pages at a time.
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

  /// The digest of the statuses in force, page after page: the same as `GenerationBuilder.finish`
  /// returned, on every host that applied the same log.
  package func digest() throws(StorageError) -> Digest {
    let state = state
    var hasher = SHA256Hasher()
    try tables.environment.read { transaction throws(StorageError) in
      let start = CacheTables.key(state.generation, 0)
      try transaction.forEach(tables.pages, from: start) { key, page in
        guard key < start + UInt64(state.pageCount), page.count == StatusPage.byteCount else {
          return false
        }
        hasher.update(page.extracting(StatusPage.headerByteCount...))
        return true
      }
    }
    return hasher.finalize()
  }
}
