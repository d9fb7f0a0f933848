import Codes
import IssuerCore
import Records
import Storage
import Synchronization

/// Makes the index of all registered documents in memory.
enum DocumentIndex {
  /// Reads the registry with `threads` threads; documents of serials from `nextSerial` on are left
  /// out.
  static func build(
    _ registry: Registry, nextSerial: UInt64, threads: Int
  ) throws -> KeyIndex {
    let count = try count(registry)
    guard nextSerial <= UInt64(UInt32.max) else {
      throw ComputeError("a computation takes at most 4,294,967,294 holders")
    }
    let index = try KeyIndex(count: count)
    let fillers = Fillers()
    try Workers.run(threads) { thread in
      let lower = bound(thread, threads)
      let upper = thread + 1 == threads ? nil : bound(thread + 1, threads)
      var filler = KeyIndex.Filler(index, from: lower, to: upper)
      var start: [UInt8] = []
      Bytes16(high: lower, low: 0).append(to: &start)
      try registry.environment.read { transaction throws(StorageError) in
        try transaction.forEach(registry.documents, from: start.span) { key, value in
          guard key.count == 16, value.count == 5 else { return true }
          // One load each instead of a byte at a time: this is done for every document.
          let high = key.littleEndianWord(at: 0).byteSwapped
          if let upper, high >= upper { return false }
          let serial = value.bigEndianNumber(at: 0, byteCount: 5)
          guard serial < nextSerial else { return true }
          filler.add(
            high: high, low: key.littleEndianWord(at: 8).byteSwapped,
            number: UInt32(truncatingIfNeeded: serial))
          return true
        }
      }
      fillers.add(filler)
    }
    try fillers.finish()
    return index
  }

  /// How many documents there are.
  static func count(_ registry: Registry) throws -> Int {
    try registry.environment.read { transaction throws(StorageError) in
      try transaction.count(registry.documents)
    }
  }

  private static func bound(_ part: Int, _ count: Int) -> UInt64 {
    UInt64.max / UInt64(count) * UInt64(part)
  }
}

/// The fillers of all threads, to be finished one after the other.
private final class Fillers: Sendable {
  private let fillers = Mutex<[KeyIndex.Filler]>([])

  func add(_ filler: KeyIndex.Filler) { fillers.withLock { $0.append(filler) } }

  func finish() throws {
    try fillers.withLock { fillers in
      for index in fillers.indices { try fillers[index].finish() }
    }
  }
}
