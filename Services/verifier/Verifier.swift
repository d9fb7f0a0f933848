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
      try options.run("verifier", VerifierSettings.all) { process in
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
        try process.serve(checks: parts.health.checks) { loop in
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
  let scenes: [String: Scene]
  let cache: SharedCache
  let journal: Journal
  let health: VerifierHealth
  let epochKeysPath: String
  let relay: (url: UpstreamURL, tls: TLSContext)?
  let foreignTimeoutMilliseconds: Int
  /// Drawn at random: tells this process's receipts from every other's.
  let processNumber: UInt32

  init(_ process: ServiceProcess) throws {
    let configuration = process.configuration
    guard let region = Region(text: try configuration.string("region")) else {
      throw ConfigurationError("region must be a GB/T 2260 code of six digits")
    }
    rules = ScanRules(
      region: region, partners: try Self.partners(configuration.list("partners")),
      clockSkewSeconds: try configuration.integer("clock_skew_seconds"),
      statusAgeMaxSeconds: try configuration.integer("status_age_max_seconds"))
    scenes = try Self.readScenes(try configuration.string("scenes_directory"))
    let cacheDirectory = try configuration.string("cache_directory")
    let mapSize = try configuration.integer("map_size_mib") << 20
    cache = try SharedCache(directory: cacheDirectory, region: region, mapSizeBytes: mapSize)
    journal = try Journal(
      directory: try configuration.string("journal_directory"),
      mapSizeBytes: mapSize, loopCount: process.loops.all.count,
      commitMilliseconds: try configuration.integer("journal_commit_milliseconds"),
      retentionDays: try configuration.integer("journal_retention_days"), log: process.log)
    health = VerifierHealth(
      cache: cache, journal: journal, statusAgeMaxSeconds: rules.statusAgeMaxSeconds)
    epochKeysPath = "\(cacheDirectory)/\(EpochKeyFile.name)"
    if let url = configuration.optional("relay_url") {
      relay = (try UpstreamURL(url), process.clientTLS)
    } else {
      relay = nil
    }
    foreignTimeoutMilliseconds = try configuration.integer("foreign_timeout_milliseconds")
    var random = RandomPool()
    processNumber = UInt32(truncatingIfNeeded: random.nextUInt64())
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

  private static func readScenes(_ directory: String) throws -> [String: Scene] {
    var scenes: [String: Scene] = [:]
    for name in try System.files(in: directory, suffix: ".json") {
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

/// What the verifier's probes ask.
final class VerifierHealth: Sendable {
  private let cache: SharedCache
  private let journal: Journal
  private let statusAgeMaxSeconds: Int
  /// When the last of the epoch keys ends, in seconds since 1970; 0 while there are none.
  private let keysEnd = Atomic<Int64>(0)

  init(cache: SharedCache, journal: Journal, statusAgeMaxSeconds: Int) {
    self.cache = cache
    self.journal = journal
    self.statusAgeMaxSeconds = statusAgeMaxSeconds
  }

  func keysLoaded(_ file: EpochKeyFile) {
    keysEnd.store(file.endSeconds ?? 0, ordering: .releasing)
  }

  private var hasKeys: Bool { keysEnd.load(ordering: .acquiring) > 0 }

  /// How long codes can be opened with the keys held; not a number without any.
  var keysLeftSeconds: Double {
    let end = keysEnd.load(ordering: .acquiring)
    return end > 0 ? KeyExpiry.secondsLeft(end) : .nan
  }

  var ageSeconds: Double {
    guard let asOf = cache.asOf else { return .infinity }
    return Double(WallClock.now().milliseconds(since: asOf)) / 1_000
  }

  var checks: [HealthCheck] {
    [
      HealthCheck("status_cache") { [self] in
        guard let asOf = cache.asOf else {
          return "empty: the issuer or relay of this host has not filled it yet"
        }
        let seconds = WallClock.now().milliseconds(since: asOf) / 1_000
        return seconds > UInt64(statusAgeMaxSeconds)
          ? "its knowledge is \(seconds) seconds old: is the issuer or relay running?" : nil
      },
      HealthCheck("epoch_keys") { [self] in
        hasKeys ? nil : "none yet: the issuer or relay writes them"
      },
      HealthCheck("journal") { [self] in journal.complaint },
    ]
  }
}
