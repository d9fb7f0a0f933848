import Codes
import IssuerCore
import Records
import Security
import Storage

/// Finds the holder of each row and keeps what the row says of them; one for each thread.
///
/// Documents are looked up a block of rows at a time: first the MACs of all, several of which the
/// processor makes at once, then all places in the index, which it fetches at once, too.
final class RecordMatcher {
  /// What all threads share.
  struct Registered: Sendable {
    let secret: RegionSecret
    let index: KeyIndex
    let registry: Registry
    /// Those whose records are kept: the serials of a shard.
    let serials: Range<UInt64>
    /// Serials from this one on were given after the computation began.
    let nextSerial: UInt64
  }

  private struct Pending: BitwiseCopyable {
    var event: UInt64 = 0
    var minutes: UInt32 = 0
    var line: UInt32 = 0
    var start: UInt32 = 0
    var end: UInt32 = 0
  }

  private static let blockRows = 64

  private let secret: RegionSecret
  private let documentTags: AES256CMAC
  private let index: KeyIndex
  private let registry: Registry
  private let serials: Range<UInt64>
  private let nextSerial: UInt64
  private let writer: RecordWriter?
  private let contacts: ReadSession
  /// The rows that wait; `messages` and `keys` have their documents at the same places.
  private let pending = FixedBuffer(repeating: Pending(), count: blockRows)
  private var pendingCount = 0
  private let messages = FixedBuffer(
    repeating: CMACMessage(0, 0, 0, byteCount: 0), count: blockRows)
  private let keys = FixedBuffer(repeating: CMACTag(), count: blockRows)
  private var rowCount = 0
  private(set) var rejects = RejectedRows()

  /// Rows of the unit being read.
  struct Counts {
    var rows = 0
    /// Of holders of this shard, and of others.
    var matched = 0
    var elsewhere = 0
  }
  private(set) var counts = Counts()
  /// What was found when there is no writer.
  private(set) var found: [Event] = []

  /// Without a writer the records are kept in `found`, which is for a holder or two.
  init(_ registered: Registered, _ writer: RecordWriter?) throws {
    secret = registered.secret
    documentTags = registered.secret.documentTags()
    index = registered.index
    registry = registered.registry
    serials = registered.serials
    nextSerial = registered.nextSerial
    self.writer = writer
    contacts = try ReadSession(registered.registry.environment)
  }

  /// Begins a unit.
  func begin() { counts = Counts() }

  /// The rejected rows so far; they are begun anew.
  func takeRejects() -> RejectedRows { exchange(&rejects, with: RejectedRows()) }

  /// Rows since the last call.
  func takeRowCount() -> Int { exchange(&rowCount, with: 0) }

  /// Takes the row that `scanner` has just found in `bytes`; `cleaner` is that of its file.
  func take(
    _ bytes: Span<UInt8>, _ scanner: RowScanner, _ cleaner: RecordCleaner, line: Int
  ) throws {
    rowCount += 1
    counts.rows += 1
    if scanner.isUnquoted {
      try scanner.withUnquoted { try take($0, bytes, scanner, line, cleaner) }
    } else {
      try take(bytes, bytes, scanner, line, cleaner)
    }
  }

  private func take(
    _ fields: Span<UInt8>, _ bytes: Span<UInt8>, _ scanner: RowScanner, _ line: Int,
    _ cleaner: RecordCleaner
  ) throws {
    switch cleaner.read(fields, scanner) {
    case .document:
      messages[pendingCount] = cleaner.document
      pending[pendingCount] = Pending(
        event: cleaner.low, minutes: cleaner.minutes,
        line: UInt32(truncatingIfNeeded: line),
        start: UInt32(truncatingIfNeeded: scanner.rowStart),
        end: UInt32(truncatingIfNeeded: scanner.rowEnd))
      pendingCount += 1
      if pendingCount == Self.blockRows { try settle(bytes) }
    case .contact:
      let row = bytes.extracting(scanner.rowStart..<scanner.rowEnd)
      let place = cleaner.contactFields(scanner)
      let key = place.flatMap { place in
        secret.contactKey(
          phone: fields.extracting(place.phone), name: fields.extracting(place.name))
      }
      try takeContact(key, row, line, cleaner)
    case .rejected(let reason):
      counts.rows -= 1
      try reject(reason, bytes.extracting(scanner.rowStart..<scanner.rowEnd), line: line)
    }
  }

