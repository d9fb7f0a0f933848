import ArgumentParser
import Codes
import Feed
import JSON
import Security
import Server
import StatusCache
import Storage
import Synchronization
import VerifierCore

/// Answers scans from the status cache of its host alone.
@main
struct Verifier: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verifier",
    abstract: "Answers scans: accepted, or refused for a named reason.",
    discussion: """
      EXAMPLES
        verifier serve --config /etc/citycode/verifier.json
        verifier serve --config verifier.json --set listen=0.0.0.0:8443 --check-config
        verifier health --admin-url http://127.0.0.1:9443
      """,
    subcommands: [Serve.self, Health.self])

  struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve until SIGTERM.")
    @OptionGroup var options: ServeOptions

    func run() throws {
      try options.run("verifier", VerifierSettings.all, checking: VerifierParts.check) { process in
        let parts = try VerifierParts(process)
        let metrics = process.metrics
        metrics.gauge(
          "citycode_status_age_seconds", "Age of this host's knowledge of statuses."
        ) { parts.health.ageSeconds }
        metrics.gauge(
          "citycode_feed_position", "Last change of the log that this host's status cache has."
        ) { (try? parts.cache.state()).map { Double($0.appliedPosition) } ?? 0 }
        metrics.gauge("citycode_journal_backlog", "Scans answered and not yet durable.") {
          Double(parts.journal.backlog)
        }
        metrics.offerMapUse("journal") { try parts.journal.mapUsage().fraction }
        metrics.offerMapUse("status_cache") { try parts.cache.mapUsage()?.fraction }
        KeyExpiry.offer(metrics, "epoch_keys") { parts.health.keysLeftSeconds }
        metrics.offerReaders(of: "status_cache") { try? parts.cache.readers()?.figures }
        metrics.offerReaders(of: "journal") { try? parts.journal.readers.report().figures }
        let scenesDirectory = try process.configuration.string("scenes_directory")
        try process.serve(
          checks: parts.health.checks,
          reloading: {
            let scenes = try VerifierParts.readScenes(scenesDirectory)
            return ReloadedPart(onLoop: { service in (service as? VerifierLoop)?.adopt(scenes) })
          }
        ) { loop in
          try VerifierLoop(parts: parts, loop: loop, metrics: metrics)
        } stop: {
          parts.journal.close()
        }
      }
    }
  }

  struct Health: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Ask a running verifier how it is; exit status 0 or 1.")
    @OptionGroup var options: HealthOptions

    func run() throws { try options.run() }
  }
}

/// The keys of the verifier beyond those every service has.
enum VerifierSettings {
  static let all: [Setting] =
    ServiceProcess.commonSettings(
      listen: "127.0.0.1:8443", admin: "127.0.0.1:9443", deadlineMilliseconds: 16) + [
      Setting("partners", .list, default: "", "regions whose codes are sent to the relay"),
      Setting("cache_directory", .string, default: nil, "the status cache of this host"),
      Setting("journal_directory", .string, default: nil, "where scans are recorded"),
      Setting(
        "scenes_directory", .string, default: nil, "one JSON file per scene, see deploy/scenes"),
      Setting(
        "relay_url", .string, default: "", "https://host:port of the relay; empty: no partners"),
      Setting(
        "clock_skew_seconds", .integer(0...600), default: "60",
        "how far this clock and the issuer's may be apart"),
      Setting(
        "status_age_max_seconds", .integer(1...604_800), default: "21600",
        "oldest knowledge an answer may rest on; beyond it scans are refused as stale_cache"),
      Setting(
        "stale_after_seconds", .integer(1...604_800), default: "10800",
        "knowledge older than this turns /readyz off, while scans go on until"
          + " status_age_max_seconds, if that is more"),
      Setting(
        "foreign_timeout_milliseconds", .integer(50...30_000), default: "2000",
        "within this time a foreign code is answered, with region_unreachable at worst"),
      Setting(
        "journal_commit_milliseconds", .integer(1...1_000), default: "10",
        "longest time between a scan's answer and the commit that makes its record durable"),
      Setting(
        "journal_retention_days", .integer(1...3_650), default: "30",
        "how long scans are kept here"),
    ]
}

