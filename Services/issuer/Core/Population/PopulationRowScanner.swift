/// Finds one row of RFC 4180 and its fields in one pass.
///
/// A quotation mark opens a quoted field only at the field's start, so that a stray one inside a
/// field spoils its own row and not the rows behind it.
struct PopulationRowScanner {
  /// What a scan from one offset finds.
  enum Result: Equatable {
    /// A whole row: it ends before `end` (its line end not counted), the next begins at `next`.
    case row(end: Int, next: Int)
    /// The bytes end before the row does.
    case incomplete
    /// No end within the longest row.
    case tooLong
    /// A quote that does not close within the longest row or before the end of the file.
    case unterminatedQuote
  }

  /// The longest row, without its line end.
  static let rowByteCountMax = 4_096
  /// One more than a row has: enough to notice too many.
  static let fieldCountMax = 8

  /// Where the first fields lie, without their quotes.
  private(set) var fieldStarts = InlineArray<8, Int>(repeating: 0)
  private(set) var fieldEnds = InlineArray<8, Int>(repeating: 0)
  /// All fields, also those beyond the first eight.
  private(set) var fieldCount = 0
  /// The OR of all bytes: above 0x7F when any is not ASCII.
  private(set) var seen: UInt8 = 0
  /// Line ends inside quotes.
  private(set) var quotedLineCount = 0
  private(set) var hasBadQuote = false

  private static let quote: UInt8 = 0x22
  private static let comma: UInt8 = 0x2C
  private static let lineFeed: UInt8 = 0x0A
  private static let carriageReturn: UInt8 = 0x0D

  /// The bytes of the field `index`.
  func field(_ index: Int) -> Range<Int> { fieldStarts[index]..<fieldEnds[index] }

  /// Scans the row that begins at `start`. `isFinal` says that no bytes follow, so that the end of
  /// the bytes is the end of the row.
  mutating func scan(_ bytes: Span<UInt8>, from start: Int, isFinal: Bool) -> Result {
    fieldCount = 0
    seen = 0
    quotedLineCount = 0
    hasBadQuote = false
    // Two more for the line end.
    let limit = min(bytes.count, start + PopulationRowScanner.rowByteCountMax + 2)
    var index = start
    while true {
      if index < limit, bytes[index] == PopulationRowScanner.quote {
        guard scanQuoted(bytes, &index, limit) else {
          return isFinal || isFull(start, limit) ? .unterminatedQuote : .incomplete
        }
      } else {
        scanPlain(bytes, &index, limit)
      }
      if index < limit {
        let separator = bytes[index]
        index += 1
        if separator == PopulationRowScanner.comma { continue }
        return finish(bytes, start, end: index - 1, next: index)
      }
      guard isFinal, limit == bytes.count else {
        return isFull(start, limit) ? .tooLong : .incomplete
      }
      return finish(bytes, start, end: index, next: index)
    }
  }

  private func isFull(_ start: Int, _ limit: Int) -> Bool {
    limit - start == PopulationRowScanner.rowByteCountMax + 2
  }

  /// Cuts the CR of a CRLF off the row and off its last field.
  private mutating func finish(
    _ bytes: Span<UInt8>, _ start: Int, end: Int, next: Int
  ) -> Result {
    var end = end
    if end > start, bytes[end - 1] == PopulationRowScanner.carriageReturn {
      end -= 1
      let last = min(fieldCount, PopulationRowScanner.fieldCountMax) - 1
      if fieldEnds[last] > end { fieldEnds[last] = end }
    }
    return end - start > PopulationRowScanner.rowByteCountMax
      ? .tooLong : .row(end: end, next: next)
  }

  /// Moves `index` to the comma or line feed that ends a field without quotes, or to `limit`.
  private mutating func scanPlain(_ bytes: Span<UInt8>, _ index: inout Int, _ limit: Int) {
    let start = index
    var position = index
    var seen = seen
    while position < limit {
      let byte = bytes[position]
      if byte == PopulationRowScanner.comma || byte == PopulationRowScanner.lineFeed { break }
      if byte == PopulationRowScanner.quote { hasBadQuote = true }
      seen |= byte
      position += 1
    }
    self.seen = seen
    index = position
    append(start, position)
  }

  /// The same for a field in quotes; `false` when the quote does not close before `limit`.
  private mutating func scanQuoted(
    _ bytes: Span<UInt8>, _ index: inout Int, _ limit: Int
  ) -> Bool {
    let start = index + 1
    var position = start
    while true {
      guard position < limit else { return false }
      let byte = bytes[position]
      if byte == PopulationRowScanner.quote {
        guard position + 1 < limit, bytes[position + 1] == PopulationRowScanner.quote else { break }
        position += 1
      } else if byte == PopulationRowScanner.lineFeed {
        quotedLineCount += 1
      }
      seen |= byte
      position += 1
    }
    append(start, position)
    position += 1
    while position < limit, bytes[position] != PopulationRowScanner.comma,
      bytes[position] != PopulationRowScanner.lineFeed
    {
      let isLineEnd =
        bytes[position] == PopulationRowScanner.carriageReturn
        && (position + 1 == limit || bytes[position + 1] == PopulationRowScanner.lineFeed)
      if !isLineEnd { hasBadQuote = true }
      seen |= bytes[position]
      position += 1
    }
    index = position
    return true
  }

  private mutating func append(_ start: Int, _ end: Int) {
    if fieldCount < PopulationRowScanner.fieldCountMax {
      fieldStarts[fieldCount] = start
      fieldEnds[fieldCount] = end
    }
    fieldCount += 1
  }
}
