internal import CLMDB

/// The one transaction that may change an environment at a time. Sees its own changes.
///
/// It only exists inside `Environment.write`: leaving the closure commits, throwing aborts. Keep
/// it short: the next writer waits for it. At most about 50,000 puts fit well.
package struct WriteTransaction: ~Copyable {
  @usableFromInline let access: Access

  init(_ access: Access) { self.access = access }

  // MARK: Reading

  /// Reads the value stored under `key`; `nil` when there is none. The bytes are LMDB's own
  /// memory: valid only for the duration of the call.
  @inlinable
  package borrowing func get<R>(
    _ table: Table, key: Span<UInt8>, _ body: (Span<UInt8>) -> R
  ) throws(StorageError) -> R? {
    guard case .bytes(let bytes) = unsafe try access.find(table, key: key) else { return nil }
    return unsafe body(bytes.span)
  }

  /// Reads the value stored under an integer key; `nil` when there is none. The bytes are LMDB's
  /// own memory: valid only for the duration of the call.
  @inlinable
  package borrowing func get<R>(
    _ table: Table, key: UInt64, _ body: (Span<UInt8>) -> R
  ) throws(StorageError) -> R? {
    guard case .bytes(let bytes) = unsafe try access.find(table, key: key) else { return nil }
    return unsafe body(bytes.span)
  }

  /// Visits all entries in order of their keys until `body` returns `false`. The bytes are valid
  /// only for the duration of the call.
  package borrowing func forEach(
    _ table: Table, _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
  ) throws(StorageError) {
    try access.visit(table, from: [UInt8]().span, body)
  }

  /// Visits the entries whose keys are not below `start`, in order, until `body` returns `false`.
  /// The bytes are valid only for the duration of the call.
  package borrowing func forEach(
    _ table: Table, from start: Span<UInt8>,
    _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
  ) throws(StorageError) {
    try access.visit(table, from: start, body)
  }

  /// Visits the entries whose integer keys are not below `start`, in order, until `body` returns
  /// `false`. The bytes are valid only for the duration of the call.
  package borrowing func forEach(
    _ table: Table, from start: UInt64, _ body: (_ key: UInt64, _ value: Span<UInt8>) -> Bool
  ) throws(StorageError) {
    try access.visit(table, from: start, body)
  }

  /// The largest integer key; `nil` for an empty table.
  package borrowing func lastKey(_ table: Table) throws(StorageError) -> UInt64? {
    try access.lastNumber(table)
  }

  /// How many entries the table has; LMDB keeps the number.
  package borrowing func count(_ table: Table) throws(StorageError) -> Int {
    try access.count(table)
  }

  // MARK: Writing

  /// Stores `value` under `key` (1 to 511 bytes), in place of what was there.
  package mutating func put(
    _ table: Table, key: Span<UInt8>, value: Span<UInt8>
  ) throws(StorageError) {
    try access.put(table, key: key, value: value)
  }

  /// Stores `value` under an integer key, in place of what was there.
  package mutating func put(
    _ table: Table, key: UInt64, value: Span<UInt8>
  ) throws(StorageError) {
    try access.put(table, key: key, value: value)
  }

  /// Stores `value` under a key above all others, which is the fastest way to write; throws
  /// `outOfOrder` when it is not.
  package mutating func append(
    _ table: Table, key: Span<UInt8>, value: Span<UInt8>
  ) throws(StorageError) {
    try access.put(table, key: key, value: value, flags: MDB_APPEND)
  }

  /// Stores `value` under an integer key above all others, which is the fastest way to write;
  /// throws `outOfOrder` when it is not.
  package mutating func append(
    _ table: Table, key: UInt64, value: Span<UInt8>
  ) throws(StorageError) {
    try access.put(table, key: key, value: value, flags: MDB_APPEND)
  }

  /// Deletes the entry of `key`; returns whether there was one.
  @discardableResult
  package mutating func delete(_ table: Table, key: Span<UInt8>) throws(StorageError) -> Bool {
    try access.delete(table, key: key)
  }

  /// Deletes the entry of an integer key; returns whether there was one.
  @discardableResult
  package mutating func delete(_ table: Table, key: UInt64) throws(StorageError) -> Bool {
    try access.delete(table, key: key)
  }

  /// Deletes the first entries whose keys are below `end`, at most `limit` of them; returns how
  /// many.
  @discardableResult
  package mutating func deleteRange(
    _ table: Table, before end: Span<UInt8>, limit: Int
  ) throws(StorageError) -> Int {
    precondition(!table.integerKeys, "this table's keys are integers")
    var start = unsafe MDB_val()
    return try unsafe access.deleteRange(table, from: &start, limit: limit) { key in
      unsafe key.bytes.lexicographicallyPrecedes(end)
    }
  }

  /// Deletes entries whose integer keys lie in `range`, the first ones, at most `limit` of them;
  /// returns how many.
  @discardableResult
  package mutating func deleteRange(
    _ table: Table, _ range: Range<UInt64>, limit: Int
  ) throws(StorageError) -> Int {
    precondition(table.integerKeys, "this table's keys are bytes")
    let access = access
    var number = range.lowerBound
    return try unsafe withUnsafeMutableBytes(of: &number) { bytes throws(StorageError) in
      var start = unsafe MDB_val(bytes)
      return try unsafe access.deleteRange(table, from: &start, limit: limit) { key in
        unsafe key.number < range.upperBound
      }
    }
  }

  /// Deletes all entries; the table itself stays.
  package mutating func empty(_ table: Table) throws(StorageError) { try access.empty(table) }
}

extension UnsafeBufferPointer<UInt8> {
  fileprivate func lexicographicallyPrecedes(_ other: Span<UInt8>) -> Bool {
    unsafe other.withUnsafeBufferPointer { unsafe lexicographicallyPrecedes($0) }
  }
}
