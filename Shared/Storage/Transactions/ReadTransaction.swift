/// One view of an environment: what was committed when it began, whatever is written meanwhile.
///
/// It only exists inside `Environment.read`: it cannot be kept, and nothing can be awaited in it,
/// because as long as it lives LMDB cannot reuse any page freed since.
package struct ReadTransaction: ~Copyable {
  @usableFromInline let access: Access

  init(_ access: Access) { self.access = access }

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

  /// The largest key; `nil` for an empty table.
  package borrowing func lastKeyBytes(_ table: Table) throws(StorageError) -> [UInt8]? {
    try access.lastBytes(table)
  }

  /// How many entries the table has; LMDB keeps the number.
  package borrowing func count(_ table: Table) throws(StorageError) -> Int {
    try access.count(table)
  }
}
