import JSON
import Security

/// Who calls the services of a region with a token, and what they may do there.
package enum Role: String, CaseIterable, Sendable {
  /// A city app: registers holders and gets their codes.
  case channel
  /// Another app; the two cannot join their handles.
  case secondChannel = "second_channel"
  /// A building's gates: scans, and reads its own receipts.
  case point
  case hospital
  /// Owns the data: reads and changes the status of every holder.
  case authority
  /// Known, and allowed nothing.
  case nobody

  /// The row of this role in the grant table of `service`, without its token.
  fileprivate func row(_ service: String) -> Row? {
    switch (self, service) {
    case (.channel, "issuer"):
      Row("city-app", ["holders.register", "status.read", "codes.issue"], channel: 1)
    case (.secondChannel, "issuer"):
      Row("mini-app", ["holders.register", "status.read", "codes.issue"], channel: 2)
    case (.authority, "issuer"):
      Row("health-commission", ["status.read", "status.write", "handles.any"])
    case (.point, "verifier"):
      Row(
        "people-square", ["scans.write", "scans.read"],
        scenes: ["health_gate", "transit", "pool", "parking"], point: "gate-1")
    case (.hospital, "verifier"):
      Row("first-hospital", ["scans.write", "scans.read"], scenes: ["hospital"], point: "door-1")
    case (.nobody, _): Row("stranger", [])
    default: nil
    }
  }
}

private struct Row {
  let name: String
  let grants: [String]
  var channel = 0
  var scenes: [String] = []
  var point = ""
  var region = ""

  init(
    _ name: String, _ grants: [String], channel: Int = 0, scenes: [String] = [], point: String = "",
    region: String = ""
  ) {
    self.name = name
    self.grants = grants
    self.channel = channel
    self.scenes = scenes
    self.point = point
    self.region = region
  }

  func write(tokenDigest: String?, to json: inout JSONWriter) {
    json.object { json in
      json.field("name", name)
      if let tokenDigest { json.field("token_sha256", tokenDigest) }
      json.field("grants", array: { array in grants.forEach { array.value($0) } })
      if channel != 0 { json.field("channel", channel) }
      if !scenes.isEmpty {
        json.field("scenes", array: { array in scenes.forEach { array.value($0) } })
      }
      if !point.isEmpty { json.field("point", point) }
      if !region.isEmpty { json.field("region", region) }
    }
  }
}

/// The tokens and grant tables of one region.
package struct Credentials: Sendable {
  package let region: String
  package let partners: [String]
  private let tokens: [Role: String]

  /// Draws new tokens.
  package init(region: String, partners: [String]) {
    self.region = region
    self.partners = partners
    tokens = Dictionary(
      uniqueKeysWithValues: Role.allCases.map { role in
        (role, SecureRandom.bytes(24).map { byte in Self.hex(byte) }.joined())
      })
  }

  package func token(_ role: Role) -> String { tokens[role]! }

  /// The name that certificates give a service.
  package static func principal(_ service: String, of region: String) -> String {
    "spiffe://\(region).citycode.example/\(service)"
  }

  /// Who may do what at `service`. Of a token only the SHA-256 is written.
  package func grants(_ service: String) -> [UInt8] {
    var json = JSONWriter()
    json.object {
      $0.field(
        "principals",
        array: { rows in
          for role in Role.allCases {
            guard let row = role.row(service) else { continue }
            let digest = SHA256.hash(Array(token(role).utf8).span).hex
            row.write(tokenDigest: digest, to: &rows)
          }
          for row in services(service) { row.write(tokenDigest: nil, to: &rows) }
        })
    }
    return json.bytes
  }

  /// The services that call `service`, known by their certificates.
  private func services(_ service: String) -> [Row] {
    let relay = Self.principal("relay", of: region)
    switch service {
    case "issuer": return [Row(relay, ["feed.follow"])]
    case "verifier": return [Row(relay, ["scans.write"], scenes: ["*"])]
    default:
      return [Row(Self.principal("verifier", of: region), ["scans.relay"])]
        + partners.map {
          Row(Self.principal("relay", of: $0), ["scans.partner"], region: $0)
        }
    }
  }

  private static func hex(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return byte < 16 ? "0" + digits : digits
  }
}
