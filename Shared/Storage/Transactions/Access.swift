internal import CLMDB

/// A transaction's handle with everything that only needs it: the one place where keys, values
/// and cursors of LMDB are handled. LMDB's memory is valid until the transaction ends or, in a
/// write transaction, until its next write; so it only leaves as a span lent to a closure.
@usableFromInline
@safe
struct Access {
  // Not sendable: "a transaction and its cursors must only be used by a single thread" (lmdb.h).
  private let transaction: OpaquePointer

  init(_ transaction: OpaquePointer) { unsafe self.transaction = transaction }

  /// What a lookup found: the bytes, or none.
  @usableFromInline
  @unsafe
  enum Found {
    case bytes(UnsafeBufferPointer<UInt8>)
    case nothing
  }

  // MARK: Reading

  @usableFromInline
  func find(_ table: Table, key: Span<UInt8>) throws(StorageError) -> Found {
    precondition(!table.integerKeys, "this table's keys are integers")
    return try unsafe key.withUnsafeBufferPointer { bytes throws(StorageError) in
      var key = unsafe MDB_val(bytes)
      return try unsafe find(table, &key)
    }
  }

  @usableFromInline
  func find(_ table: Table, key: UInt64) throws(StorageError) -> Found {
    precondition(table.integerKeys, "this table's keys are bytes")
    var number = key
    return try unsafe withUnsafeMutableBytes(of: &number) { bytes throws(StorageError) in
      var key = unsafe MDB_val(bytes)
      return try unsafe find(table, &key)
    }
  }

  private func find(
    _ table: Table, _ key: inout MDB_val
  ) throws(StorageError) -> Found {
    var value = unsafe MDB_val()
    let result = unsafe mdb_get(transaction, table.handle, &key, &value)
    if result == MDB_NOTFOUND { return unsafe .nothing }
    try StorageError.check(result, "reading table \(table.name)")
    return unsafe .bytes(value.bytes)
  }

  func count(_ table: Table) throws(StorageError) -> Int {
    var statistics = MDB_stat()
    try StorageError.check(
      unsafe mdb_stat(transaction, table.handle, &statistics), "counting table \(table.name)")
    return statistics.ms_entries
  }

  /// Visits entries in order, from the first whose key is not below the one in `start`.
  func visit(
    _ table: Table, from start: inout MDB_val, _ body: (MDB_val, MDB_val) -> Bool
  ) throws(StorageError) {
    let cursor = try unsafe cursor(table)
    defer { unsafe mdb_cursor_close(cursor) }
    var value = unsafe MDB_val()
    let first = unsafe start.mv_size == 0 ? MDB_FIRST : MDB_SET_RANGE
    var result = unsafe mdb_cursor_get(cursor, &start, &value, first)
    while result == 0 {
      guard unsafe body(start, value) else { return }
      result = unsafe mdb_cursor_get(cursor, &start, &value, MDB_NEXT)
    }
    if result != MDB_NOTFOUND { throw StorageError(result: result, "reading table \(table.name)") }
  }

  func visit(
    _ table: Table, from start: Span<UInt8>, _ body: (Span<UInt8>, Span<UInt8>) -> Bool
  ) throws(StorageError) {
    precondition(!table.integerKeys, "this table's keys are integers")
    try unsafe start.withUnsafeBufferPointer { bytes throws(StorageError) in
      var key = unsafe MDB_val(bytes)
      try unsafe visit(table, from: &key) { key, value in
        unsafe body(key.bytes.span, value.bytes.span)
      }
    }
  }

  func visit(
    _ table: Table, from start: UInt64, _ body: (UInt64, Span<UInt8>) -> Bool
  ) throws(StorageError) {
    precondition(table.integerKeys, "this table's keys are bytes")
    var number = start
    try unsafe withUnsafeMutableBytes(of: &number) { bytes throws(StorageError) in
      var key = unsafe MDB_val(bytes)
      try unsafe visit(table, from: &key) { key, value in
        unsafe body(key.number, value.bytes.span)
      }
    }
  }

  func lastNumber(_ table: Table) throws(StorageError) -> UInt64? {
    precondition(table.integerKeys, "this table's keys are bytes")
    var key = unsafe MDB_val()
    return unsafe try findLast(table, &key) ? key.number : nil
  }

  func lastBytes(_ table: Table) throws(StorageError) -> [UInt8]? {
    precondition(!table.integerKeys, "this table's keys are integers")
    var key = unsafe MDB_val()
    return unsafe try findLast(table, &key) ? Array(key.bytes) : nil
  }

  private func findLast(_ table: Table, _ key: inout MDB_val) throws(StorageError) -> Bool {
    let cursor = try unsafe cursor(table)
    defer { unsafe mdb_cursor_close(cursor) }
    var value = unsafe MDB_val()
    let result = unsafe mdb_cursor_get(cursor, &key, &value, MDB_LAST)
    if result == MDB_NOTFOUND { return false }
    try StorageError.check(result, "reading table \(table.name)")
    return true
  }

