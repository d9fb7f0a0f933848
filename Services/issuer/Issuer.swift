import ArgumentParser
import Codes
import IssuerCore
import Logging
import Security
import Server
import StatusCache
import Storage

/// Owns the truth of a region: holders, statuses, keys. Makes codes and writes the change log.
@main
struct Issuer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "issuer",
    abstract: "Issues codes, changes statuses, keeps the change log.",
    discussion: """
      EXAMPLES
        issuer keys --directory /etc/citycode/keys
        issuer sample --people 10000 --seed 1 > people.csv
        issuer load people.csv --config issuer.json
        issuer serve --config issuer.json
        issuer generations --config issuer.json
        issuer activate 7 --config issuer.json
        issuer rollback --config issuer.json
        issuer compute --plan plan.yaml --config issuer.json
        issuer backup /backups/today --config issuer.json
        issuer health --admin-url http://127.0.0.1:9440
      """,
    subcommands: [
      Serve.self, LoadCommand.self, ComputeCommand.self, ExplainCommand.self,
      GenerationsCommand.self, ActivateCommand.self, RollBackCommand.self, AssembleCommand.self,
      BackupCommand.self, RestoreCommand.self,
      SampleCommand.self, SampleRecordsCommand.self, KeysCommand.self, Health.self,
    ])

  struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve until SIGTERM.")
    @OptionGroup var options: ServeOptions

    func run() throws {
      try options.run(
        "issuer", IssuerSettings.all, checking: { try IssuerStore.check($0.configuration) }
      ) { process in
        let store = try IssuerStore(process.configuration)
        let parts = try IssuerParts(process, store)
        let control = try GenerationControl(store, parts.ledger, process.configuration)
        let generations = try GenerationService(control, log: process.log)
        generations.offer(process.metrics)
        let keys = EpochKeyWriter(
          parts, process.configuration, directory: try IssuerSettings.cacheDirectory(process))
        keys.start(on: process.loops.all[0])
        for (name, environment) in parts.environments {
          process.metrics.offerMapUse(name) { try environment().fraction }
        }
        for (name, readers) in [
          ("registry", store.registry.readers), ("status_cache", store.cache.readers),
        ] {
          process.metrics.offerReaders(of: name) { try? readers.report().figures }
        }
        let metrics = process.metrics
        metrics.gauge("citycode_feed_position", "Last change of the log.") {
          Double(parts.ledger.ledgerState.lastPosition)
        }
        KeyExpiry.offer(metrics, "epoch_keys") { keys.secondsLeft }
        let checks = [
          HealthCheck("ledger") { parts.ledger.complaint },
          HealthCheck("signed_head") {
            HeadAge.complaint(parts.ledger.headAsOf, now: WallClock.now())
          },
          HealthCheck("epoch_keys") { keys.complaint },
        ]
        try process.serve(
          checks: checks, draining: parts.ledger.drain, reloading: keys.reload
        ) { _ in
          try IssuerLoop(issuer: parts, metrics: metrics)
        } stop: {
          generations.close()
          parts.ledger.close()
        }
      }
    }
  }

  struct Health: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Ask a running issuer how it is; exit status 0 or 1.")
    @OptionGroup var options: HealthOptions

    func run() throws { try options.run() }
  }
}

/// The keys of the issuer beyond those every service has.
enum IssuerSettings {
  static let all: [Setting] =
    ServiceProcess.commonSettings(listen: "127.0.0.1:8440", admin: "127.0.0.1:9440") + [
      Setting("data_directory", .string, default: nil, "holders and the change log"),
      Setting("cache_directory", .string, default: nil, "the status cache of this host"),
      Setting(
        "region_secret_file", .string, default: nil,
        "64 hexadecimal digits, mode 0600: epoch keys and handles come from it"),
      Setting(
        "pepper_file", .string, default: nil,
        "64 hexadecimal digits, mode 0600: documents are stored under it; never change it"),
      Setting(
        "sealer_key_file", .string, default: nil, "Ed25519 private key, PEM: signs the feed"),
      Setting(
        "code_prefix", .string, default: "", "put before codes, e.g. HTTPS://CODE.EXAMPLE/C/"),
      Setting("code_lifetime_seconds", .integer(15...3_825), default: "60", "unless asked for"),
      Setting(
        "status_valid_days", .integer(1...3_650), default: "365", "of a new holder's green"),
      Setting(
        "generations_kept", .integer(1...100), default: "3",
        "computed generations kept on the disk beside those that are needed"),
      Setting(
        "epoch_keys_hours_ahead", .integer(1...40), default: "24",
        "how long verifiers can go on alone: the hours of keys they get in advance"),
      Setting(
        "kill_hung_readers", .boolean, default: "true",
        "kill a process that has held a view of the status cache for 5 s: else the file grows"),
    ]

  static func cacheDirectory(_ process: ServiceProcess) throws(ConfigurationError) -> String {
    try process.configuration.string("cache_directory")
  }
}

