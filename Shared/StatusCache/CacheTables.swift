package import Codes
package import Storage

/// The opened environment of a status cache and its tables.
///
/// | table | key | value |
/// |---|---|---|
/// | pages | generation << 32 \| page number | a `StatusPage` |
/// | meta | "region", "state" | format and six digits; a `CacheState` |
package final class CacheTables: Sendable {
  package let environment: Environment
  package let region: Region
  let pages: Table
  let meta: Table

  static let stateKey = Array("state".utf8)
  private static let format = "1"
  private static let regionKey = Array("region".utf8)

  /// Opens the cache in `directory`. A writer makes what is missing; a reader throws `notFound`.
  package init(
    directory: String, region: Region, access: Environment.Purpose, mapSizeBytes: Int
  ) throws {
    environment = try Environment(
      directory: directory, mapSizeBytes: mapSizeBytes, for: access)
    self.region = region
    meta = try environment.table("meta")
    pages = try environment.table("pages", integerKeys: true)
    let regionKey = Self.regionKey
    let stored = try environment.read { transaction throws(StorageError) in
      try transaction.get(meta, key: regionKey.span) { [UInt8](copying: $0) }
    }
    let wanted = Array("\(Self.format) \(region)".utf8)
    if let stored {
      try check(stored)
    } else if access == .readWrite {
      try environment.write { transaction throws(StorageError) in
        try transaction.put(meta, key: regionKey.span, value: wanted.span)
      }
    } else {
      throw StorageError(.notFound, "opening the status cache", "\(directory): still empty")
    }
  }

  static func foreignFormat(_ environment: Environment) -> CacheError {
    CacheError(
      code: .foreignFormat,
      detail: "\(environment.directory) holds a status cache of another format: empty it, it is"
        + " rebuilt")
  }

  private func check(_ stored: [UInt8]) throws(CacheError) {
    let parts = String(decoding: stored, as: UTF8.self).split(separator: " ")
    guard parts.count == 2, parts[0] == Self.format else {
      throw Self.foreignFormat(environment)
    }
    guard parts[1] == region.description else {
      throw CacheError(
        code: .foreignRegion,
        detail: "\(environment.directory) holds the status cache of region \(parts[1]), not"
          + " \(region): use another directory")
    }
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
