package import Codes
package import Storage
import Synchronization

/// The status cache as a reading process holds it: opened as soon as its writer has made it.
package final class SharedCache: Sendable {
  private let directory: String
  private let region: Region
  private let mapSizeBytes: Int
  private let opening: Mutex<Opening>

  private struct Opening {
    var tables: CacheTables?
    var lastAttempt: ContinuousClock.Instant?
  }

  /// How often an absent cache is looked for.
  private static let attemptPause = Duration.milliseconds(100)

  /// Opens the cache if it is there. An error other than its absence is thrown: it would not cure
  /// itself.
  package init(directory: String, region: Region, mapSizeBytes: Int) throws {
    self.directory = directory
    self.region = region
    self.mapSizeBytes = mapSizeBytes
    opening = Mutex(Opening())
    _ = try opened()
  }

  /// A cache this process writes itself.
  package init(_ writer: CacheWriter) {
    directory = writer.tables.environment.directory
    region = writer.tables.region
    mapSizeBytes = 0
    opening = Mutex(Opening(tables: writer.tables))
  }

  /// The tables, or `nil` while the writer has not made them.
  func opened() throws -> CacheTables? {
    try opening.withLock { opening in
      if let tables = opening.tables { return tables }
      let now = ContinuousClock.now
      if let last = opening.lastAttempt, now < last + Self.attemptPause { return nil }
      opening.lastAttempt = now
      do {
        opening.tables = try CacheTables(
          directory: directory, region: region, access: .readOnly, mapSizeBytes: mapSizeBytes)
      } catch let error as StorageError where [.notFound, .missingTable].contains(error.code) {
        return nil
      }
      return opening.tables
    }
  }

  /// The newest state, asked of the cache itself, so that probes see the truth when no scans
  /// come; `nil` while there is none.
  package func state() throws -> CacheState? {
    try opened()?.state()
  }

  /// Who reads the cache; `nil` while there is none.
  package func readers() throws -> ReaderReport? { try opened()?.readers.report() }

  /// How full the map is; `nil` while there is none.
  package func mapUsage() throws -> MapUsage? {
    try opened()?.environment.mapUsage()
  }

  /// Up to when the newest state is complete; `nil` while nothing may be answered from it.
  package var asOf: Instant? {
    guard let state = (try? state()) ?? nil, state.servable else { return nil }
    return state.asOf
  }
}
