internal import CRecords

/// Finds the fields of delimited rows, 64 bytes at a time; rows with quotes byte by byte.
///
/// Quotes are those of RFC 4180: around a whole field, doubled inside. A row ends at a line feed
/// outside of quotes; a carriage return before it is not part of the row. Not copyable, because the
/// half a kilobyte that it is was copied for every row.
@safe
public struct RowScanner: ~Copyable {
  /// Fields of a row that are remembered; more are counted only.
  @inlinable
  package static var fieldsMax: Int { 64 }
  /// Bytes of a row; a quote that does not close within as many never does.
  @inlinable
  package static var rowBytesMax: Int { 4_096 }
  /// Readable bytes that must follow the rows given to `next`.
  @inlinable
  package static var padding: Int { 64 }

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
  /// By field: its start and, in the upper half, its end.
  @usableFromInline let places = FixedBuffer<UInt64>(repeating: 0, count: fieldsMax)
  /// Where `unquoted` is made; what exceeds it is of a row that is too long.
  private let text = FixedBuffer<UInt8>(repeating: 0, count: rowBytesMax + 2)

  package init(delimiter: UInt8) { self.delimiter = delimiter }

  /// Begins with other bytes, at `position` of them.
  package mutating func begin(_ bytes: Span<UInt8>, at position: Int) {
    self.position = position
    load(bytes, position)
  }

  /// The place of field `index` of the last row.
  @inlinable
  package func field(_ index: Int) -> Range<Int> {
    let place = places[index]
    // An end is never before its start.
    return unsafe Range(
      uncheckedBounds: (Int(place & 0xFFFF_FFFF), Int(truncatingIfNeeded: place >> 32)))
  }

  @inline(__always)
  private func setField(_ index: Int, _ start: Int, _ end: Int) {
    places[index] = UInt64(truncatingIfNeeded: end) << 32 | UInt64(truncatingIfNeeded: start)
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
      if count < Self.fieldsMax { setField(count, fieldStart, place) }
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
        let start = field(count - 1).lowerBound
        setField(count - 1, start, max(start, place - 1))
      }
    }
    if rowEnd - rowStart > Self.rowBytesMax { fault = .rowTooLong }
  }

  // MARK: Quotes

  /// Reads the row at `rowStart` byte by byte.
  private mutating func nextQuoted(_ bytes: Span<UInt8>, _ end: Int, _ areLast: Bool) -> Bool {
    hasSeenQuotes = true
    isUnquoted = true
    var output = 0
    var place = rowStart
    var count = 0
    var lines = 1
    var problem: Fault?
    let limit = min(end, rowStart + Self.rowBytesMax + 2)
    while true {
      let start = output
      var wasQuoted = false
      if place < limit, bytes[place] == 0x22 {
        guard readQuoted(bytes, &place, limit, &lines, &output) else {
          if limit == end, !areLast { return false }
          giveUp(bytes, end)
          return true
        }
        wasQuoted = true
      }
      while place < end, bytes[place] != delimiter, bytes[place] != 0x0A {
        let isLineEnd = bytes[place] == 0x0D && place + 1 < end && bytes[place + 1] == 0x0A
        if bytes[place] == 0x22 || wasQuoted && !isLineEnd {
          problem = .badQuote
        }
        if !isLineEnd, problem == nil { add(bytes[place], &output) }
        place += 1
      }
      if count < Self.fieldsMax { setField(count, start, output) }
      count += 1
      if place >= end || bytes[place] == 0x0A { break }
      place += 1
    }
    keepText(output)
    fieldCount = count
    lineCount = lines
    position = min(place + 1, end)
    rowEnd = place > rowStart && bytes[place - 1] == 0x0D ? place - 1 : place
    fault = problem ?? (rowEnd - rowStart > Self.rowBytesMax ? .rowTooLong : nil)
    if position < end { load(bytes, position) } else { separators = 0 }
    return true
  }

  /// Moves the first bytes of `text` to `unquoted`.
  private mutating func keepText(_ count: Int) {
    // Taken out of `self` while `text` is lent.
    var unquoted = exchange(&unquoted, with: [])
    unquoted.removeAll(keepingCapacity: true)
    text.withSpan(first: count) { text in
      unquoted.append(addingCapacity: count + Self.padding) { output in
        for index in text.indices { output.append(text[index]) }
        for _ in 0..<Self.padding { output.append(0) }
      }
    }
    self.unquoted = unquoted
  }

  @inline(__always)
  private func add(_ byte: UInt8, _ output: inout Int) {
    guard output < text.count else { return }
    text[output] = byte
    output += 1
  }

  private func readQuoted(
    _ bytes: Span<UInt8>, _ place: inout Int, _ limit: Int, _ lines: inout Int,
    _ output: inout Int
  ) -> Bool {
    place += 1
    while place < limit {
      let byte = bytes[place]
      if byte == 0x22 {
        guard place + 1 < limit, bytes[place + 1] == 0x22 else {
          place += 1
          return true
        }
        place += 1
      } else if byte == 0x0A {
        lines += 1
      }
      add(byte, &output)
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
