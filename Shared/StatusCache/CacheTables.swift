package import Codes
package import Storage
import Synchronization

/// The opened environment of a status cache and its tables.
///
/// | table | key | value |
/// |---|---|---|
/// | pages | generation << 32 \| page number | a `StatusPage` |
/// | meta | "region", "state" | format and six digits; a `CacheState` |
///
/// A cache is never migrated: one of an older format is emptied by its writer and filled again from
/// the log or a snapshot; so is a damaged one when its writer opens it. A new format must not be
/// readable as the old one: its state has another name or length, so that a reader of the old
/// version that has it open refuses (`CacheReader`).
package final class CacheTables: Sendable {
  package let environment: Environment
  package let region: Region
  let readers: ReaderWatch
  let pages: Table
  let meta: Table
  private let damaged = Mutex<String?>(nil)

  static let stateKey = Array("state".utf8)
  private static let format = StoredFormat(
    content: "the status cache",
    cure: "stop the services of this host and empty the directory: it is filled again",
    current: 2)
  private static let regionKey = Array("region".utf8)

  /// Opens the cache in `directory`. A writer makes what is missing; a reader throws `notFound`.
  package init(
    directory: String, region: Region, access: Environment.Purpose, mapSizeBytes: Int
  ) throws {
    environment = try Environment(
      directory: directory, mapSizeBytes: mapSizeBytes, for: access, replacesDamaged: true)
    self.region = region
    readers = ReaderWatch(environment)
    meta = try environment.table("meta")
    pages = try environment.table("pages", integerKeys: true)
    let regionKey = Self.regionKey
    let stored = try environment.read { transaction throws(StorageError) in
      try transaction.get(meta, key: regionKey.span) { [UInt8](copying: $0) }
    }
    let isCurrent = try stored.map { try self.isCurrent($0) } ?? false
    guard access == .readWrite else {
      if isCurrent { return }
      // A reader waits until the writer has made it, or made it anew.
      throw StorageError(.notFound, "opening the status cache", "\(directory): still empty")
    }
    if isCurrent {
      guard let damage = try damageOfPages() else { return }
      damaged.withLock { $0 = damage }
    }
    let wanted = Array("\(Self.format.current) \(region)".utf8)
    try environment.write { transaction throws(StorageError) in
      try transaction.empty(pages)
      try transaction.empty(meta)
      try transaction.put(meta, key: regionKey.span, value: wanted.span)
    }
  }

  /// Why the cache was made anew at its opening, though there was one; `nil`: it was not.
  var damage: String? { damaged.withLock { $0 } ?? environment.damage }

  /// What is wrong with the state, or with the pages it speaks of; `nil` when nothing is. Reads all
  /// of them: 34 million people in a third of a second, if they are in memory.
  private func damageOfPages() throws(StorageError) -> String? {
    let key = Self.stateKey
    return try environment.read { transaction throws(StorageError) in
      let stored = try transaction.get(meta, key: key.span) { CacheState($0) }
      guard let stored else { return nil }
      guard let state = stored else { return "its state has a wrong checksum" }
      for (generation, count) in [
        (state.generation, state.pageCount), (state.previousGeneration, state.previousPageCount),
      ] where count > 0 {
        var expected = Self.key(generation, 0)
        let end = expected + UInt64(count)
        try transaction.forEach(pages, from: expected) { key, page in
          guard key == expected, key < end, StatusPage.isIntact(page) else { return false }
          expected += 1
          return true
        }
        guard expected == end else {
          return "page \(UInt32(truncatingIfNeeded: expected)) is missing or damaged"
        }
      }
      return nil
    }
  }

  static func foreignFormat(_ environment: Environment) -> CacheError {
    CacheError(
      code: .foreignFormat,
      detail: "\(environment.directory) holds a status cache of another format: empty it, it is"
        + " rebuilt")
  }

  /// Whether what is stored is of this format; `false` for an older one.
  private func isCurrent(_ stored: [UInt8]) throws -> Bool {
    let parts = String(decoding: stored, as: UTF8.self).split(separator: " ")
    guard parts.count == 2, let version = UInt32(parts[0]) else {
      throw Self.foreignFormat(environment)
    }
    try Self.format.refuse(newer: version, in: environment.directory)
    guard parts[1] == region.description else {
      throw CacheError(
        code: .foreignRegion,
        detail: "\(environment.directory) holds the status cache of region \(parts[1]), not"
          + " \(region): use another directory")
    }
    return version == Self.format.current
  }

  /// The committed state; `nil` before the first.
  func state() throws -> CacheState? {
    let key = Self.stateKey
    let stored = try environment.read { transaction throws(StorageError) in
      try transaction.get(meta, key: key.span) { CacheState($0) }
    }
    guard let stored else { return nil }
    guard let state = stored else { throw Self.foreignFormat(environment) }
    return state
  }

  static func key(_ generation: UInt32, _ page: UInt32) -> UInt64 {
    UInt64(generation) << 32 | UInt64(page)
  }
}
