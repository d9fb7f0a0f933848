import Codes

/// Reads a population file, CSV as of RFC 4180, fed in chunks of any size.
///
/// Pure: the shell reads the file and decides what becomes of rows and rejects. A bad row is
/// reported and the next one is read; only a file that is no population file at all is an error,
/// after which the reader is of no more use. Memory is bounded by the longest row.
package struct PopulationReader {
  /// Called with each good row; the row's buffers are used again for the next one.
  package typealias OnRow = (borrowing PersonRow) -> Void
  /// Called with the first line of each bad row, why, and its bytes, without the line end and at
  /// most 4 KiB; they are valid only for the duration of the call and hold personal data.
  package typealias OnReject = (Int, RejectReason, Span<UInt8>) -> Void

  /// As many rows with valid UTF-8 beyond ASCII make sure that the file is UTF-8: in fewer, GBK
  /// can look like it by chance.
  private static let utf8RowCountSure = 16

  /// Good rows so far.
  package private(set) var rowCount = 0
  /// Bad rows so far.
  package private(set) var rejectCount = 0

  private var scanner = PopulationRowScanner()
  private var header: PopulationHeader?
  private var row = PersonRow()
  /// The beginning of a row that the last chunk cut.
  private var pending: [UInt8] = []
  /// The physical line of the next byte.
  private var line = 1
  private var isAtStart = true
  /// Inside a row that is too long: all up to the next line end is dropped.
  private var isSkipping = false
  private var utf8RowCount = 0

  package init() {}

  /// Reads the next bytes of the file.
  package mutating func receive(
    _ chunk: Span<UInt8>, onRow: OnRow, onReject: OnReject
  ) throws(PopulationError) {
    var offset = 0
    if isAtStart || !pending.isEmpty {
      offset = try completePending(chunk, onRow, onReject)
    }
    guard pending.isEmpty, offset < chunk.count else { return }
    let rest = chunk.extracting(offset..<chunk.count)
    let consumed = try consume(rest, isFinal: false, onRow, onReject)
    pending.append(copying: rest.extracting(consumed..<rest.count))
  }

  /// Reads what is left when the file ends: a last row may lack its line end.
  package mutating func finish(
    onRow: OnRow, onReject: OnReject
  ) throws(PopulationError) {
    isAtStart = false
    var last: [UInt8] = []
    swap(&last, &pending)
    var offset = try skipByteOrderMark(last.span)
    while offset < last.count {
      offset += try consume(
        last.span.extracting(offset..<last.count), isFinal: true, onRow, onReject)
    }
    guard header != nil else {
      throw PopulationError(
        code: .headerMissing, line: 1,
        text: "the file is empty; its first line must name: \(PopulationColumn.header)")
    }
  }

  /// Completes the row in `pending` with bytes of `chunk`, line by line, and returns how many it
  /// took. What it leaves in `pending` is the beginning of a row that goes on beyond `chunk`.
  private mutating func completePending(
    _ chunk: Span<UInt8>, _ onRow: OnRow, _ onReject: OnReject
  ) throws(PopulationError) -> Int {
    var offset = 0
    while offset < chunk.count, isAtStart || !pending.isEmpty {
      let room = max(1, PopulationRowScanner.rowByteCountMax + 2 - pending.count)
      var end = offset
      let stop = min(chunk.count, offset + room)
      while end < stop {
        end += 1
        if chunk[end - 1] == 0x0A { break }
      }
      pending.append(copying: chunk.extracting(offset..<end))
      offset = end
      if isAtStart {
        // A byte order mark is three bytes, UTF-16's two: enough to tell.
        guard pending.count >= 3 else { continue }
        isAtStart = false
        pending.removeFirst(try skipByteOrderMark(pending.span))
      }
      var bytes: [UInt8] = []
      swap(&bytes, &pending)
      let consumed = try consume(bytes.span, isFinal: false, onRow, onReject)
      bytes.removeFirst(consumed)
      swap(&bytes, &pending)
    }
    return offset
  }

  private func skipByteOrderMark(_ bytes: Span<UInt8>) throws(PopulationError) -> Int {
    guard header == nil, line == 1 else { return 0 }
    if TextEncoding.startsLikeUTF16(bytes) {
      throw PopulationError(
        code: .encodingNotUTF8, line: 1,
        text: "the file is UTF-16; save it as UTF-8 (\"CSV UTF-8\" in spreadsheet programs)")
    }
    let isMarked =
      bytes.count >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF
    return isMarked ? 3 : 0
  }

  /// Reads all whole rows of `bytes` and returns how many bytes that were. The rest is less than
  /// the longest row.
  private mutating func consume(
    _ bytes: Span<UInt8>, isFinal: Bool, _ onRow: OnRow, _ onReject: OnReject
  ) throws(PopulationError) -> Int {
    var start = 0
    while start < bytes.count {
      if isSkipping {
        start = skipLine(bytes, from: start)
        continue
      }
      switch scanner.scan(bytes, from: start, isFinal: isFinal) {
      case .incomplete:
        return start
      case .row(let end, let next):
        if end > start {
          let raw = bytes.extracting(start..<end)
          if scanner.seen >= 0x80, !TextEncoding.isUTF8(raw) {
            try refuseForeignEncoding(raw)
            reject(.notUTF8, raw, onReject)
          } else {
            if scanner.seen >= 0x80 { utf8RowCount += 1 }
            try take(bytes, raw, onRow, onReject)
          }
        }
        line += 1 + scanner.quotedLineCount
        start = next
      case .tooLong:
        start = try refuseLong(.rowTooLong, bytes, from: start, onReject)
      case .unterminatedQuote:
        start = try refuseLong(.unterminatedQuote, bytes, from: start, onReject)
      }
    }
    return start
  }

  private mutating func skipLine(_ bytes: Span<UInt8>, from start: Int) -> Int {
    var index = start
    while index < bytes.count {
      index += 1
      if bytes[index - 1] == 0x0A {
        isSkipping = false
        line += 1
        break
      }
    }
    return index
  }

  /// Rejects the first line of what should have been a row, and goes on after it.
  private mutating func refuseLong(
    _ reason: RejectReason, _ bytes: Span<UInt8>, from start: Int, _ onReject: OnReject
  ) throws(PopulationError) -> Int {
    guard header != nil else {
      throw PopulationError(
        code: .badHeader, line: line,
        text: "the first line is no CSV header; it must name: \(PopulationColumn.header)")
    }
    let limit = min(bytes.count, start + PopulationRowScanner.rowByteCountMax)
    var end = start
    while end < limit, bytes[end] != 0x0A { end += 1 }
    reject(reason, bytes.extracting(start..<end), onReject)
    isSkipping = true
    return end
  }

  private func refuseForeignEncoding(_ raw: Span<UInt8>) throws(PopulationError) {
    guard utf8RowCount < PopulationReader.utf8RowCountSure, TextEncoding.looksLikeGB18030(raw)
    else {
      guard header == nil else { return }
      throw PopulationError(
        code: .encodingNotUTF8, line: line,
        text: "the header is not UTF-8; save the file as UTF-8, or name its --encoding")
    }
    throw PopulationError(
      code: .encodingNotUTF8, line: line,
      text: "the text is not UTF-8 and looks like GB 18030 (GBK); "
        + "read it with --encoding gb18030, or save the file as UTF-8")
  }

  private mutating func reject(
    _ reason: RejectReason, _ raw: Span<UInt8>, _ onReject: OnReject
  ) {
    rejectCount += 1
    onReject(line, reason, raw)
  }

  /// Takes one row of valid UTF-8: the header first, then people.
  private mutating func take(
    _ bytes: Span<UInt8>, _ raw: Span<UInt8>, _ onRow: OnRow, _ onReject: OnReject
  ) throws(PopulationError) {
    guard let header else {
      // A field beyond the eighth is one too many anyway; the header names what is wrong earlier.
      let count = min(scanner.fieldCount, PopulationRowScanner.fieldCountMax)
      header = try PopulationHeader(
        bytes, fields: (0..<count).map { scanner.field($0) }, line: line)
      return
    }
    if let reason = parse(bytes, header) {
      reject(reason, raw, onReject)
    } else {
      rowCount += 1
      row.line = line
      onRow(row)
    }
  }

  /// Fills `row` from the scanned fields, or says why not.
  private mutating func parse(
    _ bytes: Span<UInt8>, _ header: PopulationHeader
  ) -> RejectReason? {
    if scanner.hasBadQuote { return .badQuote }
    guard scanner.fieldCount >= PopulationColumn.count else { return .missingField }
    guard scanner.fieldCount == PopulationColumn.count else { return .tooManyFields }
    let type = scanner.field(header[.documentType])
    let number = scanner.field(header[.documentNumber])
    let kind = scanner.field(header[.kind])
    guard !type.isEmpty, !number.isEmpty, !kind.isEmpty else { return .missingField }
    guard let documentType = DocumentType(name: bytes.extracting(type)) else {
      return .badDocumentType
    }
    row.document.removeAll(keepingCapacity: true)
    if let fault = Document.canonical(
      documentType, bytes.extracting(number), into: &row.document)
    {
      return RejectReason(fault)
    }
    guard let holderKind = HolderKind(name: bytes.extracting(kind)), holderKind != .unspecified
    else { return .badKind }
    guard PopulationReader.isPossible(holderKind, with: documentType) else { return .kindMismatch }
    row.documentType = documentType
    row.kind = holderKind
    row.name.removeAll(keepingCapacity: true)
    row.name.append(copying: bytes.extracting(scanner.field(header[.name])))
    row.phone.removeAll(keepingCapacity: true)
    row.phone.append(copying: bytes.extracting(scanner.field(header[.phone])))
    return parseGuardian(
      bytes, type: scanner.field(header[.guardianType]),
      number: scanner.field(header[.guardianNumber]))
  }

  private mutating func parseGuardian(
    _ bytes: Span<UInt8>, type: Range<Int>, number: Range<Int>
  ) -> RejectReason? {
    row.guardianType = nil
    row.guardian.removeAll(keepingCapacity: true)
    guard row.kind == .dependant else {
      return type.isEmpty && number.isEmpty ? nil : .unexpectedGuardian
    }
    guard !type.isEmpty, !number.isEmpty else { return .guardianMissing }
    guard let guardianType = DocumentType(name: bytes.extracting(type)) else {
      return .badGuardianType
    }
    guard
      Document.canonical(guardianType, bytes.extracting(number), into: &row.guardian) == nil
    else { return .badGuardianNumber }
    guard guardianType != row.documentType || row.guardian != row.document else {
      return .ownGuardian
    }
    row.guardianType = guardianType
    return nil
  }

  /// Organisations have the code of organisations and nobody else has; residents have the
  /// resident's number; a dependant may have any person's document.
  private static func isPossible(_ kind: HolderKind, with type: DocumentType) -> Bool {
    switch type {
    case .residentID: kind == .resident || kind == .dependant
    case .hkMacaoPermit, .taiwanPermit, .passport: kind == .visitor || kind == .dependant
    case .organisationCode: kind == .organisation
    }
  }
}
