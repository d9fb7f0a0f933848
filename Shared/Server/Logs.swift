package import Logging

/// Writes log lines as `time level service message key=value ...` to standard error.
///
/// Nothing in the services passes a code, a token, a key or an identity number to a logger: lines
/// name routes, never paths, and principals, never their credentials.
package struct LineLogHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level
  private let service: String

  package init(service: String, level: Logger.Level) {
    self.service = service
    logLevel = level
  }

  /// A logger of the lines described above.
  package static func logger(_ service: String, level: Logger.Level) -> Logger {
    Logger(label: service) { _ in LineLogHandler(service: service, level: level) }
  }

  package subscript(metadataKey key: String) -> Logger.MetadataValue? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var line = "\(WallClock.now()) \(event.level) \(service) \(event.message)"
    let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
    for (key, value) in all.sorted(by: { $0.key < $1.key }) {
      line += " \(key)=\(Self.quoted("\(value)"))"
    }
    System.writeError(line + "\n")
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
