package import Codes
package import Records
package import Security

/// Makes of the rows of one file what they say: checks and normalises each field that the plan
/// names. Pure; nothing is allocated for a row. A class, because it would be copied for every row;
/// for one thread.
package final class RecordCleaner {
  /// What a row is, but for its holder.
  package enum Verdict: Sendable {
    /// Who it is about is to be found by `document`.
    case document
    /// The document is missing or wrong: by `phone` and `name`.
    case contact
    case rejected(RecordReject)
  }

  private let columns: RecordColumns
  private let documentTypes: SpellingTable
  private let kinds: SpellingTable
  private let results: SpellingTable
  private let times: TimeParser
  private let fixedKind: UInt8
  /// Types are numbers here: to compare two values of another module's enumeration is a call.
  private let residentID: UInt8
  private let source: UInt8
  private let asOfMinutes: UInt32
  private var number: [UInt8] = []
  private var canonical: [UInt8] = []

  /// Of the last row: minutes since 2020.
  package private(set) var minutes: UInt32 = 0
  /// Of the last row: `Event.low`.
  package private(set) var low: UInt64 = 0
  /// Of the last row: type and canonical number.
  package private(set) var document = CMACMessage(0, 0, 0, byteCount: 0)

  /// `number` is the place of `source` in the plan.
  package init(_ source: SourcePlan, number: Int, columns: RecordColumns, asOf: CityTime) {
    self.columns = columns
    self.source = UInt8(number)
    documentTypes = SpellingTable(source.documentTypes.mapValues(\.rawValue))
    kinds = SpellingTable(source.kindSpellings)
    var spellings = source.resultSpellings
    if spellings[""] == nil { spellings[""] = 0 }
    results = SpellingTable(spellings)
    times = TimeParser(source.timeFormats)
    fixedKind = source.kind ?? 0
    residentID = DocumentType.residentID.rawValue
    asOfMinutes = asOf.minutes
    self.number.reserveCapacity(64)
    canonical.reserveCapacity(64)
  }

  /// Where the phone number and the name of the last row stand; `nil` when the file has none.
  package func contactFields(
    _ scanner: RowScanner
  ) -> (phone: Range<Int>, name: Range<Int>)? {
    guard columns.phone >= 0, columns.name >= 0 else { return nil }
    return (scanner.field(columns.phone), scanner.field(columns.name))
  }

  /// Reads the row that `scanner` has just found; its fields are in `bytes`.
  package func read(
    _ bytes: Span<UInt8>, _ scanner: RowScanner
  ) -> Verdict {
    if let fault = scanner.fault { return .rejected(RecordReject(fault)) }
    guard scanner.fieldCount == columns.count else {
      return .rejected(scanner.fieldCount < columns.count ? .missingField : .tooManyFields)
    }
    var type = residentID
    if columns.documentType >= 0 {
      let field = FieldText.trimmed(bytes, scanner.field(columns.documentType))
      guard let found = documentTypes.value(bytes, field) else {
        return .rejected(.badDocumentType)
      }
      type = found
    }
    var kind = fixedKind
    if columns.kind >= 0 {
      let field = FieldText.trimmed(bytes, scanner.field(columns.kind))
      guard let found = kinds.value(bytes, field) else { return .rejected(.badKind) }
      kind = found
    }
    var result: UInt8 = 0
    if columns.result >= 0 {
      let field = FieldText.trimmed(bytes, scanner.field(columns.result))
      guard let found = results.value(bytes, field) else { return .rejected(.badResult) }
      result = found
    }
    let time = FieldText.trimmed(bytes, scanner.field(columns.time))
    guard let minutes = times.minutes(bytes, time) else { return .rejected(.badTime) }
    guard minutes <= asOfMinutes else { return .rejected(.futureTime) }
    var place: UInt64 = 0
    if columns.place >= 0 {
      let field = FieldText.trimmed(bytes, scanner.field(columns.place))
      guard let found = Self.place(bytes, field) else { return .rejected(.badPlace) }
      place = found
    }
    self.minutes = minutes
    low =
      UInt64(kind) << 56 | UInt64(result) << 48 | (place & 0xFF_FFFF_FFFF) << 8 | UInt64(source)
    let isValid = readDocument(bytes, scanner.field(columns.document), type)
    return isValid ? .document : .contact
  }

  /// A code of 2, 4, 6, 9 or 12 digits, padded; 0 for an empty field.
  @inline(__always)
  static func place(_ bytes: Span<UInt8>, _ field: Range<Int>) -> UInt64? {
    guard !field.isEmpty else { return 0 }
    guard field.count <= 12, bytes[field.lowerBound] != 0x30 else { return nil }
    // As twelve digits, zeros where there are none: the place that all of it lies in.
    let missing = UInt64(truncatingIfNeeded: 12 &- field.count) &* 8
    let zeros: UInt64 = 0x3030_3030_3030_3030
    let headMask = UInt64.max &>> (max(missing, 32) &- 32)
    let tailMask = 0xFFFF_FFFF >> missing as UInt64
    let head = bytes.wordOfRow(at: field.lowerBound) & headMask | zeros & ~headMask
    let tail = bytes.wordOfRow(at: field.lowerBound &+ 8) & tailMask | zeros & ~tailMask
    guard head.areDigits, tail.areDigits, PlaceCode.isLength(field.count) else { return nil }
    return head.eightDigits &* 10_000 &+ UInt64(truncatingIfNeeded: tail.fourDigits)
  }

  // MARK: Documents

  @inline(__always)
  private func readDocument(_ bytes: Span<UInt8>, _ field: Range<Int>, _ type: UInt8) -> Bool {
    if type == residentID, field.count == ResidentID.characterCount {
      let start = field.lowerBound
      let first = bytes.wordOfRow(at: start)
      let second = bytes.wordOfRow(at: start + 8)
      let third = bytes.wordOfRow(at: start + 16)
      let seventeenth = UInt8(truncatingIfNeeded: third)
      let character = UInt8(truncatingIfNeeded: third >> 8)
      // The only letter that there is, in either case.
      let last = character == 0x78 ? 0x58 : character
      if ResidentID.isCanonical(first, second, seventeenth, last) {
        document = CMACMessage(
          first << 8 | UInt64(type), second << 8 | first >> 56,
          UInt64(last) << 16 | UInt64(seventeenth) << 8 | second >> 56, byteCount: 19)
        return true
      }
    }
    return readUnusualDocument(bytes, field, type)
  }

  private func readUnusualDocument(
    _ bytes: Span<UInt8>, _ field: Range<Int>, _ type: UInt8
  ) -> Bool {
    guard let type = DocumentType(rawValue: type) else { return false }
    let isOld = type == .residentID && field.count == 15
    if !isOld, field.count <= 24, FieldText.isPlain(bytes, field) {
      return setDocument(type, bytes.extracting(field))
    }
    number.removeAll(keepingCapacity: true)
    FieldText.appendNumber(bytes, field, limit: 24, to: &number)
    if type == .residentID, number.count == 15 { lengthen() }
    // Taken out of `self` while it is used.
    let text = exchange(&number, with: [])
    defer { number = text }
    return setDocument(type, text.span)
  }

  /// Whether `number` is one of the type; then `document` is.
  private func setDocument(_ type: DocumentType, _ number: Span<UInt8>) -> Bool {
    var canonical = exchange(&self.canonical, with: [])
    defer { self.canonical = canonical }
    canonical.removeAll(keepingCapacity: true)
    canonical.append(type.rawValue)
    guard Document.canonical(type, number, into: &canonical) == nil else { return false }
    var words: (UInt64, UInt64, UInt64) = (0, 0, 0)
    for index in canonical.indices {
      let part = UInt64(canonical[index]) << UInt64(8 * (index % 8))
      switch index / 8 {
      case 0: words.0 |= part
      case 1: words.1 |= part
      default: words.2 |= part
      }
    }
    document = CMACMessage(words.0, words.1, words.2, byteCount: canonical.count)
    return true
  }

  /// Makes of the 15 digits that numbers had before 1999 the 18 they have now: the century, and
  /// the check character at the end.
  private func lengthen() {
    guard number.allSatisfy({ 0x30...0x39 ~= $0 }) else { return }
    number.insert(contentsOf: [0x31, 0x39], at: 6)
    let digits = number
    number.append(ResidentID.checkCharacter(of: digits.span))
  }
}
