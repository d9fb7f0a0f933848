import Records

/// Few texts, each with a number: a hash table made so that, where that can be, no two of its texts
/// have the same place; then which one stands in a field is known after one look.
struct SpellingTable: Sendable {
  /// Without a reference, so that looking at one counts nothing.
  private struct Entry: BitwiseCopyable, Sendable {
    /// The first eight bytes and the last.
    var head: UInt64 = 0
    var tail: UInt64 = 0
    /// −1: nothing is here.
    var byteCount = -1
    /// Where the bytes between both words begin in `middles`.
    var middle = 0
    var value: UInt8 = 0
  }

  /// Half of them are free at least.
  private var entries: [Entry] = []
  private var middles: [UInt8] = []
  private var multiplier: UInt64 = 1
  private let shift: UInt64

  /// How many multipliers are tried.
  private static let triesMax = 100

  init(_ spellings: [String: UInt8]) {
    var bits: UInt64 = 1
    while 1 << bits < 2 * spellings.count + 1 { bits += 1 }
    shift = 64 - bits
    var found: [Entry] = []
    for (text, value) in spellings {
      let bytes = Array(text.utf8)
      found.append(
        Entry(
          head: Self.word(bytes.prefix(8)), tail: Self.word(bytes.suffix(8)),
          byteCount: bytes.count, middle: middles.count, value: value))
      if bytes.count > 16 { middles += bytes[8..<bytes.count - 8] }
    }
    var tries = 1
    while !spread(found), tries < Self.triesMax {
      multiplier = multiplier &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678
      tries += 1
    }
  }

  /// Puts each entry into its place or, if that is taken, the next free one; whether none was.
  private mutating func spread(_ found: [Entry]) -> Bool {
    entries = Array(repeating: Entry(), count: 1 << Int(64 - shift))
    var isAlone = true
    for entry in found {
      var place = place(entry.head, entry.tail)
      while entries[place].byteCount >= 0 {
        isAlone = false
        place = (place + 1) % entries.count
      }
      entries[place] = entry
    }
    return isAlone
  }

  @inline(__always)
  private func place(_ head: UInt64, _ tail: UInt64) -> Int {
    let mixed = (head ^ (tail << 7 | tail >> 57)) &* (multiplier | 1)
    return Int(truncatingIfNeeded: mixed &>> shift)
  }

  private static func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The number of the text in `field`, behind which eight bytes more can be read.
  @inline(__always)
  func value(_ bytes: Span<UInt8>, _ field: Range<Int>) -> UInt8? {
    let count = field.count
    let used = UInt64.max >> (64 &- 8 &* UInt64(truncatingIfNeeded: min(count, 8)))
    let head = bytes.wordOfRow(at: field.lowerBound) & used
    let tail = bytes.wordOfRow(at: field.lowerBound &+ max(0, count &- 8)) & used
    let entries = entries.span
    var place = place(head, tail)
    while entries[place].byteCount >= 0 {
      let entry = entries[place]
      if entry.head == head, entry.tail == tail, entry.byteCount == count,
        count <= 16 || isMiddle(entry, bytes, field)
      {
        return entry.value
      }
      place = (place &+ 1) & (entries.count &- 1)
    }
    return nil
  }

  /// Whether the bytes between both words are the entry's.
  private func isMiddle(_ entry: Entry, _ bytes: Span<UInt8>, _ field: Range<Int>) -> Bool {
    for index in 0..<field.count - 16
    where middles[entry.middle + index] != bytes[field.lowerBound + 8 + index] {
      return false
    }
    return true
  }
}
