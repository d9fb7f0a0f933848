package import Codes
package import Feed
package import Storage
import Synchronization

/// The status cache as a reading process holds it: opened as soon as its writer has made it.
package final class SharedCache: Sendable {
  private let directory: String
  private let region: Region
  private let mapSizeBytes: Int
  private let tables: Mutex<CacheTables?>

  /// Opens the cache if it is there. An error other than its absence is thrown: it would not cure
  /// itself.
  package init(directory: String, region: Region, mapSizeBytes: Int) throws {
    self.directory = directory
    self.region = region
    self.mapSizeBytes = mapSizeBytes
    tables = Mutex(nil)
    _ = try opened()
  }

  /// A cache this process writes itself.
  package init(_ writer: CacheWriter) {
    directory = writer.tables.environment.directory
    region = writer.tables.region
    mapSizeBytes = 0
    tables = Mutex(writer.tables)
  }

  /// The tables, or `nil` while the writer has not made them.
  func opened() throws -> CacheTables? {
    try tables.withLock { tables in
      if let tables { return tables }
      do {
        tables = try CacheTables(
          directory: directory, region: region, access: .readOnly, mapSizeBytes: mapSizeBytes)
      } catch let error as StorageError where [.notFound, .missingTable].contains(error.code) {
        return nil
      }
      return tables
    }
  }

  /// Up to when the newest state read by any loop is complete; `nil` while there is none. Asks
  /// the cache itself, so that probes see the truth when no scans come.
  package var asOf: Instant? {
    guard let tables = try? opened() else { return nil }
    guard let state = try? tables.state(), state.servable else { return nil }
    return state.asOf
  }
}

/// One event loop's view of the status cache: `renew` before a turn's reads, `reset` after them.
/// Not thread-safe.
package final class CacheReader {
  private let cache: SharedCache
  private let region: Region
  private let stateKey = CacheTables.stateKey
  private var tables: CacheTables?
  private var session: ReadSession?
  package private(set) var state: CacheState

  package init(_ cache: SharedCache, region: Region) throws {
    self.cache = cache
    self.region = region
    state = .empty(region)
    try open()
  }

  private func open() throws {
    guard session == nil, let opened = try cache.opened() else { return }
    tables = opened
    session = try ReadSession(opened.environment)
  }

  /// Takes the newest committed state as view. While there is no cache yet the state is empty.
  package func renew() throws {
    if session == nil { try open() }
    guard let session, let tables else { return }
    try session.renew()
    let key = stateKey
    let stored = try session.get(tables.meta, key: key.span) { CacheState($0) }
    state = (stored ?? nil) ?? .empty(region)
  }

  /// Lets go of the view.
  package func reset() { session?.reset() }

  package var servable: Bool { state.servable }
  package var asOf: Instant { state.asOf }
  package var generation: UInt32 { state.generation }
  package var pageCount: UInt32 { state.pageCount }
  package var chain: ChainPosition { state.chain }

  /// The holder's status; `nil` if its page does not exist or cannot be read. Between `renew` and
  /// `reset`.
  package func status(of serial: Serial) -> Status? {
    guard let session, let tables, session.isOpen else { return nil }
    let slot = serial.slot
    let found = try? session.get(
      tables.pages, key: CacheTables.key(state.generation, serial.page)
    ) { page in
      page.count == StatusPage.byteCount ? StatusPage.status(page, slot: slot) : nil
    }
    return (found ?? nil) ?? nil
  }

  /// Appends up to `count` stored pages from number `first` on, as they are.
  package func appendPages(
    first: UInt32, count: Int, to bytes: inout [UInt8]
  ) throws(StorageError) {
    guard let session, let tables, session.isOpen else { return }
    var left = count
    var expected = CacheTables.key(state.generation, first)
    let end = CacheTables.key(state.generation, state.pageCount)
    var copied: [UInt8] = []
    try session.forEach(tables.pages, from: expected) { key, page in
      guard left > 0, key == expected, key < end else { return false }
      copied.append(copying: page)
      left -= 1
      expected += 1
      return true
    }
    bytes.append(contentsOf: copied)
  }
}