/// What all loops of the verifier share; immutable or safe to share.
struct VerifierParts: Sendable {
  let rules: ScanRules
  /// As they were at the start; see `VerifierLoop.scenes`.
  let scenes: [String: Scene]
  let cache: SharedCache
  let journal: Journal
  let health: VerifierHealth
  let epochKeysPath: String
  let relay: (url: UpstreamURL, tls: ClientTLS)?
  let foreignTimeoutMilliseconds: Int
  /// Drawn at random: tells this process's receipts from every other's.
  let processNumber: UInt32

  init(_ process: ServiceProcess) throws {
    let configuration = process.configuration
    rules = try Self.rules(configuration)
    scenes = try Self.readScenes(try configuration.string("scenes_directory"))
    if let url = configuration.optional("relay_url") {
      relay = (try UpstreamURL(url), process.clientTLS)
    } else {
      relay = nil
    }
    let cacheDirectory = try configuration.string("cache_directory")
    let mapSize = try configuration.integer("map_size_mib") << 20
    cache = try SharedCache(
      directory: cacheDirectory, region: rules.region, mapSizeBytes: mapSize)
    journal = try Journal(
      directory: try configuration.string("journal_directory"),
      mapSizeBytes: mapSize, loopCount: process.loops.all.count,
      commitMilliseconds: try configuration.integer("journal_commit_milliseconds"),
      retentionDays: try configuration.integer("journal_retention_days"), log: process.log)
    health = VerifierHealth(
      cache: cache, journal: journal,
      staleAfterSeconds: min(
        try configuration.integer("stale_after_seconds"), rules.statusAgeMaxSeconds))
    epochKeysPath = "\(cacheDirectory)/\(EpochKeyFile.name)"
    foreignTimeoutMilliseconds = try configuration.integer("foreign_timeout_milliseconds")
    var random = RandomPool()
    processNumber = UInt32(truncatingIfNeeded: random.nextUInt64())
  }

  /// What `--check-config` looks at: all files and settings that a start reads.
  static func check(_ process: ServiceProcess) throws {
    _ = try rules(process.configuration)
    _ = try readScenes(try process.configuration.string("scenes_directory"))
    if let url = process.configuration.optional("relay_url") { _ = try UpstreamURL(url) }
  }

  private static func rules(_ configuration: Configuration) throws(ConfigurationError) -> ScanRules
  {
    guard let region = Region(text: try configuration.string("region")) else {
      throw ConfigurationError("region must be a GB/T 2260 code of six digits")
    }
    return ScanRules(
      region: region, partners: try partners(configuration.list("partners")),
      clockSkewSeconds: try configuration.integer("clock_skew_seconds"),
      statusAgeMaxSeconds: try configuration.integer("status_age_max_seconds"))
  }

  private static func partners(_ texts: [String]) throws(ConfigurationError) -> Set<Region> {
    var regions: Set<Region> = []
    for text in texts {
      guard let region = Region(text: text) else {
        throw ConfigurationError("partners: \"\(text)\" is not a GB/T 2260 code of six digits")
      }
      regions.insert(region)
    }
    return regions
  }

  /// The scenes of `directory`, by name; any fault in any file refuses all.
  static func readScenes(_ directory: String) throws -> [String: Scene] {
    var scenes: [String: Scene] = [:]
    let names: [String]
    do { names = try System.files(in: directory, suffix: ".json") } catch {
      throw ConfigurationError("scenes_directory: \(error.description)")
    }
    for name in names {
      let path = "\(directory)/\(name)"
      do {
        let scene = try Scene(json: try JSONParser.parse(try System.readFile(path)))
        guard scenes.values.allSatisfy({ $0.number != scene.number }),
          scenes.updateValue(scene, forKey: scene.name) == nil
        else {
          throw ConfigurationError(
            "scene file \(path): the name \(scene.name) or the number \(scene.number) stands twice")
        }
      } catch let fault as Scene.Fault {
        throw ConfigurationError("scene file \(path): \(fault.message)")
      } catch let fault as JSONError {
        throw ConfigurationError("scene file \(path): \(fault.description)")
      }
    }
    guard !scenes.isEmpty else {
      throw ConfigurationError("scenes_directory \(directory) holds no .json file")
    }
    return scenes
  }
}
