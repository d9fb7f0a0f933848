internal import Glibc
internal import Synchronization

/// Counts the transactions of this process and keeps them out while the map is moved: LMDB may map
/// the file anew only when none of them is alive.
struct TransactionGate: ~Copyable {
  /// The count, and the highest bit while somebody moves the map.
  private let state = Atomic<UInt64>(0)
  private static let closed: UInt64 = 1 << 63
  private static let waitMilliseconds = 5_000

  func enter() {
    while state.add(1, ordering: .acquiring).oldValue & Self.closed != 0 {
      leave()
      usleep(100)
    }
  }

  func leave() { state.subtract(1, ordering: .releasing) }

  /// Runs `body` while no transaction of this process is alive.
  func closeWhile(_ body: () throws(StorageError) -> Void) throws(StorageError) {
    while state.bitwiseOr(Self.closed, ordering: .acquiring).oldValue & Self.closed != 0 {
      usleep(100)
    }
    defer { state.bitwiseAnd(~Self.closed, ordering: .releasing) }
    for _ in 0..<Self.waitMilliseconds {
      if state.load(ordering: .acquiring) == Self.closed { return try body() }
      usleep(1_000)
    }
    throw StorageError(
      .busy, "mapping a file that another process made larger",
      "a transaction of this process has not ended for five seconds")
  }
}
