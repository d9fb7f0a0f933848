internal import CLMDB

/// Reads of one event loop: one read transaction that is renewed at the start of a turn and reset
/// at its end, so that it costs nothing and holds back nothing in between.
///
/// Not sendable: it belongs to one loop. `renew` first, then any number of reads, then `reset`.
@safe
package final class ReadSession {
  package let environment: Environment
  private let transaction: OpaquePointer
  @usableFromInline let access: Access
  /// Whether the session has a view now.
  package private(set) var isOpen = false
  /// Tells this view from the session's earlier ones.
  @usableFromInline private(set) var viewNumber: UInt64 = 0

  /// Takes a reader slot, which it keeps; throws `readersFull` when there is none.
  package init(_ environment: Environment) throws(StorageError) {
    self.environment = environment
    unsafe transaction = try unsafe environment.begin(writes: false)
    access = unsafe Access(transaction)
    unsafe environment.reset(transaction)
  }

  deinit {
    reset()
    // The gate counts views, and a reset transaction has none.
    unsafe mdb_txn_abort(transaction)
  }

  /// Takes the newest view; an older one is let go.
  package func renew() throws(StorageError) {
    reset()
    try unsafe environment.renew(transaction)
    isOpen = true
    viewNumber += 1
  }

  /// Lets the view go. Harmless when there is none.
  package func reset() {
    guard isOpen else { return }
    isOpen = false
    unsafe environment.reset(transaction)
  }

  @usableFromInline
  func requireView() { precondition(isOpen, "renew a read session before reading") }

  /// Reads the value stored under `key`; `nil` when there is none. The bytes are LMDB's own
  /// memory: valid only for the duration of the call.
  @inlinable
  package func get<R>(
    _ table: Table, key: Span<UInt8>, _ body: (Span<UInt8>) -> R
  ) throws(StorageError) -> R? {
    requireView()
    guard case .bytes(let bytes) = unsafe try access.find(table, key: key) else { return nil }
    return unsafe body(bytes.span)
  }

  /// Reads the value stored under an integer key; `nil` when there is none. The bytes are LMDB's
  /// own memory: valid only for the duration of the call. About half a microsecond.
  @inlinable
  package func get<R>(
    _ table: Table, key: UInt64, _ body: (Span<UInt8>) -> R
  ) throws(StorageError) -> R? {
    requireView()
    guard case .bytes(let bytes) = unsafe try access.find(table, key: key) else { return nil }
    return unsafe body(bytes.span)
  }

  /// Finds the value stored under an integer key without touching it: whoever reads several values
  /// locates them all first, so that the processor fetches them together.
  @inlinable
  package func locate(_ table: Table, key: UInt64) throws(StorageError) -> Located? {
    requireView()
    guard case .bytes(let bytes) = unsafe try access.find(table, key: key) else { return nil }
    return unsafe Located(bytes: bytes, view: viewNumber)
  }

  /// Reads what `locate` found in this view.
  @inlinable
  package func read<R>(_ located: Located, _ body: (Span<UInt8>) -> R) -> R {
    precondition(isOpen && located.view == viewNumber, "found in an earlier view")
    return unsafe body(located.bytes.span)
  }

  /// Visits the entries whose keys are not below `start`, in order, until `body` returns `false`.
  /// The bytes are valid only for the duration of the call.
  package func forEach(
    _ table: Table, from start: Span<UInt8>,
    _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
  ) throws(StorageError) {
    requireView()
    try access.visit(table, from: start, body)
  }

  /// Visits the entries whose integer keys are not below `start`, in order, until `body` returns
  /// `false`. The bytes are valid only for the duration of the call.
  package func forEach(
    _ table: Table, from start: UInt64, _ body: (_ key: UInt64, _ value: Span<UInt8>) -> Bool
  ) throws(StorageError) {
    requireView()
    try access.visit(table, from: start, body)
  }
}

/// Where a value lies, to be read in the view of the `ReadSession` that found it.
@safe
package struct Located {
  @usableFromInline let bytes: UnsafeBufferPointer<UInt8>
  @usableFromInline let view: UInt64

  @usableFromInline
  @unsafe
  init(bytes: UnsafeBufferPointer<UInt8>, view: UInt64) {
    unsafe self.bytes = bytes
    self.view = view
  }
}
