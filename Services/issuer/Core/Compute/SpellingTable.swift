import Records

/// Few texts, each with a number: which one stands in a field is found by comparing words.
struct SpellingTable: Sendable {
  /// Without a reference, so that looking at one counts nothing.
  private struct Entry: BitwiseCopyable, Sendable {
    /// The first eight bytes.
    let word: UInt64
    let byteCount: Int32
    /// Where its further words begin in `rests`.
    let rest: Int32
    let value: UInt8
  }

  private var entries: [Entry] = []
  private var rests: [UInt64] = []

  init(_ spellings: [String: UInt8]) {
    // In the order of the values, which declare the usual ones first, and never that of a hash.
    for (text, value) in spellings.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
      let bytes = Array(text.utf8)
      var words = [UInt64](repeating: 0, count: max(1, (bytes.count + 7) / 8))
      for (index, byte) in bytes.enumerated() {
        words[index / 8] |= UInt64(byte) << UInt64(8 * (index % 8))
      }
      entries.append(
        Entry(
          word: words[0], byteCount: Int32(bytes.count), rest: Int32(rests.count), value: value))
      rests += words.dropFirst()
    }
  }

  /// The number of the text in `field`, behind which eight bytes more can be read.
  @inline(__always)
  func value(_ bytes: Span<UInt8>, _ field: Range<Int>) -> UInt8? {
    let word = Self.word(bytes, field, 0)
    let entries = entries.span
    for index in entries.indices {
      let entry = entries[index]
      guard entry.word == word, Int(entry.byteCount) == field.count else { continue }
      if field.count <= 8 || isRest(entry, bytes, field) { return entry.value }
    }
    return nil
  }

  /// Whether all words behind the first are the entry's.
  private func isRest(_ entry: Entry, _ bytes: Span<UInt8>, _ field: Range<Int>) -> Bool {
    for index in 1..<(field.count + 7) / 8
    where rests[Int(entry.rest) + index - 1] != Self.word(bytes, field, index) {
      return false
    }
    return true
  }

  /// Eight bytes of the field; zero where it has ended.
  @inline(__always)
  private static func word(_ bytes: Span<UInt8>, _ field: Range<Int>, _ index: Int) -> UInt64 {
    let start = field.lowerBound + 8 * index
    let left = field.upperBound - start
    guard left > 0 else { return 0 }
    let word = bytes.wordOfRow(at: start)
    return left >= 8 ? word : word & ((1 << UInt64(8 * left)) - 1)
  }
}
