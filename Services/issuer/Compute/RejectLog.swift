import Codes
import IssuerCore
import Records
import Server
import Synchronization

/// The rejects file, `source,file,line,reason,row`, and what was counted of each source. Threads
/// read units in any order; here they are put into that of the units, where lines are counted.
final class RejectLog: Sendable {
  /// What a shard knows of the rows of one source.
  struct Tally: Sendable, Equatable {
    var rows = 0
    var matched = 0
    var elsewhere = 0
    /// Of this shard, and of others.
    var rejected = 0
    var rejectedElsewhere = 0
  }

  /// A unit that was read to its end.
  struct Done {
    let extent: UnitReader.Extent
    let counts: RecordMatcher.Counts
    let rejects: RejectedRows
  }

  private struct State {
    var next = 0
    var waiting: [Int: Done] = [:]
    /// Where the file of the unit before ended, and its lines so far.
    var file = -1
    var end = 0
    var lines = 0
    var tallies: [Tally]
    var output: RejectsOutput
  }

  /// A quoted line feed stood where a file was cut: it must be read in one piece.
  struct CutInRow: Error {
    let path: String
  }

  private let units: SourceUnits
  private let sourceNames: [String]
  private let shard: GenerationShard
  private let state: Mutex<State>
  let path: String

  /// Without a path nothing is written.
  init(_ units: SourceUnits, _ plan: ComputePlan, _ shard: GenerationShard, path: String?) throws {
    self.units = units
    self.shard = shard
    self.path = path ?? ""
    sourceNames = plan.sources.map(\.name)
    state = Mutex(
      State(
        tallies: Array(repeating: Tally(), count: plan.sources.count),
        output: try RejectsOutput(path: path)))
  }

  /// What was counted of each source.
  var tallies: [Tally] { state.withLock { $0.tallies } }

  /// Whether all units before number `unit` are here.
  func isNext(_ unit: Int) -> Bool { state.withLock { $0.next == unit } }

  /// Takes a unit's last rows and its numbers.
  func add(_ unit: Int, _ done: Done) throws {
    try state.withLock { state in
      state.waiting[unit] = done
      while let done = state.waiting.removeValue(forKey: state.next) {
        try take(done, &state)
        state.next += 1
      }
    }
  }

  /// Takes rows of a unit that is not at its end, but the next.
  func addEarly(_ unit: Int, _ rejects: RejectedRows) throws {
    try state.withLock { state in
      begin(units.units[unit].file, &state)
      try write(rejects, units.units[unit].file, &state)
    }
  }

  private func begin(_ file: Int, _ state: inout State) {
    guard state.file != file else { return }
    state.file = file
    state.end = 0
    state.lines = 0
  }

  private func take(_ done: Done, _ state: inout State) throws {
    let unit = units.units[state.next]
    let file = units.files[unit.file]
    begin(unit.file, &state)
    if file.canBeSplit {
      let size = file.file.byteCount
      guard min(done.extent.start, size) == min(state.end, size) || unit.range.lowerBound == 0
      else { throw CutInRow(path: file.file.path) }
    }
    try write(done.rejects, unit.file, &state)
    state.end = done.extent.end
    state.lines += done.extent.lines
    state.tallies[file.source].rows += done.counts.rows
    state.tallies[file.source].matched += done.counts.matched
    state.tallies[file.source].elsewhere += done.counts.elsewhere
  }

  private func write(_ rejects: RejectedRows, _ number: Int, _ state: inout State) throws {
    var rejects = rejects
    rejects.sort()
    let source = units.files[number].source
    let prefix = Self.field(sourceNames[source]) + Self.field(units.files[number].file.path)
    let bytes = rejects.bytes.span
    for row in rejects.rows {
      let line = state.lines + row.line + 1
      guard line % shard.count == shard.index - 1 else {
        state.tallies[source].rejectedElsewhere += 1
        continue
      }
      state.tallies[source].rejected += 1
      try state.output.add(prefix, line, row.reason, bytes.extracting(row.range))
    }
  }

  /// A text as a field with its comma.
  private static func field(_ text: String) -> [UInt8] {
    guard text.utf8.contains(where: { [0x22, 0x2C, 0x0A].contains($0) }) else {
      return Array(text.utf8) + [0x2C]
    }
    var field: [UInt8] = [0x22]
    for byte in text.utf8 {
      if byte == 0x22 { field.append(byte) }
      field.append(byte)
    }
    return field + [0x22, 0x2C]
  }

  /// Writes what is left to the file.
  func finish() throws { try state.withLock { try $0.output.finish() } }
}

/// The file itself, or none.
private struct RejectsOutput {
  private let file: OutputFile?
  private let reasons: [RecordReject: [UInt8]]
  private var text: [UInt8] = []

  private static let flushBytes = 1 << 16

  init(path: String?) throws {
    file = try path.map { try OutputFile(path: $0) }
    text = Array("source,file,line,reason,row\n".utf8)
    reasons = Dictionary(
      uniqueKeysWithValues: RecordReject.allCases.map { ($0, Array(",\($0.name),".utf8)) })
  }

  /// `row` is quoted and ends its line.
  mutating func add(
    _ prefix: [UInt8], _ line: Int, _ reason: RecordReject, _ row: Span<UInt8>
  ) throws {
    guard file != nil else { return }
    text += prefix
    text.append(contentsOf: "\(line)".utf8)
    text += reasons[reason] ?? []
    text.append(copying: row)
    if text.count >= Self.flushBytes { try flush() }
  }

  private mutating func flush() throws {
    try file?.append(text)
    text.removeAll(keepingCapacity: true)
  }

  mutating func finish() throws {
    try flush()
    try file?.flush()
  }
}
