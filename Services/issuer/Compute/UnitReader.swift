import Codes
import IssuerCore
import Records

/// Reads the rows of one unit after the other, on one thread: finds fields, cleans, matches.
final class UnitReader {
  private let matcher: RecordMatcher
  private let plan: ComputePlan
  private var buffer: [UInt8] = []
  /// The place in the file of the buffer's first byte; of use only in files that can be cut.
  private var base = 0
  private var isSkipping = false
  /// Lines before the next row, counted in this unit.
  private var line = 0

  private static let chunkBytes = 1 << 18
  /// What is read behind a unit's end at a time: its last row.
  private static let tailBytes = 8_192

  init(_ matcher: RecordMatcher, _ plan: ComputePlan) {
    self.matcher = matcher
    self.plan = plan
    buffer.reserveCapacity(Self.chunkBytes + 4 * RowScanner.padding)
  }

  /// What a unit was, once read.
  struct Extent {
    /// Where its first row begins and where the one behind its last does.
    var start = 0
    var end = 0
    var lines = 0
    var bytes = 0
  }

  static func dropByteOrderMark(_ bytes: inout [UInt8]) {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
  }

  /// Reads a unit; `onChunk` is told about bytes of the file read and rows so far.
  func read(
    _ unit: SourceUnit, of file: RecordFile, onChunk: (_ bytes: Int, _ rows: Int) throws -> Void
  ) throws -> Extent {
    let source = plan.sources[file.source]
    let isInside = unit.range.lowerBound > 0
    base = isInside ? unit.range.lowerBound - 1 : 0
    isSkipping = isInside
    line = 0
    buffer.removeAll(keepingCapacity: true)
    var bytes = try RowBytes(file.file, source.encoding, from: base)
    let scanner = RowScanner(delimiter: source.delimiter)
    let cleaner = RecordCleaner(
      source, number: file.source, columns: file.columns, asOf: plan.asOf)
    matcher.begin()
    var extent = Extent()
    var hasStarted = !isInside
    var hasHeader = !isInside
    var isLast = false
    var told = base
    while !isLast {
      isLast = try fill(&bytes, unit)
      if !hasStarted, !isSkipping {
        extent.start = base
        hasStarted = true
      }
      if hasHeader, !buffer.isEmpty, base == 0 { dropMark() }
      let goesOn = try readRows(scanner, cleaner, unit, areLast: isLast, hasHeader: &hasHeader)
      let now = min(bytes.consumed, unit.range.upperBound)
      try onChunk(max(0, now - told), matcher.takeRowCount())
      told = max(told, now)
      if !goesOn { break }
    }
    extent.end = base
    if !hasStarted { extent.start = base }
    extent.lines = line
    return extent
  }

  private func dropMark() {
    let count = buffer.count
    Self.dropByteOrderMark(&buffer)
    base += count - buffer.count
  }

  /// Reads more of the file; `true` at its end, where the buffer ends with a line feed.
  private func fill(_ bytes: inout RowBytes, _ unit: SourceUnit) throws -> Bool {
    while true {
      let here = base + buffer.count
      let wanted =
        unit.range.upperBound == Int.max
        ? Self.chunkBytes : max(unit.range.upperBound - here, 0) + Self.tailBytes
      let room = max(Self.chunkBytes - buffer.count, Self.tailBytes)
      let isMore = try bytes.append(to: &buffer, byteCountMax: min(wanted, room))
      if isSkipping { skip() }
      if !isMore {
        if let last = buffer.last, last != 0x0A { buffer.append(0x0A) }
        return true
      }
      if !buffer.isEmpty { return false }
    }
  }

  /// Drops what is left of a row that is not read here.
  private func skip() {
    if let place = buffer.firstIndex(of: 0x0A) {
      buffer.removeFirst(place + 1)
      base += place + 1
      isSkipping = false
    } else {
      base += buffer.count
      buffer.removeAll(keepingCapacity: true)
    }
  }

  /// Reads the whole rows in the buffer; `false` once a row begins behind the unit.
  private func readRows(
    _ scanner: RowScanner, _ cleaner: RecordCleaner, _ unit: SourceUnit, areLast: Bool,
    hasHeader: inout Bool
  ) throws -> Bool {
    guard let last = buffer.lastIndex(of: 0x0A) else {
      try cutGiantRow()
      return true
    }
    let end = last + 1
    // Taken out of `self` while its bytes are lent.
    var bytes = exchange(&buffer, with: [])
    // Nothing but a quote that stays open keeps a full buffer from being read.
    let isFull = bytes.count >= Self.chunkBytes
    bytes.append(contentsOf: repeatElement(0, count: 2 * RowScanner.padding))
    let goesOn = try scan(
      bytes.span, scanner, cleaner, unit, end: end, areLast: areLast, hasHeader: &hasHeader)
    if goesOn, scanner.position == 0, isFull {
      _ = try scan(
        bytes.span, scanner, cleaner, unit, end: end, areLast: true, hasHeader: &hasHeader)
    }
    bytes.removeLast(2 * RowScanner.padding)
    bytes.removeFirst(scanner.position)
    base += scanner.position
    buffer = bytes
    return goesOn
  }

  private func scan(
    _ bytes: Span<UInt8>, _ scanner: RowScanner, _ cleaner: RecordCleaner,
    _ unit: SourceUnit, end: Int, areLast: Bool, hasHeader: inout Bool
  ) throws -> Bool {
    let limit = unit.range.upperBound - base
    scanner.begin(bytes, at: 0)
    var goesOn = true
    while scanner.position < limit || hasHeader {
      guard scanner.next(bytes, end: end, areLast: areLast) else { break }
      if hasHeader {
        hasHeader = false
      } else if scanner.rowEnd > scanner.rowStart {
        try matcher.take(bytes, scanner, cleaner, line: line)
      }
      line += scanner.lineCount
    }
    if scanner.position >= limit { goesOn = false }
    try matcher.settle(bytes)
    return goesOn
  }

  /// A row that is longer than the buffer: what is there of it is rejected, the rest skipped.
  private func cutGiantRow() throws {
    guard buffer.count >= Self.chunkBytes else { return }
    let bytes = exchange(&buffer, with: [])
    try matcher.reject(
      .rowTooLong, bytes.span.extracting(0..<RowScanner.rowBytesMax), line: line)
    line += 1
    base += bytes.count
    isSkipping = true
  }
}
