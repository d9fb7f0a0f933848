package import Codes

/// The new holders of a population file, ordered by document key: what a bulk load decides before
/// it writes anything. Pure; 53 bytes a row and 24 a dependant.
///
/// The order of use: `add` every row, `settle` once, then walk `forEachDocument`,
/// `forEachGuardian` and `forEachKind`, which speak of accepted rows only, and `forEachContact`,
/// which speaks of all holders of the file. Serials are dense and follow
/// the order of the file.
package struct PopulationIndex {
  private struct Entry {
    let high: UInt64
    let low: UInt64
    let row: UInt32
  }

  private struct Dependant {
    let row: UInt32
    let guardian: Bytes16
  }

  /// Why a row that was readable is not taken.
  package enum Refusal: String, Sendable {
    case duplicate = "duplicate_document"
    case unknownGuardian = "unknown_guardian"
    case guardianIsDependant = "guardian_is_dependant"
  }

  /// Rows are spread over this many parts by the first bits of their key, so that each part sorts
  /// within the processor's cache.
  private static let partBits: UInt64 = 10

  private var parts: [[Entry]] = Array(repeating: [], count: 1 << Int(partBits))
  private var rowKinds: [UInt8] = []
  private var rowLines: [UInt32] = []
  private var dependants: [Dependant] = []
  private var contacts = ContactIndex()
  /// By row, 0 for one that was not known before; empty when none was.
  private var knownSerials: [UInt64] = []
  private var accepted: [UInt64] = []
  private var acceptedBefore: [UInt32] = []
  private var nextSerial: UInt64 = 0
  /// Rows accepted, once settled.
  package private(set) var acceptedCount = 0
  /// Rows whose document was registered before: nothing to do.
  package private(set) var knownCount = 0

  package init() {}

  package var rowCount: Int { rowKinds.count }

  /// Takes one row; `line` is where it stands in the file, `contact` the key of its phone number
  /// and name if it has both.
  package mutating func add(
    document key: Bytes16, kind: HolderKind, guardian: Bytes16?, contact: Bytes16?, line: Int
  ) {
    let row = UInt32(rowKinds.count)
    let (high, low) = key.words
    parts[Int(high >> (64 - Self.partBits))].append(Entry(high: high, low: low, row: row))
    rowKinds.append(kind.rawValue)
    rowLines.append(UInt32(clamping: line))
    if let guardian { dependants.append(Dependant(row: row, guardian: guardian)) }
    if let contact { contacts.add(contact, row: row) }
  }

  /// Decides which rows are new holders. `known` looks a document up among those registered
  /// before (its kind is asked for guardians); pass `nil` when there are none. `refuse` is told
  /// the line and reason of each row not taken.
  package mutating func settle(
    nextSerial: UInt64, known: ((Bytes16) throws -> (Serial, HolderKind)?)?,
    refuse: (Int, Refusal) throws -> Void
  ) throws {
    self.nextSerial = nextSerial
    accepted = Array(repeating: 0, count: rowKinds.count / 64 + 1)
    if known != nil { knownSerials = Array(repeating: 0, count: rowKinds.count) }
    for index in parts.indices {
      parts[index].sort { ($0.high, $0.low, $0.row) < ($1.high, $1.low, $1.row) }
      try settle(part: index, known, refuse)
    }
    for dependant in dependants where isAccepted(dependant.row) {
      // What was registered before counts, whatever the file says of that document now.
      var kind = try known?(dependant.guardian)?.1
      if kind == nil, let row = row(of: dependant.guardian) {
        kind = HolderKind(rawValue: rowKinds[Int(row)])
      }
      guard let kind, kind != .dependant else {
        accepted[Int(dependant.row / 64)] &= ~(1 << UInt64(dependant.row % 64))
        try refuse(
          Int(rowLines[Int(dependant.row)]), kind == nil ? .unknownGuardian : .guardianIsDependant)
        continue
      }
    }
    countAccepted()
    contacts.sort()
  }

  private mutating func settle(
    part index: Int, _ known: ((Bytes16) throws -> (Serial, HolderKind)?)?,
    _ refuse: (Int, Refusal) throws -> Void
  ) throws {
    var previous: Entry?
    for entry in parts[index] {
      if let previous, previous.high == entry.high, previous.low == entry.low {
        try refuse(Int(rowLines[Int(entry.row)]), .duplicate)
        continue
      }
      previous = entry
      if let (serial, _) = try known?(Bytes16(high: entry.high, low: entry.low)) {
        knownCount += 1
        knownSerials[Int(entry.row)] = serial.value
        continue
      }
      accepted[Int(entry.row / 64)] |= 1 << UInt64(entry.row % 64)
    }
  }

  private mutating func countAccepted() {
    acceptedBefore = []
    acceptedBefore.reserveCapacity(accepted.count)
    acceptedCount = 0
    for word in accepted {
      acceptedBefore.append(UInt32(acceptedCount))
      acceptedCount += word.nonzeroBitCount
    }
  }

  private func isAccepted(_ row: UInt32) -> Bool {
    accepted[Int(row / 64)] & (1 << UInt64(row % 64)) != 0
  }

  private func serial(ofRow row: UInt32) -> Serial {
    let word = accepted[Int(row / 64)] & ((1 << UInt64(row % 64)) - 1)
    let rank = UInt64(acceptedBefore[Int(row / 64)]) + UInt64(word.nonzeroBitCount)
    return Serial(unchecked: nextSerial + rank)
  }

  /// The first row of a document in this file, accepted or known before.
  private func row(of key: Bytes16) -> UInt32? {
    let (high, low) = key.words
    let part = parts[Int(high >> (64 - Self.partBits))]
    var lower = 0
    var upper = part.count
    while lower < upper {
      let middle = (lower + upper) / 2
      if (part[middle].high, part[middle].low) < (high, low) {
        lower = middle + 1
      } else {
        upper = middle
      }
    }
    guard lower < part.count, part[lower].high == high, part[lower].low == low else { return nil }
    return part[lower].row
  }

  /// Calls `body` with each new document in rising order of keys.
  package func forEachDocument<Failure: Error>(
    _ body: (Bytes16, Serial) throws(Failure) -> Void
  ) throws(Failure) {
    for part in parts {
      for entry in part where isAccepted(entry.row) {
        // Of rows with one document only the first is accepted.
        try body(Bytes16(high: entry.high, low: entry.low), serial(ofRow: entry.row))
      }
    }
  }

  /// Calls `body` with each new dependant in rising order of serials; the guardian is among the
  /// new holders, or its key is to be looked up.
  package func forEachGuardian<Failure: Error>(
    _ body: (_ dependant: Serial, _ guardian: Serial?, _ key: Bytes16) throws(Failure) -> Void
  ) throws(Failure) {
    for dependant in dependants where isAccepted(dependant.row) {
      let guardianRow = row(of: dependant.guardian).flatMap { isAccepted($0) ? $0 : nil }
      try body(
        serial(ofRow: dependant.row), guardianRow.map { serial(ofRow: $0) }, dependant.guardian)
    }
  }

  /// Calls `body` with each key of a phone number and name in rising order, and the one holder of
  /// the file who has both, registered before or not; `nil` when there are several.
  package func forEachContact<Failure: Error>(
    _ body: (Bytes16, Serial?) throws(Failure) -> Void
  ) throws(Failure) {
    try contacts.forEach(
      serial: { row in
        if isAccepted(row) { return serial(ofRow: row) }
        guard !knownSerials.isEmpty else { return nil }
        return Serial(knownSerials[Int(row)])
      }, body)
  }

  /// Calls `body` with the kind of each new holder in rising order of serials.
  package func forEachKind<Failure: Error>(
    _ body: (HolderKind) throws(Failure) -> Void
  ) throws(Failure) {
    for row in rowKinds.indices where isAccepted(UInt32(row)) {
      try body(HolderKind(rawValue: rowKinds[row]) ?? .unspecified)
    }
  }
}
