package import Codes
package import Feed
package import Security
package import Storage

/// Builds a generation of pages beside the current one, from all statuses in order of serials.
///
/// Pages are appended in bounded transactions. Nothing reads them before `CacheWriter.switchTo`.
package struct GenerationBuilder: ~Copyable {
  private let writer: CacheWriter
  package let generation: UInt32
  private let version: UInt64
  private var page = StatusPage()
  private var slot = 0
  private var pageNumber: UInt32 = 0
  private var waiting: [StatusPage] = []
  private var hasher = SHA256Hasher()

  /// Pages in one transaction: 4 MB.
  private static let chunkPages = 1_000

  /// `version` is the log position the statuses are of.
  package init(_ writer: CacheWriter, version: UInt64) throws(StorageError) {
    self.writer = writer
    self.version = version
    generation = try writer.nextGeneration()
  }

  /// Adds the status of the next serial, from serial 0 on.
  package mutating func append(_ status: Status) throws(StorageError) {
    page[slot] = status
    slot += 1
    if slot == StatusPage.statusCount { try closePage() }
  }

  private mutating func closePage() throws(StorageError) {
    var full = exchange(&page, with: StatusPage())
    full.seal(version: version)
    hasher.update(full.bytes.span.extracting(StatusPage.headerByteCount...))
    waiting.append(full)
    slot = 0
    if waiting.count == Self.chunkPages { try flush() }
  }

  private mutating func flush() throws(StorageError) {
    let tables = writer.tables
    let first = CacheTables.key(generation, pageNumber)
    try tables.environment.write { transaction throws(StorageError) in
      for (index, page) in waiting.enumerated() {
        try transaction.append(
          tables.pages, key: first + UInt64(index), value: page.bytes.span)
      }
    }
    pageNumber += UInt32(waiting.count)
    waiting.removeAll(keepingCapacity: true)
  }

  /// Writes the rest; how many pages there are, and the digest of their statuses.
  package mutating func finish() throws(StorageError) -> (pageCount: UInt32, digest: Digest) {
    if slot > 0 { try closePage() }
    try flush()
    return (pageNumber, hasher.finalize())
  }
}

/// Takes over a snapshot whose pages were read at different moments: each is at least as new as
/// the manifest's position, and re-applying the segments from there makes them one state.
package struct SnapshotBuilder: ~Copyable {
  private let writer: CacheWriter
  private let manifest: SnapshotManifest
  private let generation: UInt32
  private var newestVersion: UInt64 = 0

  package init(_ writer: CacheWriter, _ manifest: SnapshotManifest) throws(StorageError) {
    self.writer = writer
    self.manifest = manifest
    let current = writer.state.generation
    // What an interrupted snapshot left is of no use.
    try writer.removeGenerations { $0 != current }
    generation = try writer.nextGeneration()
  }

  /// Stores the pages of a batch; a page with a wrong checksum is refused.
  package mutating func store(_ batch: PageBatch) throws {
    let bytes = batch.pages.span
    for index in 0..<batch.pageCount {
      let page = bytes.extracting(batch.range(ofPage: index))
      guard StatusPage.isIntact(page) else {
        throw CacheError(
          code: .damagedPage, detail: "page \(Int(batch.firstPage) + index) of the snapshot")
      }
      newestVersion = max(newestVersion, StatusPage.version(page))
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
  }

  /// Makes the snapshot the current state. It is served once the segments up to its newest page
  /// are applied.
  package mutating func adopt() throws {
    try writer.switchTo(
      generation: generation, pageCount: manifest.pageCount, chain: manifest.position,
      appliedPosition: manifest.position.position, servablePosition: newestVersion,
      asOf: manifest.asOf)
  }
}
