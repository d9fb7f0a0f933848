package import Logging
package import Security

/// The life of a service process, the same for all three: configuration, listeners, the line that
/// says it is ready, the stop signal, the drain.
package struct ServiceProcess {
  package let name: String
  package let configuration: Configuration
  package let log: Logger
  package let metrics: Metrics
  package let loops: Loops
  private let grants: GrantTable
  private let limits: ServerLimits
  private let degradation: Degradation
  private let requestLog: RequestLog?
  /// When the certificates below run out.
  private let keyExpiry = KeyExpiry()
  private let serverTLS: TLSContext?
  /// For calls to other services: trusts `client_ca_file`, shows `certificate_file`.
  package let clientTLS: TLSContext

  /// The keys every service has.
  package static func commonSettings(
    listen: String, admin: String, deadlineMilliseconds: Int = 100
  ) -> [Setting] {
    return identitySettings(listen: listen, admin: admin) + EdgeSettings.all
      + AdmissionSettings.all(deadlineMilliseconds: deadlineMilliseconds) + [
        Setting(
          "drain_seconds", .integer(0...600), default: "10", "how long SIGTERM waits for answers")
      ] + LogSettings.all
  }

  private static func identitySettings(listen: String, admin: String) -> [Setting] {
    [
      Setting("region", .string, default: nil, "GB/T 2260 code of the region, e.g. 310000"),
      Setting("listen", .string, default: listen, "HTTP/2 over TLS: host:port; port 0: any"),
      Setting(
        "listen_h2c", .string, default: "",
        "HTTP/2 in clear text: host:port on loopback; empty: off. For development and sidecars"),
      Setting(
        "h2c_anywhere", .boolean, default: "false",
        "allow listen_h2c on addresses other than loopback"),
      Setting("admin_listen", .string, default: admin, "HTTP/1.1 probes and metrics: host:port"),
      Setting("loops", .integer(0...256), default: "0", "event loops; 0: one for each processor"),
      Setting("certificate_file", .string, default: nil, "PEM certificate chain of this service"),
      Setting("key_file", .string, default: nil, "PEM private key, mode 0600"),
      Setting(
        "client_ca_file", .string, default: nil,
        "PEM certificates of the CA that names clients, and the services this one calls"),
      Setting("grants_file", .string, default: nil, "JSON grant table: who may do what"),
      Setting(
        "map_size_mib", .integer(1...4_194_304), default: "65536",
        "LMDB map size in MiB: the same for all processes of a host, never changed while they run"),
    ]
  }

  /// Reads what the common keys name. Errors say which key and how to cure it.
  package init(_ configuration: Configuration) throws(ConfigurationError) {
    let name = configuration.service
    let level = try LogSettings.level(configuration)
    self.configuration = configuration
    self.name = name
    log = LineLogHandler.logger(
      name, level: level, format: try LogSettings.format(configuration))
    requestLog = try LogSettings.requests(configuration)
    metrics = Metrics()
    ProcessMetrics.offer(metrics)
    keyExpiry.offer(metrics)
    let loopCount = try configuration.integer("loops")
    loops = Loops(count: loopCount)
    var limits = try EdgeSettings.limits(configuration, loops: loops.all.count, log: log)
    limits.drainMilliseconds = try configuration.integer("drain_seconds") * 1_000
    limits.admission = try AdmissionSettings.limits(configuration)
    self.limits = limits
    degradation = try AdmissionSettings.degradation(configuration, loops: loops.all.count)
    grants = try Self.readGrants(try configuration.string("grants_file"))
    do {
      let certificate = try configuration.string("certificate_file")
      let key = try configuration.string("key_file")
      let authority = try configuration.string("client_ca_file")
      serverTLS = try TLSContext.server(
        certificateFile: certificate, keyFile: key, clientCAFile: authority,
        ticketSecret: try EdgeSettings.ticketSecret(configuration), ticketScope: name)
      clientTLS = try TLSContext.client(
        caFile: authority, certificateFile: certificate, keyFile: key)
      try keyExpiry.read(certificateFile: certificate, clientCAFile: authority)
    } catch let error as ConfigurationError {
      throw error
    } catch {
      throw ConfigurationError("TLS: \(error)")
    }
  }

  private static func readGrants(_ path: String) throws(ConfigurationError) -> GrantTable {
    let bytes: [UInt8]
    do { bytes = try System.readFile(path) } catch {
      throw ConfigurationError("grants_file: \(error.description)")
    }
    do { return try GrantTable(json: bytes) } catch {
      throw ConfigurationError("grants_file \(path): \(error.message)")
    }
  }

  /// Serves until SIGTERM or SIGINT, calls `draining`, drains, and calls `stop`.
  package func serve(
    checks: [HealthCheck], draining: () -> Void = {},
    makeService: @escaping @Sendable (Loop) throws -> any LoopService, stop: () -> Void
  ) throws {
    let admin = AdminPort(metrics: metrics, checks: checks, degradation: degradation)
    let adminEndpoint = try Endpoint(try configuration.string("admin_listen"), tls: nil)
    let adminPort = try admin.listen(adminEndpoint)
    let server = try HTTPServer(
      loops: loops, grants: grants, limits: limits, metrics: metrics, degradation: degradation,
      requestLog: requestLog, makeService: makeService)
    let secure = try Endpoint(try configuration.string("listen"), tls: serverTLS)
    let securePort = try server.listen(secure)
    let clear = try listenClear(server)
    admin.started()
    System.writeOutput(
      "ready \(name) https=\(secure.host):\(securePort) h2c=\(clear ?? "-")"
        + " admin=\(adminEndpoint.host):\(adminPort)\n")
    log.info("ready", metadata: ["port": "\(securePort)", "admin": "\(adminPort)"])
    let signal = System.waitForStopSignal()
    log.info("stopping", metadata: ["signal": "\(signal)"])
    admin.drain()
    draining()
    server.drain()
    stop()
    loops.shutDown()
    requestLog?.close()
    admin.shutDown()
    log.info("stopped")
  }

  private func listenClear(_ server: HTTPServer) throws(ConfigurationError) -> String? {
    guard let text = configuration.optional("listen_h2c") else { return nil }
    let endpoint = try Endpoint(text, tls: nil)
    let anywhere = try configuration.boolean("h2c_anywhere")
    guard endpoint.isLoopback || anywhere else {
      throw ConfigurationError(
        "listen_h2c: \(endpoint.host) is not loopback; clear text there needs h2c_anywhere=true")
    }
    log.warning("clear-text HTTP/2 is on: tokens travel unencrypted on this address")
    return "\(endpoint.host):\(try server.listen(endpoint))"
  }
}
