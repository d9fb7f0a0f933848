internal import CRecords

/// Finds the fields of delimited rows: first where the separators of some kilobytes are, then of
/// each row which are its own. Rows with quotes are read byte by byte.
///
/// Quotes are those of RFC 4180: around a whole field, doubled inside. A row ends at a line feed
/// outside of quotes; a carriage return before it is not part of the row. A class, because it would
/// be copied for every row; for one thread.
@safe
public final class RowScanner {
  /// Fields of a row with quotes that are remembered; more are counted only.
  package static let fieldsMax = 64
  /// Bytes of a row; a quote that does not close within as many never does.
  package static let rowBytesMax = 4_096
  /// Readable bytes that must follow the rows given to `next`.
  package static let padding = 64
  /// Bytes whose separators are found at once; more than a row has.
  private static let windowBytes = 16_384

  /// What is wrong with the form of a row.
  package enum Fault: Sendable { case badQuote, unterminatedQuote, rowTooLong }

  private let delimiter: UInt8
  /// Where the next row begins.
  package private(set) var position = 0

  /// Where separators stand. Those of the window follow what stood before it, and those of a row
  /// with quotes, without them, follow the room for the window's.
  @usableFromInline let marks = FixedBuffer<UInt32>(
    repeating: 0, count: windowBytes + 2 + fieldsMax + 1)
  private static let quotedMark = windowBytes + 2
  /// Which marks are line feeds, and where quotes stand.
  private let feeds = FixedBuffer<UInt32>(repeating: 0, count: windowBytes + 1)
  private let quotes = FixedBuffer<UInt32>(repeating: 0, count: windowBytes + 1)
  private var feedCount = 0
  private var quoteCount = 0
  // Of each list the next one.
  private var nextMark = 1
  private var nextFeed = 0
  private var nextQuote = 0

  /// The mark before the last row's first field, and where its last field ends.
  @usableFromInline var markBefore = 0
  @usableFromInline var fieldsEnd: UInt32 = 0
  /// Where the last row begins and ends, without its line end.
  package private(set) var rowStart = 0
  package private(set) var rowEnd = 0
  /// Lines that the last row spans.
  package private(set) var lineCount = 1
  @usableFromInline package private(set) var fieldCount = 0
  package private(set) var fault: Fault?
  /// Whether the fields are in what `withUnquoted` lends instead of the bytes given.
  package private(set) var isUnquoted = false
  /// The fields of a row with quotes, without them; what exceeds it is of a row that is too long.
  private let text = FixedBuffer<UInt8>(repeating: 0, count: textBytesMax + 2 * padding)
  private static let textBytesMax = rowBytesMax + 2

  package init(delimiter: UInt8) { self.delimiter = delimiter }

  /// Begins with other bytes, at `position` of them.
  package func begin(_ bytes: Span<UInt8>, at position: Int) {
    self.position = position
    forgetMarks()
  }

  private func forgetMarks() {
    (feedCount, quoteCount) = (0, 0)
    (nextMark, nextFeed, nextQuote) = (1, 0, 0)
  }

