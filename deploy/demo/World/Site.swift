import JSON
import Security
import Server
import Synchronization

/// The ports of one service.
package struct ServicePorts: Sendable {
  package let https: Int
  package let h2c: Int
  package let admin: Int

  /// `first` and the two after it when they are free, else others.
  init(preferring first: Int?) throws(WorldError) {
    https = try Ports.choose(preferred: first)
    h2c = try Ports.choose(preferred: first.map { $0 + 1 })
    admin = try Ports.choose(preferred: first.map { $0 + 2 })
  }
}

/// What all hosts of a world share.
struct Surroundings: Sendable {
  let directory: String
  let programs: Programs
  let certificates: CertificateAuthority
  /// The loop on which this process's own clients live.
  let loop: Loop
  /// Trusts the CA and shows no certificate.
  let tls: TLSContext
  let codes = Trace()
}

/// One host of a region: its directory, its services and the ways to call them.
package final class Site: Sendable {
  package let region: String
  /// The region, with a suffix for hosts after the first.
  package let name: String
  package let directory: String
  package let credentials: Credentials
  package let ports: [String: ServicePorts]
  package let daemons: [Daemon]
  private let surroundings: Surroundings
  private let clients = Mutex<[String: APIClient]>([:])

  init(
    region: String, name: String, credentials: Credentials, services: [String], firstPort: Int?,
    surroundings: Surroundings
  ) throws(WorldError) {
    self.region = region
    self.name = name
    self.credentials = credentials
    self.surroundings = surroundings
    let directory = "\(surroundings.directory)/\(name)"
    self.directory = directory
    var ports: [String: ServicePorts] = [:]
    for (index, service) in services.enumerated() {
      ports[service] = try ServicePorts(preferring: firstPort.map { $0 + 10 * index })
    }
    self.ports = ports
    daemons = services.map { service in
      Daemon(
        name: "\(name)-\(service)", service: service,
        configurationFile: "\(directory)/\(service).json", directory: surroundings.directory,
        programs: surroundings.programs)
    }
  }

  package func daemon(_ service: String) -> Daemon {
    guard let daemon = daemons.first(where: { $0.service == service }) else {
      preconditionFailure("\(name) has no \(service)")
    }
    return daemon
  }

  package var issuer: Daemon { daemon("issuer") }
  package var verifier: Daemon { daemon("verifier") }
  package var relay: Daemon { daemon("relay") }

  package func url(_ service: String) -> String { "https://127.0.0.1:\(ports[service]!.https)" }
  package func clearURL(_ service: String) -> String { "http://127.0.0.1:\(ports[service]!.h2c)" }
  package func adminURL(_ service: String) -> String { "http://127.0.0.1:\(ports[service]!.admin)" }

  // MARK: Callers

  /// A caller of `service` with the token of `role`; the same one every time.
  package func client(_ service: String, as role: Role?) throws -> APIClient {
    let key = "\(service) \(role?.rawValue ?? "")"
    if let known = clients.withLock({ $0[key] }) { return known }
    let client = try newClient(service, token: role.map(credentials.token))
    clients.withLock { $0[key] = client }
    return client
  }

  /// A caller with a connection of its own.
  package func newClient(
    _ service: String, token: String? = nil, certificateOf caller: String? = nil
  ) throws -> APIClient {
    var tls = surroundings.tls
    if let caller {
      tls = try TLSContext.client(
        caFile: surroundings.certificates.certificateFile, certificateFile: "\(caller).pem",
        keyFile: "\(caller).key")
    }
    return try APIClient(url(service), tls: tls, token: token, on: surroundings.loop)
  }

  /// Drops connections, which a service that was killed leaves behind.
  package func forgetClients() {
    let old = clients.withLock { clients in
      defer { clients.removeAll() }
      return Array(clients.values)
    }
    for client in old { client.close() }
  }

  package func channel(_ role: Role = .channel) throws -> Channel {
    Channel(client: try client("issuer", as: role), seen: surroundings.codes)
  }

  package func commission() throws -> Commission {
    Commission(client: try client("issuer", as: .authority))
  }

  package func point(_ role: Role = .point) throws -> Point {
    Point(client: try client("verifier", as: role))
  }

  // MARK: Files

  /// One for all hosts of a region, made by the one that issues.
  private var ticketSecretFile: String { "\(surroundings.directory)/\(region)/ticket-secret" }

  /// Makes a key and a certificate more for `service`, at `path`.key and `path`.pem.
  package func issueCertificate(of service: String, path: String) async throws {
    try await surroundings.certificates.issue(
      principal: Credentials.principal(service, of: region), path: path)
  }

  /// Makes certificates, tokens, grant tables and, for the host that issues, the region's keys.
  func prepare() async throws {
    try Files.makeDirectory(directory)
    for daemon in daemons {
      let service = daemon.service
      try await surroundings.certificates.issue(
        principal: Credentials.principal(service, of: region), path: "\(directory)/\(service)")
      try Files.write(credentials.grants(service), to: "\(directory)/\(service)-grants.json")
    }
    guard daemons.contains(where: { $0.service == "issuer" }) else { return }
    try Files.write(SecureRandom.bytes(32), to: ticketSecretFile)
    try Files.makeDirectory("\(directory)/tokens")
    for role in Role.allCases {
      try Files.write(credentials.token(role) + "\n", to: "\(directory)/tokens/\(role.rawValue)")
    }
    try await Command.require(
      surroundings.programs.path(of: "issuer"), ["keys", "--directory", "\(directory)/secrets"])
  }

  /// Writes the configuration of `service`; `own` are its keys beside the common ones.
  package func configure(_ service: String, _ own: [String: String]) throws {
    let file = "\(directory)/\(service)"
    let ports = ports[service]!
    var settings = [
      "region": region,
      "listen": "127.0.0.1:\(ports.https)",
      "listen_h2c": "127.0.0.1:\(ports.h2c)",
      "admin_listen": "127.0.0.1:\(ports.admin)",
      "certificate_file": "\(file).pem",
      "key_file": "\(file).key",
      "client_ca_file": surroundings.certificates.certificateFile,
      "grants_file": "\(file)-grants.json",
      "ticket_secret_file": ticketSecretFile,
      "cache_directory": "\(directory)/cache",
      // All callers of a demo world come from one address, loopback.
      "connections_per_address_max": "10000",
    ]
    settings.merge(own) { $1 }
    var json = JSONWriter()
    json.object { object in
      for (key, value) in settings.sorted(by: { $0.key < $1.key }) { object.field(key, value) }
    }
    json.endLine()
    try Files.write(json.bytes, to: "\(file).json")
  }
}
