package import Codes
package import JSON

/// A use of the code and its policy (design §7): data, read from one file per scene. An object, so
/// that a scan passes it on with one count instead of one for each of its members.
package final class Scene: Sendable, Equatable {
  /// Where a code counts once within its life.
  package enum Once: String, Sendable, CaseIterable {
    case no
    case point
    case everywhere
  }

  /// Who is served first under load.
  package enum Priority: String, Sendable, CaseIterable {
    case high
    case normal
    case low
  }

  package let name: String
  /// The hint a code may carry to say it was made for this scene; 0 means none.
  package let number: UInt8
  package let colours: Set<Colour>
  package let kinds: Set<HolderKind>
  /// The same two sets as bits, for the scan path.
  private let colourBits: UInt8
  private let kindBits: UInt8
  package let once: Once
  package let priority: Priority
  /// Oldest knowledge a green answer may rest on, in seconds; `nil`: the verifier's setting.
  package let statusAgeMaxSeconds: Int?

  package init(
    name: String, number: UInt8, colours: Set<Colour>, kinds: Set<HolderKind>, once: Once = .no,
    priority: Priority = .normal, statusAgeMaxSeconds: Int? = nil
  ) {
    self.name = name
    self.number = number
    self.colours = colours
    self.kinds = kinds
    colourBits = colours.reduce(0) { $0 | 1 << $1.rawValue }
    kindBits = kinds.reduce(0) { $0 | 1 << $1.rawValue }
    self.once = once
    self.priority = priority
    self.statusAgeMaxSeconds = statusAgeMaxSeconds
  }

  package static func == (one: Scene, other: Scene) -> Bool {
    one.name == other.name && one.number == other.number && one.colours == other.colours
      && one.kinds == other.kinds && one.once == other.once && one.priority == other.priority
      && one.statusAgeMaxSeconds == other.statusAgeMaxSeconds
  }

  func allows(_ colour: Colour) -> Bool { colourBits & 1 << colour.rawValue != 0 }

  func allows(_ kind: HolderKind) -> Bool { kindBits & 1 << kind.rawValue != 0 }

  /// A scene file that cannot be used; the message names the member.
  package struct Fault: Error, Equatable {
    package let message: String
  }

  private static let members = [
    "name", "number", "colours", "kinds", "once", "priority", "status_age_max_seconds",
  ]

  /// Reads a scene file's JSON.
  package convenience init(json: JSONValue) throws(Fault) {
    if let unknown = json.members?.first(where: { !Self.members.contains($0.name) }) {
      throw Fault(message: "unknown member \"\(unknown.name)\"; known: \(Self.members)")
    }
    guard let name = json["name"]?.string, Self.isName(name) else {
      throw Fault(message: "\"name\" must be 1 to 32 of a-z, 0-9, _ and -")
    }
    guard let number = json["number"]?.integer, 1...255 ~= number else {
      throw Fault(message: "\"number\" must be 1 to 255")
    }
    self.init(
      name: name, number: UInt8(number),
      colours: try Self.set("colours", json["colours"], Colour.init(name:)),
      kinds: try Self.set("kinds", json["kinds"], HolderKind.init(name:)),
      once: try Self.choice("once", json["once"], default: .no),
      priority: try Self.choice("priority", json["priority"], default: .normal),
      statusAgeMaxSeconds: try Self.statusAge(json["status_age_max_seconds"]))
  }

  /// Names stand unquoted in answers, metrics and file names.
  private static func isName(_ text: String) -> Bool {
    1...32 ~= text.utf8.count
      && text.utf8.allSatisfy { byte in
        switch byte {
        case 0x61...0x7A, 0x30...0x39, 0x5F, 0x2D: true
        default: false
        }
      }
  }

  private static func statusAge(_ json: JSONValue?) throws(Fault) -> Int? {
    guard let json else { return nil }
    guard let seconds = json.integer, 0...31_536_000 ~= seconds else {
      throw Fault(message: "\"status_age_max_seconds\" must be 0 to 31536000")
    }
    return Int(seconds)
  }

  private static func set<Value: Hashable>(
    _ name: String, _ json: JSONValue?, _ make: (String) -> Value?
  ) throws(Fault) -> Set<Value> {
    guard let elements = json?.array, !elements.isEmpty else {
      throw Fault(message: "\"\(name)\" must be an array with at least one name")
    }
    var values: Set<Value> = []
    for element in elements {
      guard let text = element.string, let value = make(text) else {
        throw Fault(message: "\"\(name)\" holds a name that does not exist")
      }
      values.insert(value)
    }
    return values
  }

  private static func choice<Value: RawRepresentable & CaseIterable>(
    _ name: String, _ json: JSONValue?, default fallback: Value
  ) throws(Fault) -> Value where Value.RawValue == String {
    guard let json else { return fallback }
    guard let value = json.string.flatMap(Value.init(rawValue:)) else {
      let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
      throw Fault(message: "\"\(name)\" must be one of \(names)")
    }
    return value
  }
}
