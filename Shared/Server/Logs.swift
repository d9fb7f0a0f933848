import Codes
import JSON
package import Logging

/// How log lines look.
package enum LogFormat: String, Sendable {
  /// An object a line: for what collects logs.
  case json
  /// `time level service message key=value ...`: for people.
  case text
}

/// Makes log lines of one service.
struct LogLine: Sendable {
  let service: String
  let format: LogFormat

  /// Names of every line, which no key of an event may take.
  private static let reserved: Set<String> = ["time", "level", "service", "message"]

  /// One line with its end.
  func text(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata) -> String {
    let time = WallClock.now()
    let sorted = metadata.sorted { $0.key < $1.key }
    switch format {
    case .text:
      var line = "\(time) \(level) \(service) \(message)"
      for (key, value) in sorted { line += " \(key)=\(Self.quoted("\(value)"))" }
      return line + "\n"
    case .json:
      var json = JSONWriter(reserving: 256)
      json.object { json in
        json.field("time", time.description)
        json.field("level", "\(level)")
        json.field("service", service)
        json.field("message", message)
        for (key, value) in sorted {
          json.name(Self.reserved.contains(key) ? "event_\(key)" : key)
          Self.write(value, to: &json)
        }
      }
      json.endLine()
      return String(decoding: json.bytes, as: UTF8.self)
    }
  }

  private static func write(_ value: Logger.MetadataValue, to json: inout JSONWriter) {
    switch value {
    case .string(let text): json.value(text)
    case .stringConvertible(let number as Int): json.value(number)
    case .stringConvertible(let value): json.value(value.description)
    case .array(let values): json.array { json in values.forEach { write($0, to: &json) } }
    case .dictionary(let members):
      json.object { json in
        for (key, value) in members.sorted(by: { $0.key < $1.key }) {
          json.name(key)
          write(value, to: &json)
        }
      }
    }
  }

  private static func quoted(_ text: String) -> String {
    guard text.contains(where: { " \"\n\r=".contains($0) }) else { return text }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\\(scalar)"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

/// Writes log lines to standard error, one an event.
///
/// Nothing in the services passes a code, a token, a key or an identity number to a logger: lines
/// name routes, never paths, and principals, never their credentials.
package struct LineLogHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level
  private let line: LogLine

  package init(service: String, level: Logger.Level, format: LogFormat = .text) {
    line = LogLine(service: service, format: format)
    logLevel = level
  }

  /// A logger of the lines described above.
  package static func logger(
    _ service: String, level: Logger.Level, format: LogFormat = .text
  ) -> Logger {
    Logger(label: service) { _ in
      LineLogHandler(service: service, level: level, format: format)
    }
  }

  package subscript(metadataKey key: String) -> Logger.MetadataValue? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
    System.writeError(line.text(event.level, "\(event.message)", all))
  }
}

/// The settings of what is logged and how.
enum LogSettings {
  static let all = [
    Setting("log_level", .string, default: "info", "trace, debug, info, warning or error"),
    Setting(
      "log_format", .string, default: "auto",
      "json: an object a line; text: for people; auto: text on a terminal, else json"),
    Setting(
      "log_requests_one_in", .integer(0...1_000_000_000), default: "0",
      "of so many requests one gets a line, and all whose caller sends a traceparent that says"
        + " sampled; chosen by trace, so alike in all services. 0: none; 1: all"),
  ]

  static func level(_ configuration: Configuration) throws(ConfigurationError) -> Logger.Level {
    guard let level = Logger.Level(rawValue: try configuration.string("log_level")) else {
      throw ConfigurationError("log_level must be trace, debug, info, warning or error")
    }
    return level
  }

  static func format(_ configuration: Configuration) throws(ConfigurationError) -> LogFormat {
    let text = try configuration.string("log_format")
    if text == "auto" { return System.isErrorTerminal ? .text : .json }
    guard let format = LogFormat(rawValue: text) else {
      throw ConfigurationError("log_format must be json, text or auto")
    }
    return format
  }

  /// The log of requests; `nil` when it is off.
  static func requests(_ configuration: Configuration) throws(ConfigurationError) -> RequestLog? {
    let oneIn = try configuration.integer("log_requests_one_in")
    guard oneIn > 0, try level(configuration) <= .info else { return nil }
    return RequestLog(
      LogLine(service: configuration.service, format: try format(configuration)),
      oneIn: UInt64(oneIn)
    ) { System.writeError($0) }
  }
}
