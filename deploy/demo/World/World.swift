import Security
import Server
import Synchronization

/// Two regions on one machine, each with issuer, verifier and relay as processes that talk HTTP/2
/// over TLS; with throw-away keys, certificates, tokens and a sample population.
package final class World: Sendable {
  /// What a world shall be.
  package struct Plan: Sendable {
    package var directory: String
    /// People of the first region; every other one has 10,000 at most.
    package var people = 10_000
    package var seed: UInt64 = 1
    package var regions = ["310000", "330000"]
    package var services = ["issuer", "verifier", "relay"]
    /// Settings by service, over those of a world.
    package var settings: [String: [String: String]] = [:]
    /// 8440 and the hundreds after it, unless taken; else any free ports.
    package var prefersKnownPorts = false
    /// Shows the loading's progress on the terminal instead of writing it to a log.
    package var showsProgress = false

    package init(directory: String) { self.directory = directory }
  }

  package let plan: Plan
  package let sites: [Site]
  package let programs: Programs
  private let surroundings: Surroundings
  private let loops: Loops
  private let moreSites = Mutex<[Site]>([])

  package static let partnerPeopleMax = 10_000

  /// Makes directories, certificates, keys and configurations; starts nothing yet.
  package init(_ plan: Plan) async throws {
    self.plan = plan
    let programs = try Programs()
    self.programs = programs
    loops = Loops(count: 1)
    for name in ["logs", "pids"] { try Files.makeDirectory("\(plan.directory)/\(name)") }
    let certificates = try await CertificateAuthority(directory: "\(plan.directory)/ca")
    let surroundings = Surroundings(
      directory: Spawn.resolved(plan.directory), programs: programs, certificates: certificates,
      loop: loops.all[0], tls: try TLSContext.client(caFile: certificates.certificateFile))
    self.surroundings = surroundings
    var sites: [Site] = []
    for (index, region) in plan.regions.enumerated() {
      sites.append(
        try Site(
          region: region, name: region,
          credentials: Credentials(
            region: region, partners: plan.regions.filter { $0 != region }),
          services: plan.services, firstPort: plan.prefersKnownPorts ? 8_440 + 100 * index : nil,
          surroundings: surroundings))
    }
    self.sites = sites
    for site in sites {
      try await site.prepare()
      try configure(site)
    }
  }

  /// The region the story is about.
  package var home: Site { sites[0] }
  package var partner: Site { sites[1] }
  package var certificateFile: String { surroundings.certificates.certificateFile }
  package var directory: String { surroundings.directory }
  /// All codes that this process's channels were given.
  package var codesSeen: [String] { surroundings.codes.all }

  private func configure(_ site: Site) throws {
    let others = sites.filter { $0.region != site.region }
    var own: [String: [String: String]] = [:]
    own["issuer"] = [
      "data_directory": "\(site.directory)/data",
      "region_secret_file": "\(site.directory)/secrets/region-secret",
      "pepper_file": "\(site.directory)/secrets/pepper",
      "sealer_key_file": "\(site.directory)/secrets/sealer.pem",
    ]
    own["verifier"] = [
      "partners": others.map(\.region).joined(separator: ","),
      "journal_directory": "\(site.directory)/journal",
      "scenes_directory": programs.scenes,
      "relay_url": site.ports["relay"] == nil ? "" : site.url("relay"),
    ]
    own["relay"] = [
      "partners": others.map { "\($0.region)=\($0.url("relay"))" }.joined(separator: ","),
      "verifier_url": site.ports["verifier"] == nil ? "" : site.url("verifier"),
      "sealer_public_key_file": "\(site.directory)/secrets/sealer-public.pem",
    ]
    for service in site.ports.keys {
      try site.configure(service, own[service]!.merging(plan.settings[service] ?? [:]) { $1 })
    }
  }

  /// A second host of the first region: verifier and relay with an empty directory, which fill
  /// their cache from the issuer's feed. Starts nothing yet.
  package func addHost(settings: [String: [String: String]] = [:]) async throws -> Site {
    let site = try Site(
      region: home.region, name: "\(home.region)-host-\(moreSites.withLock { $0.count + 2 })",
      credentials: home.credentials, services: ["verifier", "relay"], firstPort: nil,
      surroundings: surroundings)
    try await site.prepare()
    let verifier = [
      "partners": "", "journal_directory": "\(site.directory)/journal",
      "scenes_directory": programs.scenes, "relay_url": site.url("relay"),
    ]
    let relay = [
      "partners": "", "verifier_url": site.url("verifier"), "follow_url": home.url("issuer"),
      "sealer_public_key_file": "\(home.directory)/secrets/sealer-public.pem",
    ]
    for (service, own) in [("verifier", verifier), ("relay", relay)] {
      let planned = (plan.settings[service] ?? [:]).merging(settings[service] ?? [:]) { $1 }
      try site.configure(service, own.merging(planned) { $1 })
    }
    moreSites.withLock { $0.append(site) }
    return site
  }

  // MARK: Processes

  package func start() async throws {
    for site in sites {
      for service in plan.services { try await site.daemon(service).start() }
    }
  }

  /// Ends all processes, those that call others first.
  package func stop() async {
    for site in moreSites.withLock({ $0 }) + sites {
      for service in ["verifier", "relay", "issuer"] {
        guard let daemon = site.daemons.first(where: { $0.service == service }) else { continue }
        daemon.send(.proceed)
        await daemon.stop()
      }
      site.forgetClients()
    }
  }

  // MARK: People

  package func people(of site: Site) -> Int {
    site.region == home.region ? plan.people : min(plan.people, Self.partnerPeopleMax)
  }

  private func sampleArguments(of site: Site, people: Int) -> [String] {
    let seed = plan.seed + UInt64(sites.firstIndex { $0 === site } ?? 0)
    return ["sample", "--people", "\(people)", "--seed", "\(seed)", "--region", site.region]
  }

  /// The first people of a region's population; beyond its end, people who are not registered.
  package func sample(of site: Site, count: Int) async throws -> [Person] {
    let csv = try await Command.require(
      programs.path(of: "issuer"), sampleArguments(of: site, people: count))
    return try Person.rows(csv)
  }

  /// Loads the population of every region, one after the other.
  package func load() async throws {
    for site in sites { try await load(site) }
  }

  /// `issuer sample | issuer load -`, so that no file of the population is needed.
  private func load(_ site: Site) async throws {
    let issuer = programs.path(of: "issuer")
    let log = "\(directory)/logs/\(site.name)-load.log"
    let (reading, writing) = try Spawn.pipe()
    let sample = try Spawn.start(
      issuer, sampleArguments(of: site, people: people(of: site)),
      streams: .init(output: .descriptor(writing), error: .appended(log)))
    Spawn.closeDescriptor(writing)
    let output: Spawn.Stream = plan.showsProgress ? .inherited : .appended(log)
    let load = try Spawn.start(
      issuer,
      [
        "load", "-", "--config", "\(site.directory)/issuer.json", "--rejects",
        "\(site.directory)/rejects.csv",
      ],
      streams: .init(input: .descriptor(reading), output: output, error: output))
    Spawn.closeDescriptor(reading)
    let endings = try await Command.endings(of: [load, sample], within: .seconds(900))
    let (loaded, sampled) = (endings[0], endings[1])
    guard loaded == .exited(0), sampled == .exited(0) else {
      throw WorldError(
        "loading \(site.region) failed (sample \(sampled), load \(loaded)):\n  \(Files.tail(log))")
    }
  }
}
