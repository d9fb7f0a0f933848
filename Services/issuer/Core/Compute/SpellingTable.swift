import Records

/// Few texts, each with a number: which one stands in a field is found by comparing words.
struct SpellingTable: Sendable {
  private struct Entry: Sendable {
    let words: [UInt64]
    let byteCount: Int
    let value: UInt8
  }

  private var entries: [Entry]

  init(_ spellings: [String: UInt8]) {
    // In the order of the values, which declare the usual ones first, and never that of a hash.
    let sorted = spellings.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
    entries = sorted.map { text, value in
      let bytes = Array(text.utf8)
      var words = [UInt64](repeating: 0, count: max(1, (bytes.count + 7) / 8))
      for (index, byte) in bytes.enumerated() {
        words[index / 8] |= UInt64(byte) << UInt64(8 * (index % 8))
      }
      return Entry(words: words, byteCount: bytes.count, value: value)
    }
  }

  /// The number of the text in `field`, behind which eight bytes more can be read.
  func value(_ bytes: Span<UInt8>, _ field: Range<Int>) -> UInt8? {
    let first = Self.word(bytes, field, 0)
    for index in entries.indices
    where entries[index].byteCount == field.count && entries[index].words[0] == first {
      var position = 1
      while position < entries[index].words.count,
        entries[index].words[position] == Self.word(bytes, field, position)
      {
        position += 1
      }
      if position == entries[index].words.count { return entries[index].value }
    }
    return nil
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