  private func cursor(_ table: Table) throws(StorageError) -> OpaquePointer {
    var cursor: OpaquePointer?
    let result = unsafe mdb_cursor_open(transaction, table.handle, &cursor)
    guard result == 0, let cursor = unsafe cursor else {
      throw StorageError(result: result, "reading table \(table.name)")
    }
    return unsafe cursor
  }

  // MARK: Writing

  func put(
    _ table: Table, key: Span<UInt8>, value: Span<UInt8>, flags: Int32 = 0
  ) throws(StorageError) {
    precondition(!table.integerKeys, "this table's keys are integers")
    try unsafe key.withUnsafeBufferPointer { bytes throws(StorageError) in
      var key = unsafe MDB_val(bytes)
      try unsafe put(table, &key, value, flags)
    }
  }

  func put(
    _ table: Table, key: UInt64, value: Span<UInt8>, flags: Int32 = 0
  ) throws(StorageError) {
    precondition(table.integerKeys, "this table's keys are bytes")
    var number = key
    try unsafe withUnsafeMutableBytes(of: &number) { bytes throws(StorageError) in
      var key = unsafe MDB_val(bytes)
      try unsafe put(table, &key, value, flags)
    }
  }

  private func put(
    _ table: Table, _ key: inout MDB_val, _ value: Span<UInt8>, _ flags: Int32
  ) throws(StorageError) {
    let result = unsafe value.withUnsafeBufferPointer { bytes in
      var value = unsafe MDB_val(bytes)
      return unsafe mdb_put(transaction, table.handle, &key, &value, UInt32(flags))
    }
    try StorageError.check(result, "writing table \(table.name)")
  }

  func delete(_ table: Table, key: Span<UInt8>) throws(StorageError) -> Bool {
    precondition(!table.integerKeys, "this table's keys are integers")
    return try unsafe key.withUnsafeBufferPointer { bytes throws(StorageError) in
      var key = unsafe MDB_val(bytes)
      return try unsafe delete(table, &key)
    }
  }

  func delete(_ table: Table, key: UInt64) throws(StorageError) -> Bool {
    precondition(table.integerKeys, "this table's keys are bytes")
    var number = key
    return try unsafe withUnsafeMutableBytes(of: &number) { bytes throws(StorageError) in
      var key = unsafe MDB_val(bytes)
      return try unsafe delete(table, &key)
    }
  }

  private func delete(_ table: Table, _ key: inout MDB_val) throws(StorageError) -> Bool {
    let result = unsafe mdb_del(transaction, table.handle, &key, nil)
    if result == MDB_NOTFOUND { return false }
    try StorageError.check(result, "deleting from table \(table.name)")
    return true
  }

  /// Deletes from the key in `start` on while `isWithin` says so, at most `limit` entries.
  func deleteRange(
    _ table: Table, from start: inout MDB_val, limit: Int, while isWithin: (MDB_val) -> Bool
  ) throws(StorageError) -> Int {
    let cursor = try unsafe cursor(table)
    defer { unsafe mdb_cursor_close(cursor) }
    var value = unsafe MDB_val()
    let first = unsafe start.mv_size == 0 ? MDB_FIRST : MDB_SET_RANGE
    var result = unsafe mdb_cursor_get(cursor, &start, &value, first)
    var count = 0
    while result == 0, count < limit, unsafe isWithin(start) {
      try StorageError.check(
        unsafe mdb_cursor_del(cursor, 0), "deleting from table \(table.name)")
      count += 1
      // After a deletion the cursor stands on the next entry, and NEXT returns that one.
      result = unsafe mdb_cursor_get(cursor, &start, &value, MDB_NEXT)
    }
    if result != 0, result != MDB_NOTFOUND {
      throw StorageError(result: result, "deleting from table \(table.name)")
    }
    return count
  }

  func empty(_ table: Table) throws(StorageError) {
    try StorageError.check(
      unsafe mdb_drop(transaction, table.handle, 0), "emptying table \(table.name)")
  }
}

extension MDB_val {
  /// LMDB does not write through keys and values it is given.
  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    unsafe self.init(
      mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
  }

  init(_ bytes: UnsafeMutableRawBufferPointer) {
    unsafe self.init(mv_size: bytes.count, mv_data: bytes.baseAddress)
  }

  var bytes: UnsafeBufferPointer<UInt8> {
    unsafe UnsafeBufferPointer(
      start: mv_data?.assumingMemoryBound(to: UInt8.self), count: mv_size)
  }

  /// The key of a table with integer keys.
  var number: UInt64 {
    guard unsafe mv_size == 8, let data = unsafe mv_data else { return 0 }
    return unsafe data.loadUnaligned(as: UInt64.self)
  }
}
