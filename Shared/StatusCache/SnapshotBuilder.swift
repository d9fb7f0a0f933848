import Codes
package import Feed
package import Storage

/// Takes over a snapshot whose pages were read at different moments: each is at least as new as
/// the manifest's position, and re-applying the segments from there makes them one state.
///
/// Batches may come in any order. Until `adopt` nothing of it is in force; what an interrupted
/// snapshot leaves is removed by the next one.
package struct SnapshotBuilder: ~Copyable {
  private let writer: CacheWriter
  private let manifest: SnapshotManifest
  private let generation: UInt32
  private var newestVersion: UInt64 = 0
  /// Where the pages stand since all of them are there.
  private var chain: ChainPosition
  private var pageCount: UInt32

  package init(_ writer: CacheWriter, _ manifest: SnapshotManifest) throws(StorageError) {
    self.writer = writer
    self.manifest = manifest
    chain = manifest.position
    pageCount = manifest.pageCount
    // There shall not be three generations on the disk: the one in force is enough to go on with.
    try writer.retirePrevious()
    generation = try writer.nextGeneration()
  }

  /// Stores the pages of a batch; one that is not of this snapshot or has a wrong checksum is
  /// refused and nothing of the batch is stored.
  package mutating func store(_ batch: PageBatch) throws {
    guard batch.region == writer.region, batch.generation == manifest.generation,
      UInt64(batch.firstPage) + UInt64(batch.pageCount) <= UInt64(manifest.pageCount)
    else {
      throw CacheError(
        code: .strangePage, detail: "pages from \(batch.firstPage) are not of this snapshot")
    }
    let bytes = batch.pages.span
    var newest = newestVersion
    for index in 0..<batch.pageCount {
      let page = bytes.extracting(batch.range(ofPage: index))
      guard StatusPage.isIntact(page) else {
        throw CacheError(
          code: .damagedPage, detail: "page \(Int(batch.firstPage) + index) of the snapshot")
      }
      newest = max(newest, StatusPage.version(page))
    }
    let tables = writer.tables
    let first = CacheTables.key(generation, batch.firstPage)
    try tables.environment.write { transaction throws(StorageError) in
      for index in 0..<batch.pageCount {
        try transaction.put(
          tables.pages, key: first + UInt64(index),
          value: bytes.extracting(batch.range(ofPage: index)))
      }
    }
    newestVersion = newest
  }

  /// Makes the snapshot the current state; refused while a page is missing. It is served once the
  /// segments up to its newest page are applied: on a host that serves already it is not made the
  /// current state before, and `false` says that it waits for `apply`.
  package mutating func adopt() throws -> Bool {
    try checkPages()
    guard writer.state.servable, newestVersion > chain.position else {
      try switchNow(asOf: manifest.asOf)
      return true
    }
    return false
  }

  /// Applies a segment to a snapshot that waits; whether it is the current state now.
  package mutating func apply(_ segment: Segment) throws -> Bool {
    guard segment.number == chain.segment + 1, case .changes(let changes) = segment.kind else {
      throw CacheError(
        code: .outOfOrder,
        detail: "segment \(segment.number) does not follow segment \(chain.segment)")
    }
    pageCount = try writer.edit(
      changes.map { ($0.serial, $0.status) }[...],
      of: Candidate(generation: generation, pageCount: pageCount),
      version: segment.lastPosition
    ).pageCount
    chain = segment.end
    guard chain.position >= newestVersion else { return false }
    try switchNow(asOf: segment.asOf)
    return true
  }

  private func switchNow(asOf: Instant) throws {
    try writer.switchTo(
      generation: generation, pageCount: pageCount, chain: chain,
      appliedPosition: chain.position, servablePosition: newestVersion, asOf: asOf)
  }

  private func checkPages() throws {
    var expected = CacheTables.key(generation, 0)
    let end = expected + UInt64(manifest.pageCount)
    let pages = writer.tables.pages
    try writer.tables.environment.read { transaction throws(StorageError) in
      try transaction.forEach(pages, from: expected) { key, _ in
        guard key == expected, key < end else { return false }
        expected += 1
        return true
      }
    }
    guard expected == end else {
      throw CacheError(
        code: .strangePage,
        detail: "page \(UInt32(truncatingIfNeeded: expected)) of the snapshot is missing")
    }
  }
}
