import Codes
import IssuerCore
import Records

/// A source file with what its header says.
struct RecordFile: Sendable {
  let file: SourceFile
  /// In the plan.
  let source: Int
  let columns: RecordColumns
  let canBeSplit: Bool
}

/// What one thread reads at a time: a file, or a range of one.
struct SourceUnit: Sendable {
  /// In `SourceUnits.files`.
  let file: Int
  /// The rows that begin in here.
  let range: Range<Int>
}

/// All files of a plan, opened, and how they are cut for the threads: first those that are read in
/// one piece, the largest first, so that at the end no thread has long to do alone.
struct SourceUnits: Sendable {
  private(set) var files: [RecordFile] = []
  private(set) var units: [SourceUnit] = []
  private(set) var byteCount = 0

  private let rangeBytes: Int
  /// Rows of how many bytes a thread reads at a time.
  static let rangeBytesDefault = 8 << 20
  private static let headerBytes = 1 << 16

  /// Opens all files and reads their headers; those named in `whole` are not cut.
  init(
    _ plan: ComputePlan, whole: Set<String>, rangeBytes: Int = rangeBytesDefault
  ) throws {
    self.rangeBytes = rangeBytes
    for (number, source) in plan.sources.enumerated() {
      for path in source.files {
        let file = try SourceFile(path: path)
        guard let columns = try Self.columns(file, source) else { continue }
        let canBeSplit =
          RowBytes.canBeSplit(path, source.encoding) && !whole.contains(path)
        files.append(
          RecordFile(file: file, source: number, columns: columns, canBeSplit: canBeSplit))
        byteCount += file.byteCount
      }
    }
    // Swift's sort keeps the order of what is alike.
    files.sort { Self.wholeBytes($0) > Self.wholeBytes($1) }
    for index in files.indices { cut(index) }
  }

  /// The bytes that one thread must read; 0 for a file that can be cut.
  private static func wholeBytes(_ file: RecordFile) -> Int {
    file.canBeSplit ? 0 : file.file.byteCount
  }

  private mutating func cut(_ index: Int) {
    let file = files[index]
    let end = file.file.byteCount
    guard file.canBeSplit, end > rangeBytes else {
      units.append(SourceUnit(file: index, range: 0..<(file.canBeSplit ? end : Int.max)))
      return
    }
    for start in stride(from: 0, to: end, by: rangeBytes) {
      units.append(SourceUnit(file: index, range: start..<min(start + rangeBytes, end)))
    }
  }

  /// `nil` for an empty file.
  private static func columns(
    _ file: SourceFile, _ source: SourcePlan
  ) throws -> RecordColumns? {
    var bytes = try RowBytes(file, source.encoding, from: 0)
    var text: [UInt8] = []
    while !text.contains(0x0A), text.count < headerBytes {
      guard try bytes.append(to: &text, byteCountMax: 4_096) else { break }
    }
    guard !text.isEmpty else { return nil }
    UnitReader.dropByteOrderMark(&text)
    text.append(0x0A)
    let end = text.count
    text.append(contentsOf: repeatElement(0, count: 2 * RowScanner.padding))
    let scanner = RowScanner(delimiter: source.delimiter)
    scanner.begin(text.span, at: 0)
    _ = scanner.next(text.span, end: end, areLast: true)
    do throws(RecordColumns.Fault) {
      let header = scanner.isUnquoted ? scanner.withUnquoted { [UInt8](copying: $0) } : text
      return try RecordColumns(source.columns, header: header.span, scanner)
    } catch {
      throw ComputeError("\(file.path): \(error.description)")
    }
  }
}