  private func takeContact(
    _ key: Bytes16?, _ row: Span<UInt8>, _ line: Int, _ cleaner: RecordCleaner
  ) throws {
    var serial: UInt64?
    if let key { serial = try contact(key) }
    guard let serial, serial < nextSerial, serial > 0 else {
      counts.rows -= 1
      return try reject(serial == 0 ? .ambiguousContact : .noContact, row, line: line)
    }
    try keep(serial, cleaner.minutes, cleaner.low)
  }

  /// The serial of a phone number and name, 0 when they are several holders'.
  private func contact(_ key: Bytes16) throws -> UInt64? {
    if !contacts.isOpen { try contacts.renew() }
    return try contacts.get(registry.contacts, key: key.bytes.span) { value in
      value.count == 5 ? value.bigEndianNumber(at: 0, byteCount: 5) : nil
    } ?? nil
  }

  /// Looks up the rows that wait; they are in `bytes`.
  func settle(_ bytes: Span<UInt8>) throws {
    let count = pendingCount
    pendingCount = 0
    messages.withSpan(first: count) { messages in
      keys.withMutableSpan { documentTags.tags(of: messages, into: &$0) }
    }
    if let writer {
      try settle(count, bytes, index, into: writer)
    } else {
      for place in 0..<count {
        let number = index.find(high: keys[place].high, low: keys[place].low)
        try keep(number.map { UInt64($0) }, pending[place], bytes)
      }
    }
  }

  /// `index` and `writer` are arguments, so that their references are counted once for all rows: to
  /// count is to wait for everything written before.
  private func settle(
    _ count: Int, _ bytes: Span<UInt8>, _ index: KeyIndex, into writer: RecordWriter
  ) throws {
    let serials = serials
    var matched = 0
    defer { counts.matched += matched }
    for place in 0..<count { index.prepare(high: keys[place].high) }
    for place in 0..<count {
      let key = keys[place]
      let row = pending[place]
      let number = index.find(high: key.high, low: key.low)
      if let number, serials.contains(UInt64(number)) {
        matched += 1
        try writer.add(
          RecordPair(high: UInt64(number) << 24 | UInt64(row.minutes), low: row.event))
      } else {
        try keep(number.map { UInt64($0) }, row, bytes)
      }
    }
  }

  private func keep(_ serial: UInt64?, _ row: Pending, _ bytes: Span<UInt8>) throws {
    if let serial { return try keep(serial, row.minutes, row.event) }
    counts.rows -= 1
    try reject(
      .unregistered, bytes.extracting(Int(row.start)..<Int(row.end)), line: Int(row.line))
  }

  private func keep(_ serial: UInt64, _ minutes: UInt32, _ low: UInt64) throws {
    guard serials.contains(serial) else {
      counts.elsewhere += 1
      return
    }
    counts.matched += 1
    let high = serial << 24 | UInt64(minutes)
    if let writer {
      try writer.add(RecordPair(high: high, low: low))
    } else {
      found.append(Event(high: high, low: low))
    }
  }

  /// Keeps a row that is not used.
  func reject(_ reason: RecordReject, _ row: Span<UInt8>, line: Int) throws {
    counts.rows += 1
    rejects.add(line: line, reason, row)
  }

  /// Ends the thread's work.
  func finish() throws {
    contacts.reset()
    try writer?.finish()
  }
}

/// Rows that are not used, of one unit, with the lines counted there.
struct RejectedRows: Sendable {
  struct Row: Sendable {
    let line: Int
    let reason: RecordReject
    let range: Range<Int>
  }

  private(set) var rows: [Row] = []
  /// The rows as they stand in the rejects file: quoted, with a line feed.
  private(set) var bytes: [UInt8] = []

  mutating func add(line: Int, _ reason: RecordReject, _ row: Span<UInt8>) {
    // Of a row that is too long the beginning.
    let kept = row.extracting(first: min(row.count, RowScanner.rowBytesMax))
    let start = bytes.count
    bytes.append(addingCapacity: 2 * kept.count + 3) { output in
      output.append(0x22)
      for index in kept.indices {
        if kept[index] == 0x22 { output.append(0x22) }
        output.append(kept[index])
      }
      output.append(0x22)
      output.append(0x0A)
    }
    rows.append(Row(line: line, reason: reason, range: start..<bytes.count))
  }

  /// In the order of the file.
  mutating func sort() { rows.sort { $0.line < $1.line } }
}
