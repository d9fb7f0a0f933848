import JSON
package import Security

/// Who a request comes from, and what it may do (the grant table's row).
///
/// A principal is named by the first URI of its client certificate, or by the row that holds the
/// SHA-256 of its opaque token; of two, while one takes the place of the other.
package final class Principal: Sendable {
  package let name: String
  package let grants: Set<String>
  /// The same as bits (`Grant.bit`), for the path of every request.
  let grantBits: UInt32
  /// The channel whose handles it uses; 0 when it has none.
  package let channel: UInt16
  /// The scenes it may scan for; the first is the default.
  package let scenes: [String]
  /// The point its scans happen at, unless the request names one.
  package let point: String
  /// The partner region it speaks for, if any.
  package let region: String

  package init(
    name: String, grants: Set<String>, channel: UInt16 = 0, scenes: [String] = [],
    point: String = "", region: String = ""
  ) {
    self.name = name
    self.grants = grants
    grantBits = grants.reduce(0) { $0 | Grant.bit($1) }
    self.channel = channel
    self.scenes = scenes
    self.point = point
    self.region = region
  }
}

/// The grant table: which principal may do what. Read at the start and on SIGHUP.
package struct GrantTable: Sendable {
  private let byName: [String: Principal]
  private let byTokenDigest: [Digest: Principal]

  /// An error in the grant file, with the row it is in.
  package struct Fault: Error {
    package let message: String
  }

  package init(principals: [Principal] = [], tokenDigests: [Digest: Principal] = [:]) {
    byName = Dictionary(principals.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    byTokenDigest = tokenDigests
  }

  /// Reads `{"principals": [{"name", "token_sha256"?, "grants": [...], "channel"?, "scenes"?,
  /// "point"?, "region"?}]}`, where "token_sha256" is a digest or an array of up to
  /// `tokensMax`. Unknown members and double names are refused.
  package init(json bytes: [UInt8]) throws(Fault) {
    let root: JSONValue
    do { root = try JSONParser.parse(bytes) } catch {
      throw Fault(message: "not acceptable JSON: \(error.description)")
    }
    guard let members = root.members, members.count == 1, let rows = root["principals"]?.array
    else { throw Fault(message: "expected one member, \"principals\", an array") }
    var byName: [String: Principal] = [:]
    var byTokenDigest: [Digest: Principal] = [:]
    for (index, row) in rows.enumerated() {
      let (principal, digests) = try Self.principal(row, "principals[\(index)]")
      guard byName.updateValue(principal, forKey: principal.name) == nil else {
        throw Fault(message: "principals[\(index)]: the name \(principal.name) stands twice")
      }
      for digest in digests where byTokenDigest.updateValue(principal, forKey: digest) != nil {
        throw Fault(message: "principals[\(index)]: its token is already another principal's")
      }
    }
    self.byName = byName
    self.byTokenDigest = byTokenDigest
  }

  private static func principal(
    _ row: JSONValue, _ place: String
  ) throws(Fault) -> (Principal, [Digest]) {
    let known = ["name", "token_sha256", "grants", "channel", "scenes", "point", "region"]
    if let unknown = row.members?.first(where: { !known.contains($0.name) }) {
      throw Fault(message: "\(place): unknown member \"\(unknown.name)\"; known: \(known)")
    }
    guard let name = row["name"]?.string, 1...64 ~= name.utf8.count,
      name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
    else {
      throw Fault(message: "\(place): \"name\" must have 1 to 64 bytes and no control characters")
    }
    guard let grants = row["grants"].flatMap(strings) else {
      throw Fault(message: "\(place): \"grants\" must be an array of strings")
    }
    if let unknown = grants.first(where: { !Grant.all.contains($0) }) {
      throw Fault(message: "\(place): unknown grant \"\(unknown)\"; known: \(Grant.all.sorted())")
    }
    let channel: UInt16 =
      try optional(row, "channel", place, "0 to 65535") {
        $0.integer.flatMap { UInt16(exactly: $0) }
      } ?? 0
    let tokens = try optional(
      row, "token_sha256", place, "64 hexadecimal digits, or an array of two at most", digests)
    let principal = Principal(
      name: name, grants: Set(grants), channel: channel,
      scenes: try optional(row, "scenes", place, "an array of strings", strings) ?? [],
      point: try optional(row, "point", place, "a string", \.string) ?? "",
      region: try optional(row, "region", place, "a string", \.string) ?? "")
    return (principal, tokens ?? [])
  }

  /// Tokens a principal may have at once: the one in use, and the one that takes its place.
  package static let tokensMax = 2

  private static func digests(_ value: JSONValue) -> [Digest]? {
    guard let texts = value.string.map({ [$0] }) ?? strings(value), 1...tokensMax ~= texts.count
    else { return nil }
    let digests = texts.compactMap { Digest(hex: $0) }
    return digests.count == texts.count ? digests : nil
  }

  /// A member that may be left out, but not be something else.
  private static func optional<Value>(
    _ row: JSONValue, _ name: String, _ place: String, _ expected: String,
    _ read: (JSONValue) -> Value?
  ) throws(Fault) -> Value? {
    guard let member = row[name] else { return nil }
    guard let value = read(member) else {
      throw Fault(message: "\(place): \"\(name)\" must be \(expected)")
    }
    return value
  }

  private static func strings(_ value: JSONValue) -> [String]? {
    guard let array = value.array else { return nil }
    let strings = array.compactMap(\.string)
    return strings.count == array.count ? strings : nil
  }

  /// The principal named by a client certificate's URI; without a row it may do nothing.
  package func principal(certificateURI: String) -> Principal {
    byName[certificateURI] ?? Principal(name: certificateURI, grants: [])
  }

  /// The principal whose token this is. Looked up by the token's SHA-256, so that how long a
  /// wrong token takes says nothing about a right one.
  package func principal(token: Span<UInt8>) -> Principal? {
    byTokenDigest[SHA256.hash(token)]
  }
}

/// The grants that exist. A route names the one it needs.
package enum Grant {
  /// Register holders.
  package static let register = "holders.register"
  /// Read statuses of holders.
  package static let readStatus = "status.read"
  /// Change statuses and kill codes.
  package static let writeStatus = "status.write"
  /// Use handles of every channel, as an authority does.
  package static let anyChannel = "handles.any"
  /// Make codes for the holders of the principal's own channel.
  package static let issue = "codes.issue"
  /// Follow the feed: segments, snapshots and epoch keys near now.
  package static let followFeed = "feed.follow"
  /// Scan codes.
  package static let scan = "scans.write"
  /// Read the receipts of one's own scans.
  package static let readReceipt = "scans.read"
  /// Have a foreign code carried to its region (verifier to its relay).
  package static let relayScan = "scans.relay"
  /// Ask for a scan on behalf of a partner region (relay to relay).
  package static let partnerScan = "scans.partner"

  package static let all: Set<String> = Set(ordered)

  private static let ordered = [
    register, readStatus, writeStatus, anyChannel, issue, followFeed, scan, readReceipt,
    relayScan, partnerScan,
  ]

  /// One bit for each grant; none for a text that is not one.
  static func bit(_ grant: String) -> UInt32 {
    ordered.firstIndex(of: grant).map { 1 << UInt32($0) } ?? 0
  }
}
