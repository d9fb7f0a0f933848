import Codes
import JSON
import Security
import Server
import StatusCache
import Storage

/// What `issuer generations` shows: every generation on the disk, and what activating it would
/// change now.
struct GenerationListing {
  struct Row {
    let number: UInt32
    /// `nil` for a damaged one.
    let manifest: GenerationManifest?
    /// `nil` where there is no status cache to compare with.
    let comparison: GenerationComparison?
    let damage: String?
  }

  let state: GenerationState
  let rows: [Row]

  /// Reads beside a running issuer.
  init(_ store: GenerationReadings) throws {
    state = try store.registry.generationState()
    rows = try store.directory.numbers().map { number in
      do {
        var pages = try store.directory.pages(number, key: store.key)
        let manifest = pages.manifest
        let comparison = try store.cache.map {
          try GenerationComparison(&pages, store.registry, $0)
        }
        return Row(number: number, manifest: manifest, comparison: comparison, damage: nil)
      } catch let error as GenerationDirectory.Damaged {
        return Row(number: number, manifest: nil, comparison: nil, damage: error.description)
      }
    }
  }

  private func role(_ row: Row) -> String? {
    if row.number == state.inForce { return "in force" }
    return state.mayRollBack && row.number == state.held ? "rollback goes here" : nil
  }

  // MARK: For people

  var text: String {
    var text = ""
    for row in rows {
      text += "\(row.number)"
      if let role = role(row) { text += " (\(role))" }
      guard let manifest = row.manifest else {
        text += "  DAMAGED: \(row.damage ?? "")\n"
        continue
      }
      text += Self.text(manifest)
      if let comparison = row.comparison, row.number != state.inForce {
        text += Self.text(comparison)
      }
    }
    if rows.isEmpty { text += "no generation was computed yet\n" }
    if state.inForce == 0 { text += "in force: no computed generation\n" }
    if state.mayRollBack, state.held == 0 {
      text += "rollback goes back to the statuses before any computed generation\n"
    }
    return text
  }

  private static func text(_ manifest: GenerationManifest) -> String {
    let facts = manifest.facts
    var text = "  made \(manifest.madeAt) from plan \(facts.planName), as of \(facts.asOf)"
    text += ", log position \(manifest.base.position)\n"
    for source in facts.sources {
      text += "    \(source.name): \(source.rows) rows, \(source.used) used,"
      text += " \(source.duplicates) duplicates, \(source.rejected) rejected"
      text += source.rejectShare > facts.rejectShareMax ? " (beyond the plan's limit)\n" : "\n"
    }
    let counts = Colour.allCases.filter { manifest.counts[Int($0.rawValue)] > 0 || $0 != .none }
      .map { "\(manifest.counts[Int($0.rawValue)]) \($0.name)" }
    return text + "    colours: \(counts.joined(separator: ", "))\n"
  }

  private static func text(_ comparison: GenerationComparison) -> String {
    guard comparison.changed > 0 else { return "    would change no colour now\n" }
    var parts: [String] = []
    for present in Colour.allCases {
      for then in Colour.allCases where present != then && comparison[present, then] > 0 {
        parts.append("\(comparison[present, then]) \(present.name) to \(then.name)")
      }
    }
    return "    would change \(comparison.changed) colours now: \(parts.joined(separator: ", "))\n"
  }

  // MARK: For programs

  var json: [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.field("in_force", state.inForce)
      json.field("may_roll_back", state.mayRollBack)
      json.name("held")
      json.value(state.held.map { JSONValue.integer(Int64($0)) } ?? .null)
      json.field("generations", array: { json in rows.forEach { write($0, &json) } })
    }
    json.endLine()
    return json.bytes
  }

  private func write(_ row: Row, _ json: inout JSONWriter) {
    json.object { json in
      json.field("number", row.number)
      json.field("in_force", row.number == state.inForce)
      if let damage = row.damage { json.field("damage", damage) }
      guard let manifest = row.manifest else { return }
      json.field("made_at", "\(manifest.madeAt)")
      json.field("plan", manifest.facts.planName)
      json.field("plan_sha256", manifest.facts.planDigest.hex)
      json.field("as_of", "\(manifest.facts.asOf)")
      json.field("base_position", manifest.base.position)
      json.field("beyond_reject_limit", !manifest.facts.sourcesBeyondLimit.isEmpty)
      json.field(
        "sources",
        array: { json in
          for source in manifest.facts.sources {
            json.object { json in
              json.field("name", source.name)
              json.field("rows", source.rows)
              json.field("used", source.used)
              json.field("duplicates", source.duplicates)
              json.field("rejected", source.rejected)
            }
          }
        })
      json.field(
        "counts",
        object: { json in
          for colour in Colour.allCases {
            json.field(colour.name, manifest.counts[Int(colour.rawValue)])
          }
        })
      guard let comparison = row.comparison else { return }
      json.field("changes_now", comparison.changed)
      json.field("changes", object: { Self.write(comparison, &$0) })
    }
  }

  private static func write(_ comparison: GenerationComparison, _ json: inout JSONWriter) {
    for present in Colour.allCases {
      for then in Colour.allCases where present != then && comparison[present, then] > 0 {
        json.field("\(present.name)_to_\(then.name)", comparison[present, then])
      }
    }
  }
}

/// What commands read of generations, beside a running issuer.
struct GenerationReadings {
  let registry: Registry
  let directory: GenerationDirectory
  let cache: CacheReader?
  let key: VerifyingKey

  init(_ configuration: Configuration) throws {
    guard let region = Region(text: try configuration.string("region")) else {
      throw ConfigurationError("region must be a GB/T 2260 code of six digits")
    }
    let data = try configuration.string("data_directory")
    let mapSize = try configuration.integer("map_size_mib") << 20
    key = try SigningKey(pemFile: try configuration.string("sealer_key_file")).verifyingKey
    registry = try Registry(
      directory: data, region: region, mapSizeBytes: mapSize, access: .readOnly)
    directory = GenerationDirectory(dataDirectory: data)
    let shared = try SharedCache(
      directory: try configuration.string("cache_directory"), region: region,
      mapSizeBytes: mapSize)
    cache = try shared.state() == nil ? nil : CacheReader(shared, region: region)
  }
}
