import ArgumentParser
import Codes
import IssuerCore
import Security
import Server
import StatusCache
import Storage

/// `issuer load`: registers the people of a CSV file.
struct LoadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load",
    abstract: "Register the people of a CSV file; loading it again changes nothing.",
    discussion: """
      The issuer must not be running. Rows that cannot be taken go to the rejects file with line,
      reason and row; nothing is dropped silently. Until the last step nothing is changed: a load
      that was interrupted is simply started again.

      EXAMPLES
        issuer load people.csv --config issuer.json
        issuer load people-gbk.csv --encoding gb18030 --config issuer.json
        issuer sample --people 1000000 | issuer load - --config issuer.json --rejects bad.csv
      """)

  @Argument(help: "The file; - for standard input.")
  var file: String

  @Option(name: .long, help: "JSON file of settings, as for serve.")
  var config: String?

  @Option(name: .customLong("set"), help: "One setting, key=value; may be repeated.")
  var overrides: [String] = []

  @Option(help: "Where rejected rows go.")
  var rejects = "rejects.csv"

  @Option(help: "utf-8 or gb18030 (also for GBK and GB 2312).")
  var encoding = "utf-8"

  func run() throws {
    do {
      let configuration = try Configuration(
        service: "issuer", settings: IssuerSettings.all, file: config,
        environment: System.environment, overrides: overrides)
      let rejects = try RejectsFile(path: rejects)
      let load = PopulationLoad(
        store: try IssuerStore(configuration),
        statusValidDays: try configuration.integer("status_valid_days"), rejects: rejects)
      let source = try PeopleSource(path: file, encoding: encoding)
      let summary = try load.run(source)
      System.writeOutput(summary.text(rejects: rejects.path))
    } catch {
      System.writeError("issuer load: \(Self.text(of: error))\n")
      throw ExitCode(error is ConfigurationError ? 64 : 1)
    }
  }

  private static func text(of error: any Error) -> String {
    switch error {
    case let error as StorageError where error.code == .writerExists:
      "the issuer is running, or another load: stop it first (\(error.description))"
    case let error as System.Fault: error.description
    case let error as PopulationError: "\(error.description); nothing was loaded"
    default: "\(error)"
    }
  }
}

/// What a load did, row by row: `rows = new + known + rejected`.
struct LoadSummary {
  var new = 0
  var known = 0
  var rejected = 0

  func text(rejects path: String) -> String {
    var text = "\(new + known + rejected) rows: \(new) new holders, \(known) known before"
    text += rejected == 0 ? ", none rejected\n" : ", \(rejected) rejected (see \(path))\n"
    return text
  }
}

/// The rejects: `line,reason,row`, the row quoted.
final class RejectsFile {
  private let file: OutputFile
  private(set) var count = 0
  var path: String { file.path }

  init(path: String) throws {
    file = try OutputFile(path: path)
    try file.append(Array("line,reason,row\n".utf8))
  }

  func add(line: Int, reason: String, row: Span<UInt8>) throws {
    count += 1
    var text = Array("\(line),\(reason),\"".utf8)
    for index in 0..<row.count {
      if row[index] == UInt8(ascii: "\"") { text.append(row[index]) }
      text.append(row[index])
    }
    text.append(contentsOf: "\"\n".utf8)
    try file.append(text)
  }

  func finish() throws { try file.flush() }
}

/// The bytes of a population file as UTF-8, with a progress line.
final class PeopleSource {
  private let file: InputFile
  private let converter: UTF8Converter?
  private var progress: Progress

  init(path: String, encoding: String) throws {
    file = try InputFile(path: path)
    switch encoding.lowercased() {
    case "utf-8", "utf8": converter = nil
    case "gb18030", "gbk", "gb2312":
      guard let converter = UTF8Converter(from: "GB18030") else {
        throw ConfigurationError("this system has no GB18030 conversion: install locales")
      }
      self.converter = converter
    default: throw ConfigurationError("--encoding must be utf-8 or gb18030, not \"\(encoding)\"")
    }
    progress = Progress(byteCount: file.byteCount)
  }

  /// Lends all bytes of the file in order; `rows` says how many rows have been read, for the
  /// progress line.
  func forEachChunk(_ body: (Span<UInt8>) throws -> Void, rows: () -> Int) throws {
    while try file.withNextChunk({ chunk in
      progress.advance(bytes: chunk.count, rows: rows())
      guard let converter else { return try body(chunk) }
      var text: [UInt8] = []
      do throws(UTF8Converter.Fault) { try converter.convert(chunk, into: &text) } catch {
        throw ConfigurationError(
          "\(file.path): no GB 18030 text at byte \(error.offset): is it UTF-8?")
      }
      try body(text.span)
    }) {}
    if let converter, converter.isCut {
      throw ConfigurationError("\(file.path) ends within a character")
    }
    progress.finish(rows: rows())
  }
}

/// A progress line: redrawn on a terminal, once in ten seconds elsewhere.
struct Progress {
  private let byteCount: Int
  private let start = System.monotonicNanoseconds
  private var shownAt: UInt64 = 0
  private var bytes = 0

  init(byteCount: Int) { self.byteCount = byteCount }

  mutating func advance(bytes: Int, rows: Int) {
    self.bytes += bytes
    let now = System.monotonicNanoseconds
    let pause: UInt64 = System.isErrorTerminal ? 200_000_000 : 10_000_000_000
    guard now > max(shownAt, System.isErrorTerminal ? 0 : start) + pause else { return }
    shownAt = now
    show(rows: rows, now: now)
  }

  private func show(rows: Int, now: UInt64) {
    let seconds = Double(now - start) / 1e9
    var line = "\(rows) rows, \(Int(Double(rows) / max(seconds, 0.001))) a second"
    if byteCount > 0 {
      let share = min(1, Double(bytes) / Double(byteCount))
      let filled = Int(share * 30)
      let bar =
        String(repeating: "#", count: filled) + String(repeating: ".", count: 30 - filled)
      line = "[\(bar)] \(Int(share * 100)) % \(line)"
      if share > 0.01 { line += ", \(Int(seconds / share - seconds)) s left" }
    }
    System.writeError(System.isErrorTerminal ? "\r\u{1B}[K\(line)" : "\(line)\n")
  }

  func finish(rows: Int) {
    if System.isErrorTerminal {
      show(rows: rows, now: System.monotonicNanoseconds)
      System.writeError("\n")
    }
  }
}
