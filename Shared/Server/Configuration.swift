import JSON

/// One key a service can be configured by: its only documentation and its only default.
package struct Setting: Sendable {
  /// What a value may be.
  package enum Kind: Sendable {
    case string
    case boolean
    case integer(ClosedRange<Int>)
    /// Strings; in the environment and on the command line separated by commas.
    case list
  }

  package let key: String
  package let kind: Kind
  /// As it would be written on the command line; `nil` when the key has no default.
  package let defaultText: String?
  package let help: String

  package init(_ key: String, _ kind: Kind, default defaultText: String?, _ help: String) {
    self.key = key
    self.kind = kind
    self.defaultText = defaultText
    self.help = help
  }
}

/// A configuration that cannot be used; the message names key, source and cure.
package struct ConfigurationError: Error, CustomStringConvertible {
  package let message: String
  package init(_ message: String) { self.message = message }
  package var description: String { message }
}

/// A service's settings from, in rising order of precedence: defaults, a JSON file of flat keys,
/// environment variables `CITYCODE_<SERVICE>_<KEY>`, and `--set key=value`.
///
/// Unknown keys are refused everywhere, so that a typing error cannot leave a default in force.
package struct Configuration: Sendable {
  package let service: String
  private let settings: [Setting]
  private var values: [String: (text: String, source: String)] = [:]

  package init(
    service: String, settings: [Setting], file: String? = nil,
    environment: [String: String] = [:], overrides: [String] = []
  ) throws(ConfigurationError) {
    self.service = service
    self.settings = settings
    for setting in settings {
      if let text = setting.defaultText { values[setting.key] = (text, "default") }
    }
    if let file { try read(file: file) }
    let prefix = "CITYCODE_\(service.uppercased())_"
    for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix(prefix) {
      try set(name.dropFirst(prefix.count).lowercased(), text, source: "environment \(name)")
    }
    for pair in overrides {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        throw ConfigurationError("--set \(pair): expected key=value")
      }
      try set(String(parts[0]), String(parts[1]), source: "--set")
    }
  }

  private mutating func read(file: String) throws(ConfigurationError) {
    let bytes: [UInt8]
    do { bytes = try System.readFile(file) } catch {
      throw ConfigurationError("configuration file: \(error.description)")
    }
    let root: JSONValue
    do { root = try JSONParser.parse(bytes) } catch {
      throw ConfigurationError("configuration file \(file): \(error.description)")
    }
    guard let members = root.members else {
      throw ConfigurationError("configuration file \(file): expected an object of flat keys")
    }
    for member in members {
      try set(member.name, try Self.text(member, file), source: file)
    }
  }

  private static func text(
    _ member: JSONValue.Member, _ file: String
  ) throws(ConfigurationError) -> String {
    switch member.value {
    case .string(let text): return text
    case .integer(let number): return String(number)
    case .bool(let bool): return bool ? "true" : "false"
    case .array(let elements):
      let strings = elements.compactMap(\.string)
      if strings.count == elements.count { return strings.joined(separator: ",") }
    default: break
    }
    throw ConfigurationError("\(file): \"\(member.name)\" cannot be \(member.value.kind)")
  }

  /// The keys that may have been meant: those that begin alike, or else differ by two letters.
  private func nearest(_ key: String) -> [String] {
    let keys = settings.map(\.key)
    let alike = keys.filter { $0.hasPrefix(key.prefix(4)) }
    return alike.isEmpty ? keys.filter { Self.distance($0, key) <= 2 } : alike
  }

  /// How many letters must be put in, left out or changed to make one text of the other.
  static func distance(_ one: String, _ other: String) -> Int {
    let other = Array(other.utf8)
    var row = Array(0...other.count)
    for (index, letter) in one.utf8.enumerated() {
      var corner = row[0]
      row[0] = index + 1
      for place in other.indices {
        let changed = corner + (other[place] == letter ? 0 : 1)
        corner = row[place + 1]
        row[place + 1] = min(changed, corner + 1, row[place] + 1)
      }
    }
    return row[other.count]
  }

  private mutating func set(
    _ key: String, _ text: String, source: String
  ) throws(ConfigurationError) {
    guard let setting = settings.first(where: { $0.key == key }) else {
      let near = nearest(key)
      let hint = near.isEmpty ? "" : " Did you mean \(near.joined(separator: " or "))?"
      throw ConfigurationError(
        "unknown configuration key \"\(key)\" (\(source)).\(hint)"
          + " `\(service) serve --print-config` lists all keys.")
    }
    switch setting.kind {
    case .string, .list: break
    case .boolean:
      guard text == "true" || text == "false" else {
        throw ConfigurationError("\(key) (\(source)) must be true or false, not \"\(text)\"")
      }
    case .integer(let range):
      guard let number = Int(text), range.contains(number) else {
        throw ConfigurationError(
          "\(key) (\(source)) must be a whole number from \(range.lowerBound) to"
            + " \(range.upperBound), not \"\(text)\"")
      }
    }
    values[key] = (text, source)
  }

  /// The value of a key that has a default or must be given.
  package func string(_ key: String) throws(ConfigurationError) -> String {
    if let value = optional(key) { return value }
    throw ConfigurationError(
      "\(key) is not set. Give it in the configuration file, as"
        + " CITYCODE_\(service.uppercased())_\(key.uppercased()) or with --set \(key)=...")
  }

  /// The value, or `nil` when it is not set or empty.
  package func optional(_ key: String) -> String? {
    precondition(settings.contains { $0.key == key }, "no setting \(key)")
    guard let text = values[key]?.text, !text.isEmpty else { return nil }
    return text
  }

  /// The value of an integer key.
  package func integer(_ key: String) throws(ConfigurationError) -> Int {
    Int(try string(key))!
  }

  /// The value of a boolean key.
  package func boolean(_ key: String) throws(ConfigurationError) -> Bool {
    try string(key) == "true"
  }

  /// The values of a list key; none when it is not set or empty.
  package func list(_ key: String) -> [String] {
    (optional(key) ?? "").split(separator: ",").map(String.init)
  }

  /// The whole configuration in force, as JSON that can be read back; with `explained`, for people:
  /// what each key means and where its value comes from stand on `//` lines above it.
  package func printed(explained: Bool) -> String {
    var lines: [String] = []
    for (index, setting) in settings.enumerated() {
      let value = values[setting.key]
      if explained {
        lines.append("  // \(setting.help)")
        lines.append("  // from: \(value?.source ?? "not set")")
      }
      let comma = index == settings.count - 1 ? "" : ","
      lines.append("  \"\(setting.key)\": \(Self.json(setting, value?.text ?? ""))\(comma)")
    }
    return "{\n\(lines.joined(separator: "\n"))\n}\n"
  }

  private static func json(_ setting: Setting, _ text: String) -> String {
    var json = JSONWriter()
    switch setting.kind {
    case .integer, .boolean: return text.isEmpty ? "null" : text
    case .string: json.value(text)
    case .list: json.array { list in text.split(separator: ",").forEach { list.value(String($0)) } }
    }
    return String(decoding: json.bytes, as: UTF8.self)
  }
}
