package import Codes
package import Security
package import Storage

/// Builds a generation of pages beside the current one, from all statuses in order of serials.
///
/// Pages are appended in bounded transactions. Nothing reads them before `CacheWriter.switchTo`.
package struct GenerationBuilder: ~Copyable {
  private let writer: CacheWriter
  package let generation: UInt32
  private let version: UInt64
  /// Whole pages that wait for the next transaction; their headers are written then.
  private var pages = [UInt8](repeating: 0, count: chunkPages * StatusPage.byteCount)
  /// Where the next status goes in `pages`.
  private var offset = StatusPage.headerByteCount
  private var slot = 0
  private var pageNumber: UInt32 = 0
  private var hasher = SHA256Hasher()

  /// Pages in one transaction: 8 MB.
  private static let chunkPages = 2_000

  /// `version` is the log position the statuses are of.
  package init(_ writer: CacheWriter, version: UInt64) throws(StorageError) {
    self.writer = writer
    self.version = version
    generation = try writer.nextGeneration()
  }

  /// Adds the status of the next serial, from serial 0 on.
  package mutating func append(_ status: Status) throws(StorageError) {
    if slot == StatusPage.statusCount { try nextPage() }
    let place = offset
    offset += 8
    slot += 1
    var span = pages.mutableSpan
    span.setLittleEndianWord(status.bits, at: place)
  }

  private mutating func nextPage() throws(StorageError) {
    if offset == pages.count { try flush(Self.chunkPages) }
    offset += StatusPage.headerByteCount
    slot = 0
  }

  /// Seals and stores the first `count` waiting pages, and begins anew.
  private mutating func flush(_ count: Int) throws(StorageError) {
    let version = version
    var span = pages.mutableSpan
    for index in 0..<count {
      StatusPage.seal(&span, at: index * StatusPage.byteCount, version: version)
    }
    hasher = try store(pages.span, count, hasher)
    pageNumber += UInt32(count)
    offset = 0
  }

  private borrowing func store(
    _ pages: Span<UInt8>, _ count: Int, _ hasher: SHA256Hasher
  ) throws(StorageError) -> SHA256Hasher {
    var hasher = hasher
    let tables = writer.tables
    let first = CacheTables.key(generation, pageNumber)
    try tables.environment.write { transaction throws(StorageError) in
      for index in 0..<count {
        let start = index * StatusPage.byteCount
        let page = pages.extracting(start..<start + StatusPage.byteCount)
        hasher.update(page.extracting(StatusPage.headerByteCount...))
        try transaction.append(tables.pages, key: first + UInt64(index), value: page)
      }
    }
    return hasher
  }

  /// Writes the rest; how many pages there are, and the digest of their statuses.
  package mutating func finish() throws(StorageError) -> (pageCount: UInt32, digest: Digest) {
    if slot > 0 {
      while slot < StatusPage.statusCount { try append(.absent) }
      try flush(offset / StatusPage.byteCount)
    }
    return (pageNumber, hasher.finalize())
  }
}
