import ArgumentParser
import Codes
import Compression
import IssuerCore
import Server

/// `issuer sample-records`: raw records to try computations with.
struct SampleRecordsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample-records",
    abstract:
      "Write sample raw records of eight departments, as deploy/plans/city-2020.yaml reads.",
    discussion: """
      The people are those of `issuer sample` with the same number, seed and region. Same options,
      same bytes. The rows have what is wrong with real ones; bench/bulk/README.md has the shares.

      EXAMPLES
        issuer sample-records --records 100000 --people 20000 --out records
        issuer sample-records --records 100000000 --people 34000000 --out /data/records
      """)

  @Option(help: "How many rows in all sources together.")
  var records: Int

  @Option(help: "How many people the sample population has.")
  var people: Int

  @Option(help: "What the sample is drawn from.")
  var seed: UInt64 = 1

  @Option(help: "The region most residents come from.")
  var region = "310000"

  @Option(help: "When the last record was made; later ones are mistakes.")
  var asOf = "2020-03-01T00:00:00+08:00"

  @Option(help: "The folder; each source gets one of its own in it.")
  var out: String

  func run() throws {
    guard let region = Region(text: region) else {
      throw ValidationError("--region must be a GB/T 2260 code of six digits")
    }
    guard 1...SampleRecords.World.peopleMax ~= people else {
      throw ValidationError("--people must be 1 to \(SampleRecords.World.peopleMax)")
    }
    guard 1...10_000_000_000 ~= records else {
      throw ValidationError("--records must be 1 to 10000000000")
    }
    guard let asOf = CityTime(rfc3339: asOf), asOf.seconds > SampleRecords.windowSeconds else {
      throw ValidationError("--as-of must be an RFC 3339 time, March 2020 at the earliest")
    }
    let world = SampleRecords.World(people: people, seed: seed, region: region, asOf: asOf)
    do {
      try System.makeDirectory(out)
      for source in SampleSource.all {
        let sample = SampleRecords(source, of: records, in: world)
        try System.makeDirectory("\(out)/\(source.name)")
        var counts: [SampleDirt: Int] = [:]
        for file in 0..<sample.fileCount { try write(sample, file, &counts) }
        report(sample, counts)
      }
    } catch {
      System.writeError("issuer sample-records: \(error)\n")
      throw ExitCode(1)
    }
  }

  private func write(
    _ sample: SampleRecords, _ file: Int, _ counts: inout [SampleDirt: Int]
  ) throws {
    let number = file < 9 ? "0\(file + 1)" : "\(file + 1)"
    let source = sample.source
    let path = "\(out)/\(source.name)/\(number).csv\(source.packing.rawValue)"
    let target = try SampleFile(path: path, source: source)
    var rows = source.firstLine
    var scratch = SampleRecords.Scratch()
    for row in sample.rows(ofFile: file) {
      if let dirt = sample.append(row, to: &rows, &scratch) { counts[dirt, default: 0] += 1 }
      if rows.count >= 1 << 18 {
        try target.append(rows)
        rows.removeAll(keepingCapacity: true)
      }
    }
    try target.append(rows)
    try target.finish()
  }

  private func report(_ sample: SampleRecords, _ counts: [SampleDirt: Int]) {
    var text = "\(sample.source.name): \(sample.rowCount) rows, \(sample.fileCount) files"
    for dirt in SampleDirt.allCases {
      if let count = counts[dirt] { text += ", \(count) \(dirt.rawValue)" }
    }
    System.writeOutput(text + "\n")
  }
}

/// A file of rows in its source's encoding and packing.
final class SampleFile {
  private let file: OutputFile
  private let converter: UTF8Converter?
  private let compressor: Compressor?
  private var converted: [UInt8] = []
  private var packed: [UInt8] = []

  init(path: String, source: SampleSource) throws {
    file = try OutputFile(path: path)
    compressor = try CompressionFormat(path: path).map { try Compressor($0) }
    guard source.isGB18030 else {
      converter = nil
      return
    }
    guard let converter = UTF8Converter(to: "GB18030") else {
      throw ConfigurationError("this system has no GB18030 conversion: install locales")
    }
    self.converter = converter
  }

  /// Appends rows in UTF-8.
  func append(_ rows: [UInt8]) throws {
    guard let converter else { return try pack(rows) }
    converted.removeAll(keepingCapacity: true)
    try converter.convert(rows.span, into: &converted)
    try pack(converted)
  }

  private func pack(_ rows: [UInt8]) throws {
    guard let compressor else { return try file.append(rows) }
    packed.removeAll(keepingCapacity: true)
    try compressor.append(rows.span, into: &packed)
    try file.append(packed)
  }

  func finish() throws {
    if let compressor {
      packed.removeAll(keepingCapacity: true)
      try compressor.finish(into: &packed)
      try file.append(packed)
    }
    try file.flush()
  }
}
