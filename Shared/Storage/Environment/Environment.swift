internal import CLMDB
internal import Glibc
internal import Synchronization

/// One LMDB environment: a directory with `data.mdb` and `lock.mdb`, mapped into the memory of
/// every process that has it open.
///
/// One writer at a time, readers never wait and are never waited for. Every commit is synced.
/// One process at most opens it for writing, any number read-only, all in one PID namespace; the
/// files `writer.lock` and `users.lock` see to that (`HostLocks`).
@safe
package final class Environment: Sendable {
  /// How an environment is opened.
  package enum Purpose: Sendable, Equatable {
    /// Makes what is missing. One process at a time.
    case readWrite
    /// Needs an environment that exists, and write permission for `lock.mdb`.
    case readOnly
  }

  /// The same for every environment: address space costs nothing, and a map that never has to
  /// grow spares everybody its growing pains.
  package static let mapSizeBytesDefault = 64 << 30
  /// Reader slots per environment. They are set by the first opener; a slot takes 64 bytes.
  package static let readersMax: UInt32 = 1_024
  private static let tablesMax: UInt32 = 64

  package let directory: String
  package let openedFor: Purpose
  /// What was wrong with the file that this one replaced; `nil`: none was replaced.
  package let damage: String?
  // lmdb.h: an environment may be used by many threads; what must not overlap (opening tables,
  // changing the map's size) is kept apart by `tables` and `gate`.
  nonisolated(unsafe) let handle: OpaquePointer
  private let identities: Set<FileIdentity>
  private let locks: HostLocks
  private let tables = Mutex<[String: Table]>([:])
  let gate = TransactionGate()
  /// The thread that is inside `write`; 0 for none.
  let writer = Atomic<UInt>(0)

  /// Opens the environment in an existing directory on a local disk. `mapSizeBytes` is the limit
  /// of its size. With `replacesDamaged` a writer looks through the whole structure of the file
  /// first, and begins a new one in place of a damaged one, which is kept as `data.mdb.damaged`;
  /// while others have it open that is `corrupted`.
  package init(
    directory: String, mapSizeBytes: Int = mapSizeBytesDefault, for purpose: Purpose = .readWrite,
    readersMax: UInt32 = readersMax, replacesDamaged: Bool = false
  ) throws(StorageError) {
    try FileSystemKind.check(directory)
    var created: OpaquePointer?
    try StorageError.check(unsafe mdb_env_create(&created), "opening \(directory)")
    guard let created = unsafe created else {
      throw StorageError(.other, "opening \(directory)", "no memory")
    }
    var replaced: String?
    do throws(StorageError) {
      try unsafe Self.configure(created, directory, mapSizeBytes, readersMax)
      (identities, locks) = try OpenEnvironments.open(directory) { () throws(StorageError) in
        let locks = try HostLocks(directory: directory, writes: purpose == .readWrite)
        try locks.join(directory) { isAlone throws(StorageError) in
          if replacesDamaged, purpose == .readWrite {
            replaced = try Self.replaceIfDamaged(directory, isAlone: isAlone)
          }
          try unsafe Self.open(created, directory, purpose)
        }
        return locks
      }
    } catch {
      // mdb_env_close is also due after a failed mdb_env_open.
      unsafe mdb_env_close(created)
      throw error
    }
    unsafe handle = created
    self.directory = directory
    damage = replaced
    openedFor = purpose
    // Slots of processes that were killed hold back the reuse of pages.
    try clearDeadReaders()
  }

  deinit {
    let handle = unsafe handle
    OpenEnvironments.close(identities) { unsafe mdb_env_close(handle) }
  }

  private static func configure(
    _ handle: OpaquePointer, _ directory: String, _ mapSizeBytes: Int, _ readersMax: UInt32
  ) throws(StorageError) {
    precondition(mapSizeBytes >= 1 << 20, "a map has at least a mebibyte")
    let operation = "opening \(directory)"
    try StorageError.check(unsafe mdb_env_set_mapsize(handle, mapSizeBytes), operation)
    try StorageError.check(unsafe mdb_env_set_maxdbs(handle, tablesMax), operation)
    try StorageError.check(unsafe mdb_env_set_maxreaders(handle, readersMax), operation)
  }

  /// Puts a damaged file aside; what was wrong with it.
  private static func replaceIfDamaged(
    _ directory: String, isAlone: Bool
  ) throws(StorageError) -> String? {
    let path = "\(directory)/data.mdb"
    // What is not LMDB's, or was cut, may be somebody else's: that is refused and left as it is.
    _ = try TornFile.check(path, directory)
    do throws(StorageError) {
      try StructureCheck.check(path)
      return nil
    } catch {
      guard error.code == .corrupted else { throw error }
      guard isAlone else {
        throw StorageError(
          .corrupted, error.operation,
          "\(error.detail); stop the services of this host that read it, and it is made anew")
      }
      guard unsafe rename(path, "\(path).damaged") == 0 else {
        throw StorageError(systemError: errno, "putting \(path) aside")
      }
      return error.detail
    }
  }

  private static func open(
    _ handle: OpaquePointer, _ directory: String, _ purpose: Purpose
  ) throws(StorageError) {
    let isNew = try TornFile.check("\(directory)/data.mdb", directory)
    // NOTLS: read transactions belong to their value, not to a thread. NORDAHEAD: pages are read
    // at random. Neither WRITEMAP (a full disk would be SIGBUS) nor any flag that skips a sync.
    var flags = MDB_NOTLS | MDB_NORDAHEAD
    if purpose == .readOnly { flags |= MDB_RDONLY }
    try StorageError.check(
      unsafe mdb_env_open(handle, directory, UInt32(flags), 0o640), "opening \(directory)")
    if purpose == .readWrite {
      // Readers may be another user's of the same group: they write their slots, and nothing else.
      _ = unsafe chmod("\(directory)/lock.mdb", 0o660)
    }
    if isNew, purpose == .readWrite { try syncDirectory(directory) }
  }

  /// A file that was just made is not found after a power cut unless its directory was synced.
  private static func syncDirectory(_ directory: String) throws(StorageError) {
    let descriptor = unsafe Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw StorageError(systemError: errno, "syncing \(directory)") }
    defer { Glibc.close(descriptor) }
    guard fsync(descriptor) == 0 else {
      throw StorageError(systemError: errno, "syncing \(directory)")
    }
  }

  // MARK: Tables

  /// Opens a table; a writer makes it if it is missing. The same value for the same name; open
  /// all tables at start.
  package func table(
    _ name: StaticString, integerKeys: Bool = false
  ) throws(StorageError) -> Table {
    try tables.withLock { known throws(StorageError) in
      if let table = known[name.description] { return table }
      let table = try open(name, integerKeys)
      known[name.description] = table
      return table
    }
  }

  private func open(_ name: StaticString, _ integerKeys: Bool) throws(StorageError) -> Table {
    var flags = integerKeys ? MDB_INTEGERKEY : 0
    if openedFor == .readWrite { flags |= MDB_CREATE }
    let transaction = try unsafe begin(writes: openedFor == .readWrite)
    var isOpen = true
    defer { if isOpen { unsafe end(transaction, writes: openedFor == .readWrite) } }
    var table: MDB_dbi = 0
    let result = unsafe mdb_dbi_open(transaction, name.description, UInt32(flags), &table)
    if result == MDB_NOTFOUND {
      throw StorageError(
        .missingTable, "opening table \(name) of \(directory)", "its writer has not made it yet")
    }
    try StorageError.check(result, "opening table \(name) of \(directory)")
    var stored: UInt32 = 0
    try StorageError.check(
      unsafe mdb_dbi_flags(transaction, table, &stored), "opening table \(name)")
    guard (stored & UInt32(MDB_INTEGERKEY) != 0) == integerKeys else {
      throw StorageError(
        .incompatibleTable, "opening table \(name) of \(directory)",
        "it has the other kind of keys; the directory belongs to something else")
    }
    // The handle outlives a transaction that commits, also one that only reads.
    isOpen = false
    try unsafe commit(transaction, writes: openedFor == .readWrite)
    return Table(name: name, integerKeys: integerKeys, handle: table)
  }
}