  /// The place of field `index` of the last row; one that it does not have is the caller's bug.
  @inlinable
  @inline(__always)
  package func field(_ index: Int) -> Range<Int> {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: fieldCount), "no such field")
    let start = marks[markBefore &+ index] &+ 1
    let end = min(marks[markBefore &+ index &+ 1], fieldsEnd)
    // A mark is never before the one before it, nor the end of the fields before the last's start.
    return unsafe Range(uncheckedBounds: (Int(start), Int(end)))
  }

  /// Finds the separators of the bytes from `position` on, as many as fit.
  private func look(_ bytes: Span<UInt8>, _ end: Int) {
    precondition(position >= 0 && end + Self.padding <= bytes.count, "rows need padding")
    forgetMarks()
    // A row begins behind a separator, also the first.
    marks[0] = UInt32(truncatingIfNeeded: position &- 1)
    let stop = min(end, position + Self.windowBytes)
    unsafe bytes.withUnsafeBufferPointer { bytes in
      var place = position
      while place < stop {
        // In range as just checked.
        var block = unsafe citycode_read_block(
          bytes.baseAddress.unsafelyUnwrapped + place, delimiter)
        if stop - place < 64 {
          let inside = UInt64(1) << UInt64(stop - place) - 1
          block.separators &= inside
          block.quotes &= inside
        }
        add(block, at: UInt32(truncatingIfNeeded: place))
        place += 64
      }
    }
    nextMark = 1
  }

  /// Appends a block's marks to the lists, which have room for every byte.
  @inline(__always)
  private func add(_ block: citycode_block, at place: UInt32) {
    var mark = nextMark
    var feed = feedCount
    var separators = block.separators
    while separators != 0 {
      let bit = separators.trailingZeroBitCount
      separators &= separators &- 1
      unsafe marks.start[mark] = place &+ UInt32(truncatingIfNeeded: bit)
      // Without a branch: which bytes are line feeds cannot be foreseen.
      unsafe feeds.start[feed] = UInt32(truncatingIfNeeded: mark)
      feed &+= Int(truncatingIfNeeded: block.feeds &>> UInt64(bit) & 1)
      mark &+= 1
    }
    nextMark = mark
    feedCount = feed
    var left = block.quotes
    while left != 0 {
      quotes[quoteCount] = place &+ UInt32(truncatingIfNeeded: left.trailingZeroBitCount)
      left &= left &- 1
      quoteCount += 1
    }
  }

  /// Finds the next row of `bytes`, which end at `end` with a line feed. `false` at the end, and
  /// when the row that begins at `position` may go on behind the end, which it cannot if the bytes
  /// are the last.
  package func next(_ bytes: Span<UInt8>, end: Int, areLast: Bool) -> Bool {
    rowStart = position
    guard position < end else { return false }
    if nextFeed == feedCount {
      look(bytes, end)
      if feedCount == 0 { return nextLong(bytes, end, areLast) }
    }
    let last = Int(feeds[nextFeed])
    let place = Int(marks[last])
    if nextQuote < quoteCount, quotes[nextQuote] < place {
      return nextQuoted(bytes, end, areLast)
    }
    lineCount = 1
    fault = nil
    isUnquoted = false
    markBefore = nextMark - 1
    fieldCount = last - markBefore
    nextFeed += 1
    nextMark = last + 1
    finish(bytes, place)
    // No carriage return is cut off where it separates.
    fieldsEnd = max(UInt32(truncatingIfNeeded: rowEnd), marks[last - 1] &+ 1)
    return true
  }

  /// Sets the row's end at the line feed at `place`.
  @inline(__always)
  private func finish(_ bytes: Span<UInt8>, _ place: Int) {
    position = place + 1
    let hasReturn = place > rowStart && bytes[place - 1] == 0x0D
    rowEnd = hasReturn ? place - 1 : place
    if rowEnd - rowStart > Self.rowBytesMax { fault = .rowTooLong }
  }

  /// A row that ends behind the window, so it is too long.
  private func nextLong(_ bytes: Span<UInt8>, _ end: Int, _ areLast: Bool) -> Bool {
    if quoteCount > 0 { return nextQuoted(bytes, end, areLast) }
    var place = position
    while place < end - 1, bytes[place] != 0x0A { place += 1 }
    lineCount = 1
    fault = nil
    isUnquoted = false
    fieldCount = 0
    finish(bytes, place)
    forgetMarks()
    return true
  }

  // MARK: Quotes

  /// Leaves out the marks before `position`.
  private func catchUp() {
    while nextFeed < feedCount, marks[Int(feeds[nextFeed])] < position {
      nextMark = Int(feeds[nextFeed]) + 1
      nextFeed += 1
    }
    while nextQuote < quoteCount, quotes[nextQuote] < position { nextQuote += 1 }
  }

  /// Reads the row at `rowStart` byte by byte.
  private func nextQuoted(_ bytes: Span<UInt8>, _ end: Int, _ areLast: Bool) -> Bool {
    isUnquoted = true
    var output = 0
    var place = rowStart
    var count = 0
    var lines = 1
    var problem: Fault?
    let limit = min(end, rowStart + Self.rowBytesMax + 2)
    marks[Self.quotedMark] = UInt32.max
    while true {
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
      count += 1
      if count <= Self.fieldsMax { marks[Self.quotedMark + count] = UInt32(output) }
      if place >= end || bytes[place] == 0x0A { break }
      // As in the row, so that fields are found in the same way.
      add(delimiter, &output)
      place += 1
    }
    markBefore = Self.quotedMark
    fieldCount = count
    lineCount = lines
    position = min(place + 1, end)
    rowEnd = place > rowStart && bytes[place - 1] == 0x0D ? place - 1 : place
    fieldsEnd = UInt32(truncatingIfNeeded: output)
    fault = problem ?? (rowEnd - rowStart > Self.rowBytesMax ? .rowTooLong : nil)
    catchUp()
    return true
  }

  /// Lends the fields of a row with quotes, without them, as long as `isUnquoted`; twice `padding`
  /// bytes of anything follow.
  package func withUnquoted<R>(_ body: (Span<UInt8>) throws -> R) rethrows -> R {
    try text.withSpan(first: Self.textBytesMax + 2 * Self.padding, body)
  }

  @inline(__always)
  private func add(_ byte: UInt8, _ output: inout Int) {
    guard output < Self.textBytesMax else { return }
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
  private func giveUp(_ bytes: Span<UInt8>, _ end: Int) {
    var place = rowStart
    while place < end, bytes[place] != 0x0A { place += 1 }
    fieldCount = 0
    fault = .unterminatedQuote
    lineCount = 1
    rowEnd = place
    position = min(place + 1, end)
    catchUp()
  }
}
