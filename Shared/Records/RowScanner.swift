internal import CRecords

/// Finds the fields of delimited rows, 64 bytes at a time; rows with quotes byte by byte.
///
/// Quotes are those of RFC 4180: around a whole field, doubled inside. A row ends at a line feed
/// outside of quotes; a carriage return before it is not part of the row.
@safe
package struct RowScanner {
  /// Fields of a row that are remembered; more are counted only.
  package static let fieldsMax = 64
  /// Bytes of a row; a quote that does not close within as many never does.
  package static let rowBytesMax = 4_096
  /// Readable bytes that must follow the rows given to `next`.
  package static let padding = 64

  /// What is wrong with the form of a row.
  package enum Fault: Sendable { case badQuote, unterminatedQuote, rowTooLong }

  private let delimiter: UInt8
  /// Where the next row begins.
  package private(set) var position = 0
  private var block = 0
  private var separators: UInt64 = 0
  private var quotes: UInt64 = 0

  /// Where the last row begins and ends, without its line end.
  package private(set) var rowStart = 0
  package private(set) var rowEnd = 0
  /// Lines that the last row spans.
  package private(set) var lineCount = 1
  package private(set) var fieldCount = 0
  package private(set) var fault: Fault?
  /// Whether any row had a quote: then a line feed need not end a row.
  package private(set) var hasSeenQuotes = false
  /// Whether the fields are in `unquoted` instead of the bytes given.
  package private(set) var isUnquoted = false
  /// The fields of a row with quotes, without them; `padding` readable bytes follow.
  package private(set) var unquoted: [UInt8] = []
  @usableFromInline var starts = InlineArray<64, UInt32>(repeating: 0)
  @usableFromInline var ends = InlineArray<64, UInt32>(repeating: 0)

  package init(delimiter: UInt8) { self.delimiter = delimiter }

  /// Begins with other bytes, at `position` of them.
  package mutating func begin(_ bytes: Span<UInt8>, at position: Int) {
    self.position = position
    load(bytes, position)
  }

  /// The place of field `index` of the last row.
  @inlinable
  package func field(_ index: Int) -> Range<Int> {
    // An end is never before its start.
    unsafe Range(uncheckedBounds: (Int(starts[index]), Int(ends[index])))
  }

  private mutating func load(_ bytes: Span<UInt8>, _ start: Int) {
    precondition(start >= 0 && start + Self.padding <= bytes.count, "rows need padding")
    let delimiter = delimiter
    let marks = unsafe bytes.withUnsafeBufferPointer { bytes in
      // In range as just checked.
      unsafe citycode_find_marks(bytes.baseAddress.unsafelyUnwrapped + start, delimiter)
    }
    block = start
    separators = marks.separators
    quotes = marks.quotes
  }

  /// Finds the next row of `bytes`, which end at `end` with a line feed. `false` at the end, and
  /// when the row that begins at `position` may go on behind the end, which it cannot if the bytes
  /// are the last.
  package mutating func next(_ bytes: Span<UInt8>, end: Int, areLast: Bool) -> Bool {
    let start = position
    guard start < end else { return false }
    rowStart = start
    lineCount = 1
    fault = nil
    isUnquoted = false
    var count = 0
    var fieldStart = start
    var sawQuote: UInt64 = 0
    while true {
      while separators == 0 {
        sawQuote |= quotes
        load(bytes, block + 64)
      }
      let bit = separators.trailingZeroBitCount
      let place = block + bit
      if count < Self.fieldsMax {
        starts[count] = UInt32(truncatingIfNeeded: fieldStart)
        ends[count] = UInt32(truncatingIfNeeded: place)
      }
      count += 1
      separators &= separators &- 1
      fieldStart = place + 1
      guard bytes[place] == 0x0A else { continue }
      if sawQuote | (quotes & ((1 << UInt64(bit)) &- 1)) != 0 {
        return nextQuoted(bytes, end, areLast)
      }
      quotes &= ~((2 << UInt64(bit)) &- 1)
      finish(bytes, place, count)
      return true
    }
  }

  /// Sets the row's end at the line feed at `place`.
  private mutating func finish(_ bytes: Span<UInt8>, _ place: Int, _ count: Int) {
    fieldCount = count
    position = place + 1
    rowEnd = place
    if place > rowStart, bytes[place - 1] == 0x0D {
      rowEnd = place - 1
      if count <= Self.fieldsMax {
        ends[count - 1] = max(starts[count - 1], UInt32(truncatingIfNeeded: place - 1))
      }
    }
    if rowEnd - rowStart > Self.rowBytesMax { fault = .rowTooLong }
  }

  // MARK: Quotes

  /// Reads the row at `rowStart` byte by byte.
  private mutating func nextQuoted(_ bytes: Span<UInt8>, _ end: Int, _ areLast: Bool) -> Bool {
    hasSeenQuotes = true
    isUnquoted = true
    unquoted.removeAll(keepingCapacity: true)
    var place = rowStart
    var count = 0
    var lines = 1
    var problem: Fault?
    let limit = min(end, rowStart + Self.rowBytesMax + 2)
    while true {
      let start = unquoted.count
      if place < limit, bytes[place] == 0x22 {
        guard readQuoted(bytes, &place, limit, &lines) else {
          wasQuoted = false
          if limit == end, !areLast { return false }
          giveUp(bytes, end)
          return true
        }
      }
      while place < end, bytes[place] != delimiter, bytes[place] != 0x0A {
        let isLineEnd = bytes[place] == 0x0D && place + 1 < end && bytes[place + 1] == 0x0A
        if bytes[place] == 0x22 || wasQuoted && !isLineEnd {
          problem = .badQuote
        }
        if !isLineEnd, problem == nil { unquoted.append(bytes[place]) }
        place += 1
      }
      if count < Self.fieldsMax {
        starts[count] = UInt32(truncatingIfNeeded: start)
        ends[count] = UInt32(truncatingIfNeeded: unquoted.count)
      }
      count += 1
      wasQuoted = false
      if place >= end || bytes[place] == 0x0A { break }
      place += 1
    }
    for _ in 0..<Self.padding { unquoted.append(0) }
    fieldCount = count
    lineCount = lines
    position = min(place + 1, end)
    rowEnd = place > rowStart && bytes[place - 1] == 0x0D ? place - 1 : place
    fault = problem ?? (rowEnd - rowStart > Self.rowBytesMax ? .rowTooLong : nil)
    if position < end { load(bytes, position) } else { separators = 0 }
    return true
  }

  /// Whether the field being read began with a quote that has closed.
  private var wasQuoted = false

  private mutating func readQuoted(
    _ bytes: Span<UInt8>, _ place: inout Int, _ limit: Int, _ lines: inout Int
  ) -> Bool {
    place += 1
    while place < limit {
      let byte = bytes[place]
      if byte == 0x22 {
        guard place + 1 < limit, bytes[place + 1] == 0x22 else {
          place += 1
          wasQuoted = true
          return true
        }
        place += 1
      } else if byte == 0x0A {
        lines += 1
      }
      unquoted.append(byte)
      place += 1
    }
    return false
  }

  /// A quote that never closes: the row ends with its first line.
  private mutating func giveUp(_ bytes: Span<UInt8>, _ end: Int) {
    var place = rowStart
    while place < end, bytes[place] != 0x0A { place += 1 }
    fieldCount = 0
    fault = .unterminatedQuote
    rowEnd = place
    position = min(place + 1, end)
    if position < end { load(bytes, position) } else { separators = 0 }
  }
}
