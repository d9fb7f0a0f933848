import Codes
import JSON
import Security

/// What became of the rows of one source: `rows = used + duplicates + rejected`.
struct GenerationSource: Sendable, Equatable {
  var name: String
  var rows: Int
  var used: Int
  var duplicates: Int
  var rejected: Int

  /// The share of the rows that was rejected, 0 to 1.
  var rejectShare: Double { rows == 0 ? 0 : Double(rejected) / Double(rows) }
}

/// What a computation says of the generation it made.
struct GenerationFacts: Sendable, Equatable {
  var planName: String
  /// SHA-256 of the plan file.
  var planDigest: Digest
  /// The moment the plan's windows end.
  var asOf: CityTime
  /// The share of a source's rows that may be rejected without anybody being asked.
  var rejectShareMax: Double
  var sources: [GenerationSource]
  /// How long the computation took.
  var seconds: Double

  /// The sources of which more was rejected than the plan allows.
  var sourcesBeyondLimit: [GenerationSource] {
    sources.filter { $0.rejectShare > rejectShareMax }
  }
}

/// A generation's `manifest.json`: one line of JSON whose last member is the sealer's signature
/// over all bytes before that member.
struct GenerationManifest: Sendable, Equatable {
  /// 0 for a shard, which is not a generation yet.
  var number: UInt32
  var shard: GenerationShard
  var base: GenerationBase
  var madeAt: Instant
  var facts: GenerationFacts
  /// SHA-256 of the file `pages`.
  var pagesDigest: Digest
  /// How many holders get which colour, by the colour's number.
  var counts: [Int]

  static let format = 1

  // MARK: Writing

  func encoded(signedBy key: SigningKey) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.field("format", Self.format)
      json.field("number", number)
      json.field("shard", "\(shard)")
      json.field("region", "\(base.region)")
      json.field("base_position", base.position)
      json.field("next_serial", base.nextSerial)
      json.field("made_at", madeAt.milliseconds)
      json.field("made_at_text", "\(madeAt)")
      json.field("plan", facts.planName)
      json.field("plan_sha256", facts.planDigest.hex)
      json.field("as_of", facts.asOf.seconds)
      json.field("as_of_text", "\(facts.asOf)")
      json.name("reject_share_max")
      json.value(JSONValue.double(facts.rejectShareMax))
      json.name("seconds")
      json.value(JSONValue.double(facts.seconds))
      Self.write(facts.sources, to: &json)
      json.field("pages", shard.pages(of: base).count)
      json.field("pages_sha256", pagesDigest.hex)
      json.field(
        "counts",
        object: { json in
          for colour in Colour.allCases { json.field(colour.name, counts[Int(colour.rawValue)]) }
        })
    }
    return SignedLine.sealed(json.bytes, by: key)
  }

  private static func write(_ sources: [GenerationSource], to json: inout JSONWriter) {
    json.field(
      "sources",
      array: { json in
        for source in sources {
          json.object { json in
            json.field("name", source.name)
            json.field("rows", source.rows)
            json.field("used", source.used)
            json.field("duplicates", source.duplicates)
            json.field("rejected", source.rejected)
          }
        }
      })
  }

  // MARK: Reading

  /// Why a manifest is refused.
  enum Fault: Error {
    /// Not signed by this region's sealer, or changed since.
    case signature
    /// Signed, but not of a form this program knows.
    case form
  }

  /// Reads a manifest that `key`'s owner signed.
  init(checking bytes: [UInt8], key: VerifyingKey) throws(Fault) {
    guard SignedLine.isSealed(bytes, by: key) else { throw .signature }
    guard let json = try? JSONParser.parse(bytes), let manifest = GenerationManifest(json)
    else { throw .form }
    self = manifest
  }

  private init?(_ json: JSONValue) {
    guard json["format"]?.integer == Int64(Self.format),
      let number = json["number"]?.integer.flatMap({ UInt32(exactly: $0) }),
      let shard = json["shard"]?.string.flatMap({ GenerationShard($0) }),
      let region = json["region"]?.string.flatMap({ Region(text: $0) }),
      let position = json["base_position"]?.integer.flatMap({ UInt64(exactly: $0) }),
      let nextSerial = json["next_serial"]?.integer.flatMap({ UInt64(exactly: $0) }),
      1...Serial.max.value + 1 ~= nextSerial,
      let madeAt = json["made_at"]?.integer.flatMap({ UInt64(exactly: $0) }),
      let pages = json["pages_sha256"]?.string.flatMap({ Digest(hex: $0) }),
      let facts = GenerationFacts(json)
    else { return nil }
    let counts = Colour.allCases.map { json["counts"]?[$0.name]?.integer.map { Int($0) } ?? -1 }
    guard counts.allSatisfy({ $0 >= 0 }) else { return nil }
    self.number = number
    self.shard = shard
    base = GenerationBase(region: region, position: position, nextSerial: nextSerial)
    self.madeAt = Instant(milliseconds: madeAt)
    self.facts = facts
    pagesDigest = pages
    self.counts = counts
  }

  init(
    number: UInt32, shard: GenerationShard, base: GenerationBase, madeAt: Instant,
    facts: GenerationFacts, pagesDigest: Digest, counts: [Int]
  ) {
    self.number = number
    self.shard = shard
    self.base = base
    self.madeAt = madeAt
    self.facts = facts
    self.pagesDigest = pagesDigest
    self.counts = counts
  }
}

extension GenerationFacts {
  fileprivate init?(_ json: JSONValue) {
    guard let name = json["plan"]?.string,
      let digest = json["plan_sha256"]?.string.flatMap({ Digest(hex: $0) }),
      let asOf = json["as_of"]?.integer.flatMap({ UInt32(exactly: $0) }),
      let limit = json["reject_share_max"]?.number, let seconds = json["seconds"]?.number,
      let listed = json["sources"]?.array
    else { return nil }
    let sources = listed.compactMap { GenerationSource($0) }
    guard sources.count == listed.count else { return nil }
    self.init(
      planName: name, planDigest: digest, asOf: CityTime(seconds: asOf), rejectShareMax: limit,
      sources: sources, seconds: seconds)
  }
}

extension GenerationSource {
  fileprivate init?(_ json: JSONValue) {
    guard let name = json["name"]?.string, let rows = json["rows"]?.integer,
      let used = json["used"]?.integer, let duplicates = json["duplicates"]?.integer,
      let rejected = json["rejected"]?.integer, min(used, duplicates, rejected) >= 0
    else { return nil }
    self.init(
      name: name, rows: Int(rows), used: Int(used), duplicates: Int(duplicates),
      rejected: Int(rejected))
  }
}

extension JSONValue {
  fileprivate var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .double(let value): value
    default: nil
    }
  }
}
