import Codes
import IssuerCore
import Security
import Server
import World

/// The variables that `make up` writes for shells, and clients made from them.
struct WorldEnvironment: Sendable {
  private let variables: [String: String]
  private let path: String

  /// Reads lines of the form `export NAME='value'`.
  init(path: String) throws {
    self.path = path
    let text = Files.text(path)
    guard !text.isEmpty else { throw WorldError("\(path) is not there: `make up` writes it") }
    var variables: [String: String] = [:]
    for line in text.split(separator: "\n") where line.hasPrefix("export ") {
      let parts = line.dropFirst(7).split(separator: "=", maxSplits: 1)
      if parts.count == 2 { variables[String(parts[0])] = String(parts[1].filter { $0 != "'" }) }
    }
    self.variables = variables
  }

  func value(_ name: String) throws -> String {
    guard let value = variables[name] else { throw WorldError("\(path) has no \(name)") }
    return value
  }

  /// A connection to `url`, over TLS when it is an https URL.
  func client(_ url: String, token: String, on loop: Loop) throws -> APIClient {
    let tls =
      url.hasPrefix("https:") ? try TLSContext.client(caFile: try value("CA_FILE")) : nil
    return try APIClient(url, tls: tls, token: token, on: loop)
  }

  /// Several connections to the clear-text port of `service` as the role with this token;
  /// `prefix` is "" at home and "PARTNER_" for the partner region.
  func crew(
    _ prefix: String, service: String, as role: String, connections: Int, on loop: Loop
  ) throws -> Crew {
    let url = try value("\(prefix)\(service)_H2C_URL")
    let token = try value("\(prefix)\(role)_TOKEN")
    return Crew(
      clients: try (0..<connections).map { _ in try client(url, token: token, on: loop) })
  }

  /// The people of a region, who can be named again; `prefix` as for `crew`.
  func population(
    _ prefix: String, people: Int? = nil
  ) throws -> (region: String, population: SamplePopulation, people: Int) {
    let text = try value("\(prefix)WORLD_REGION")
    guard let region = Region(text: text),
      let people = try people ?? Int(value("\(prefix)WORLD_PEOPLE")),
      1...SamplePopulation.peopleMax ~= people,
      let seed = UInt64(try value("\(prefix)WORLD_SEED"))
    else { throw WorldError("\(path) does not say which people the world has") }
    return (text, SamplePopulation(people: people, seed: seed, region: region), people)
  }
}