extension IssuerParts {
  /// The LMDB environments by name, and how to ask how full they are.
  fileprivate var environments: [(String, @Sendable () throws -> MapUsage)] {
    [
      ("registry", { [registry] in try registry.environment.mapUsage() }),
      ("status_cache", { [cache] in try cache.mapUsage() }),
    ]
  }

  /// Opens what the configuration names. The cache is brought up to the log before this returns.
  init(_ process: ServiceProcess, _ store: IssuerStore) throws {
    if let damage = store.cache.damage {
      process.log.error("the status cache is made anew", metadata: ["damage": "\(damage)"])
    }
    try LogRecovery(store).run()
    self.init(
      region: store.region, secret: store.secret, registry: store.registry, cache: store.cache,
      ledger: try LedgerWriter(
        registry: store.registry, cache: store.cache, key: store.sealerKey, log: process.log,
        care: CacheCare(
          endsHungReaders: try process.configuration.boolean("kill_hung_readers"))),
      sealerKey: store.sealerKey,
      codePrefix: process.configuration.optional("code_prefix"),
      codeLifetimeSeconds: try process.configuration.integer("code_lifetime_seconds"),
      statusValidDays: try process.configuration.integer("status_valid_days"),
      epochKeysHoursAhead: try process.configuration.integer("epoch_keys_hours_ahead"))
  }
}

/// The issuer's files: secrets, registry, status cache. Shared by `serve`, `load` and, while the
/// issuer does not run, `activate`; the second of them to open the directory is refused by name.
struct IssuerStore {
  let region: Region
  let secret: RegionSecret
  let sealerKey: SigningKey
  let registry: Registry
  let cache: CacheWriter
  let generations: GenerationDirectory
}

extension IssuerStore {
  /// What `--check-config` looks at beside the common files.
  static func check(_ configuration: Configuration) throws {
    _ = try keys(configuration)
    for key in ["data_directory", "cache_directory"] { _ = try configuration.string(key) }
  }

  private static func keys(
    _ configuration: Configuration
  ) throws -> (region: Region, secret: RegionSecret, sealer: SigningKey) {
    guard let region = Region(text: try configuration.string("region")) else {
      throw ConfigurationError("region must be a GB/T 2260 code of six digits")
    }
    do {
      return (
        region, try regionSecret(configuration, region),
        try SigningKey(pemFile: try configuration.string("sealer_key_file"))
      )
    } catch let error as SecurityError {
      throw ConfigurationError(error.description)
    }
  }

  init(_ configuration: Configuration) throws {
    (region, secret, sealerKey) = try Self.keys(configuration)
    let mapSize = try configuration.integer("map_size_mib") << 20
    let data = try configuration.string("data_directory")
    let cache = try configuration.string("cache_directory")
    do {
      try System.makeDirectory(data)
      try System.makeDirectory(cache)
    } catch {
      throw ConfigurationError(error.description)
    }
    generations = GenerationDirectory(dataDirectory: data)
    self.cache = try CacheWriter(directory: cache, region: region, mapSizeBytes: mapSize)
    registry = try Registry(directory: data, region: region, mapSizeBytes: mapSize)
  }

  /// What the region's two secret files hold.
  static func regionSecret(
    _ configuration: Configuration, _ region: Region
  ) throws -> RegionSecret {
    RegionSecret(
      region: region, schedule: try schedule(configuration, region),
      pepper: try pepper(configuration))
  }

  static func schedule(
    _ configuration: Configuration, _ region: Region
  ) throws -> SecretSchedule {
    let path = try configuration.string("region_secret_file")
    let bytes = try SecretFile.read(path: path, byteCountMax: 16_384)
    guard let schedule = SecretSchedule(bytes, region: region) else {
      throw ConfigurationError(
        "region_secret_file: \(path) must hold 64 hexadecimal digits, or what `issuer keys rotate"
          + " region-secret` writes; `issuer keys` makes such files")
    }
    return schedule
  }

  private static func pepper(_ configuration: Configuration) throws -> [UInt8] {
    let path = try configuration.string("pepper_file")
    let text = try SecretFile.read(path: path, byteCountMax: 256)
    let digits = String(decoding: text, as: UTF8.self).filter { !$0.isWhitespace }
    guard let bytes = Hexadecimal.bytes(of: digits), bytes.count == 32 else {
      throw ConfigurationError(
        "pepper_file: \(path) must hold 64 hexadecimal digits; `issuer keys` makes such files")
    }
    return bytes
  }
}

/// How long ago the log was last signed as complete, which its writer does each second.
enum HeadAge {
  /// Beyond this an issuer must not say that it is ready: what it answers may not be the newest.
  static let secondsMax: UInt64 = 5

  /// What is wrong with a head of `asOf`; `nil` if nothing is.
  static func complaint(_ asOf: Instant, now: Instant) -> String? {
    let age = now.milliseconds(since: asOf)
    guard age > secondsMax * 1_000 else { return nil }
    return "the log was last signed \(age / 1_000) seconds ago: its writer is stuck, see `ledger`"
      + " and the disk"
  }
}
