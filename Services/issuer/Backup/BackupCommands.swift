import ArgumentParser
import Codes
import Feed
import IssuerCore
import Security
import Server
import Storage

/// `issuer backup`: the registry and its generations, beside a running issuer.
struct BackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Write a backup of holders, change log and generations; the issuer may be running.",
    discussion: """
      The backup is of one moment of the log, named at the end; it appears under its name when it is
      whole and on the disk, and is never replaced. Status caches are not in it: they are built from
      the log. Keys are not in it either: keep region_secret_file, pepper_file and sealer_key_file
      apart, because a backup without them tells nobody's name, and is worth nothing without them.

      EXAMPLES
        issuer backup /backups/2026-11-28 --config issuer.json
      """)
  @OptionGroup var options: IssuerOptions
  @Argument(help: "The directory to make.") var directory: String
  @Flag(
    name: .customLong("with-keys"),
    help: "Put the keys into the backup too. Whoever reads it can then make codes for everybody.")
  var withKeys = false

  func run() throws {
    try options.run("backup") { configuration in
      let start = System.monotonicNanoseconds
      let registered = try ComputeCommand.registered(configuration)
      let key = try SigningKey(pemFile: try configuration.string("sealer_key_file"))
      var backup = RegistryBackup(
        region: registered.region, secret: registered.secret, key: key,
        registry: try registered.open(),
        generations: GenerationDirectory(
          dataDirectory: try configuration.string("data_directory")),
        progress: ComputeProgress())
      if withKeys {
        let settings = ["region_secret_file", "pepper_file", "sealer_key_file"]
        backup.keyFiles = try zip(BackupFileName.keys, settings).map { name, setting in
          (name, try configuration.string(setting))
        }
      }
      let manifest = try backup.run(into: directory)
      System.writeOutput(text(manifest, ComputeEngine.seconds(since: start)))
    }
  }

  private func text(_ manifest: BackupManifest, _ seconds: Double) -> String {
    let bytes = manifest.files.reduce(0) { $0 + $1.byteCount }
    let holders = manifest.files.first { $0.name == BackupTable.documents.rawValue }
    var text =
      "\(directory): region \(manifest.region) at log position \(manifest.state.lastPosition)"
      + " (segment \(manifest.state.chain.segment)), \(holders?.entryCount ?? 0) holders,"
      + (manifest.inForce == 0 ? "" : " generation \(manifest.inForce) in force,")
      + " \(bytes) bytes in \((seconds * 10).rounded() / 10) s\n"
    text +=
      withKeys
      ? "IT HOLDS THE KEYS: whoever reads it can make codes for everybody. Lock it away.\n"
      : "It holds no keys. Keep region_secret_file, pepper_file and sealer_key_file apart from it,"
        + " as safely: without them it cannot be restored.\n"
    return text
  }
}

/// `issuer restore`: the way back.
struct RestoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Fill an empty data_directory from a backup; then `issuer serve` serves from it.",
    discussion: """
      The keys that the configuration names must be those of the backup. Refused are directories
      that are not empty, damaged files, and backups of a newer version; a restore that was
      interrupted is simply started again. The status cache is built from the log at the next start.

      Changes after the backup's position are lost. Serials that may have been given since are
      skipped, so that no new holder answers to the handle of a lost one. Other hosts that followed
      the feed beyond that position refuse the new log: empty their cache_directory.

      EXAMPLES
        issuer restore /backups/2026-11-28 --config issuer.json
        issuer restore /bulk/backup --copy --config issuer.json
      """)
  @OptionGroup var options: IssuerOptions
  @Argument(help: "The backup.") var directory: String
  @Flag(help: "A copy to compute from, beside an issuer that goes on: no serial is skipped.")
  var copy = false
  @Option(help: "How many serials to skip: more than were registered since the backup.")
  var skipSerials = RegistryRestore.skippedDefault

  func run() throws {
    try options.run("restore") { configuration in
      guard skipSerials <= RegistryRestore.skippedMax else {
        throw ConfigurationError(
          "--skip-serials must be \(RegistryRestore.skippedMax) at most")
      }
      let registered = try ComputeCommand.registered(configuration)
      let key = try SigningKey(pemFile: try configuration.string("sealer_key_file"))
      let manifest = try RegistryRestore(
        region: registered.region, secret: registered.secret, key: key.verifyingKey,
        dataDirectory: try configuration.string("data_directory"),
        cacheDirectory: try configuration.string("cache_directory"),
        mapSizeBytes: try configuration.integer("map_size_mib") << 20,
        skippedSerials: copy ? 0 : skipSerials, progress: ComputeProgress()
      ).run(from: directory)
      System.writeOutput(
        "restored region \(manifest.region) as of \(manifest.madeAt): log position"
          + " \(manifest.state.lastPosition) (segment \(manifest.state.chain.segment))."
          + " `issuer serve` builds the status cache.\n")
    }
  }
}
