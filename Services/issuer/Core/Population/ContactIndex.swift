import Codes

/// Which rows of a population file have which phone number and name: 24 bytes a row.
struct ContactIndex {
  private struct Entry {
    let high: UInt64
    let low: UInt64
    let row: UInt32
  }

  /// Rows are spread over this many parts by the first bits of their key, so that each part sorts
  /// within the processor's cache.
  private static let partBits: UInt64 = 10

  private var parts: [[Entry]] = Array(repeating: [], count: 1 << Int(partBits))

  mutating func add(_ key: Bytes16, row: UInt32) {
    let (high, low) = key.words
    parts[Int(high >> (64 - Self.partBits))].append(Entry(high: high, low: low, row: row))
  }

  mutating func sort() {
    for index in parts.indices {
      parts[index].sort { ($0.high, $0.low, $0.row) < ($1.high, $1.low, $1.row) }
    }
  }

  /// Calls `body` with each key in rising order and its only holder, `nil` when rows of several
  /// have it. `serial` says whose a row is; a row that is nobody's does not count.
  func forEach<Failure: Error>(
    serial: (UInt32) -> Serial?, _ body: (Bytes16, Serial?) throws(Failure) -> Void
  ) throws(Failure) {
    for part in parts {
      var index = 0
      while index < part.count {
        let first = part[index]
        var holder: Serial?
        var isShared = false
        while index < part.count, part[index].high == first.high, part[index].low == first.low {
          if let serial = serial(part[index].row) {
            if let holder, holder != serial { isShared = true }
            holder = serial
          }
          index += 1
        }
        guard let holder else { continue }
        try body(Bytes16(high: first.high, low: first.low), isShared ? nil : holder)
      }
    }
  }
}
