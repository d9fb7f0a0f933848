import ArgumentParser
import Codes
import RelayCore
import Security
import Server

/// Moves things between places: scans to partner regions and back, and the feed into its host's
/// status cache.
@main
struct Relay: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "relay",
    abstract: "Carries scans between regions and the feed to its host.",
    discussion: """
      EXAMPLES
        relay serve --config /etc/citycode/relay.json
        relay serve --config relay.json --set follow_url=https://issuer.example:8440
        relay health --admin-url http://127.0.0.1:9446
      """,
    subcommands: [Serve.self, Health.self])

  struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve until SIGTERM.")
    @OptionGroup var options: ServeOptions

    func run() throws {
      try options.run(
        "relay", RelaySettings.all, checking: { try RelayParts.check($0) }
      ) { process in
        let parts = try RelayParts(process)
        let feed = try FeedFollower(process)
        let metrics = process.metrics
        try process.serve(
          checks: feed?.checks ?? [], progress: { feed?.startProgress }
        ) { loop in
          try RelayLoop(parts: parts, loop: loop, metrics: metrics)
        } stop: {
          feed?.close()
        }
      }
    }
  }

  struct Health: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Ask a running relay how it is; exit status 0 or 1.")
    @OptionGroup var options: HealthOptions

    func run() throws { try options.run() }
  }
}

/// The keys of the relay beyond those every service has.
enum RelaySettings {
  static let all: [Setting] =
    ServiceProcess.commonSettings(listen: "127.0.0.1:8446", admin: "127.0.0.1:9446") + [
      Setting(
        "partners", .list, default: "", "partner regions' relays: 330000=https://host:port,..."),
      Setting(
        "verifier_url", .string, default: "",
        "https://host:port of this region's verifier: answers partners' scans"),
      Setting(
        "partner_timeout_milliseconds", .integer(50...30_000), default: "1500",
        "within this time a partner answers, or is unreachable"),
      Setting(
        "follow_url", .string, default: "",
        "https://host:port of the issuer whose feed fills this host's cache; empty on the"
          + " issuer's own host"),
      Setting("cache_directory", .string, default: "", "the status cache of this host"),
      Setting(
        "stale_after_seconds", .integer(1...604_800), default: "10800",
        "knowledge of the followed feed older than this turns /readyz off"),
      Setting(
        "sealer_public_key_file", .string, default: "",
        "Ed25519 public key, PEM, of the region's sealer: the feed is believed under it alone"),
      Setting(
        "kill_hung_readers", .boolean, default: "true",
        "kill a process that has held a view of the status cache for 5 s: else the file grows"),
    ]
}

/// What all loops of the relay share.
struct RelayParts: Sendable {
  let region: Region
  let partners: PartnerTable
  let partnerURLs: [Region: UpstreamURL]
  let verifierURL: UpstreamURL?
  let tls: ClientTLS
  let partnerTimeoutMilliseconds: Int

  /// What `--check-config` looks at: all files and settings that a start reads.
  static func check(_ process: ServiceProcess) throws {
    _ = try RelayParts(process)
    if process.configuration.optional("follow_url") != nil {
      _ = try FeedFollower.source(process.configuration)
    }
  }

  init(_ process: ServiceProcess) throws {
    let configuration = process.configuration
    guard let region = Region(text: try configuration.string("region")) else {
      throw ConfigurationError("region must be a GB/T 2260 code of six digits")
    }
    self.region = region
    do { partners = try PartnerTable(configuration.list("partners")) } catch {
      throw ConfigurationError(error.message)
    }
    var urls: [Region: UpstreamURL] = [:]
    for (region, text) in partners.urls { urls[region] = try UpstreamURL(text) }
    partnerURLs = urls
    verifierURL = try configuration.optional("verifier_url").map { try UpstreamURL($0) }
    tls = process.clientTLS
    partnerTimeoutMilliseconds = try configuration.integer("partner_timeout_milliseconds")
  }
}
