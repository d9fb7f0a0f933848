internal import CLMDB
internal import Glibc
internal import Synchronization

extension Environment {
  /// Runs `body` with one view of the environment. Keep it short: as long as it runs, pages freed
  /// by writers cannot be used again.
  package func read<R>(
    _ body: (borrowing ReadTransaction) throws(StorageError) -> R
  ) throws(StorageError) -> R {
    let transaction = try unsafe begin(writes: false)
    defer { unsafe end(transaction, writes: false) }
    return try body(ReadTransaction(unsafe Access(transaction)))
  }

  /// Runs `body` with the one transaction that may write: leaving it commits and syncs, throwing
  /// aborts. Waits for another writer; never begin one inside another.
  @discardableResult
  package func write<R>(
    _ body: (inout WriteTransaction) throws(StorageError) -> R
  ) throws(StorageError) -> R {
    precondition(openedFor == .readWrite, "this environment was opened for reading")
    let transaction = try unsafe begin(writes: true)
    let value: R
    do throws(StorageError) {
      var writing = WriteTransaction(unsafe Access(transaction))
      value = try body(&writing)
    } catch {
      unsafe end(transaction, writes: true)
      throw StorageError(error.code, "\(error.operation), \(directory)", error.detail)
    }
    try unsafe commit(transaction, writes: true)
    return value
  }

  // MARK: Beginnings and ends

  func begin(writes: Bool) throws(StorageError) -> OpaquePointer {
    // A second `write` inside the first would wait for itself for ever.
    precondition(
      !writes || writer.load(ordering: .relaxed) != UInt(pthread_self()),
      "a write transaction was begun inside another")
    var transaction: OpaquePointer?
    let result = entering {
      unsafe mdb_txn_begin(handle, nil, writes ? 0 : UInt32(MDB_RDONLY), &transaction)
    }
    guard result == 0, let transaction = unsafe transaction else {
      throw StorageError(result: result, "beginning a transaction in \(directory)")
    }
    if writes { writer.store(UInt(pthread_self()), ordering: .relaxed) }
    return unsafe transaction
  }

  /// Renews a transaction that was reset.
  func renew(_ transaction: OpaquePointer) throws(StorageError) {
    let result = entering { unsafe mdb_txn_renew(transaction) }
    if result != 0 { throw StorageError(result: result, "reading \(directory)") }
  }

  func reset(_ transaction: OpaquePointer) {
    unsafe mdb_txn_reset(transaction)
    gate.leave()
  }

  func end(_ transaction: OpaquePointer, writes: Bool) {
    if writes { writer.store(0, ordering: .relaxed) }
    unsafe mdb_txn_abort(transaction)
    gate.leave()
  }

  func commit(_ transaction: OpaquePointer, writes: Bool) throws(StorageError) {
    if writes { writer.store(0, ordering: .relaxed) }
    var result = unsafe mdb_txn_commit(transaction)
    gate.leave()
    // LMDB reports a write cut short by a full disk as EIO.
    if result == EIO, FileSystemKind.isFull(directory) { result = ENOSPC }
    try StorageError.check(result, "committing to \(directory)")
  }

  /// Enters the gate and begins a transaction; leaves the gate again if that fails. Cures what can
  /// be cured: a map that another process made larger, reader slots of processes that were killed.
  private func entering(_ begin: () -> Int32) -> Int32 {
    var attempts = 3
    while true {
      gate.enter()
      let result = begin()
      if result == 0 { return 0 }
      gate.leave()
      attempts -= 1
      guard attempts > 0, cure(result) else { return result }
    }
  }

  private func cure(_ result: Int32) -> Bool {
    do throws(StorageError) {
      switch result {
      case MDB_MAP_RESIZED:
        try gate.closeWhile { () throws(StorageError) in
          try StorageError.check(unsafe mdb_env_set_mapsize(handle, 0), "mapping \(directory)")
        }
        return true
      case MDB_READERS_FULL: return try clearDeadReaders() > 0
      default: return false
      }
    } catch {
      return false
    }
  }
}
