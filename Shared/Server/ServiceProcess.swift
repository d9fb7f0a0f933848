package import Logging
import Security
import Synchronization

/// The life of a service process, the same for all three: configuration, listeners, the line that
/// says it is ready, SIGHUP and its reload, the stop signal and its drain.
package struct ServiceProcess {
  package let name: String
  package let configuration: Configuration
  package let log: Logger
  package let metrics: Metrics
  package let loops: Loops
  private let limits: ServerLimits
  private let degradation: Degradation
  private let files: ServedFiles
  /// Of tickets when no file is named for it: kept, so that a reload does not end them.
  private let ticketSecret = SecureRandom.bytes(TicketKeys.secretByteCountMin)
  private let requestLog: RequestLog?
  /// For calls to other services: trusts `client_ca_file`, shows `certificate_file`.
  package let clientTLS: ClientTLS

  /// The keys every service has.
  package static func commonSettings(
    listen: String, admin: String, deadlineMilliseconds: Int = 100
  ) -> [Setting] {
    return identitySettings(listen: listen, admin: admin) + EdgeSettings.all
      + AdmissionSettings.all(deadlineMilliseconds: deadlineMilliseconds) + [
        Setting(
          "drain_delay_seconds", .integer(0...600), default: "0",
          "how long after SIGTERM connections are still taken, while /readyz says no: the time a"
            + " load balancer needs to see it"),
        Setting(
          "drain_seconds", .integer(0...600), default: "10",
          "how long SIGTERM waits for answers after that; a second SIGTERM waits no longer"),
        Setting(
          "loop_blocked_seconds", .integer(1...600), default: "10",
          "/livez fails when an event loop has not turned for so long"),
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
      Setting(
        "share_port", .boolean, default: "false",
        "allow further processes of this service to listen on the same addresses, as in a rolling"
          + " restart: the kernel gives each connection to one of them"),
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
    let loopCount = try configuration.integer("loops")
    loops = Loops(count: loopCount)
    var limits = try EdgeSettings.limits(configuration, loops: loops.all.count, log: log)
    limits.drainMilliseconds = try configuration.integer("drain_seconds") * 1_000
    limits.admission = try AdmissionSettings.limits(configuration)
    limits.sharesPort = try configuration.boolean("share_port")
    self.limits = limits
    degradation = try AdmissionSettings.degradation(configuration, loops: loops.all.count)
    files = try ServedFiles(configuration, ticketSecret: ticketSecret)
    clientTLS = ClientTLS(files.clientTLS)
  }

  /// Serves until SIGTERM or SIGINT, calls `draining`, drains, and calls `stop`. On SIGHUP reads
  /// the common files and, by `reloading`, the service's own anew. `progress` says what a start
  /// still waits for.
  package func serve(
    checks: [HealthCheck], draining: () -> Void = {},
    progress: @escaping @Sendable () -> String? = { nil },
    reloading: () throws -> ReloadedPart = { ReloadedPart() },
    makeService: @escaping @Sendable (Loop) throws -> any LoopService, stop: () -> Void
  ) throws {
    let trust = Mutexed(files.trust)
    KeyExpiry.offer(metrics, "certificate") { KeyExpiry.secondsLeft(trust.value.certificateEnd) }
    KeyExpiry.offer(metrics, "client_ca") { KeyExpiry.secondsLeft(trust.value.authorityEnd) }
    let watchdog = LoopWatchdog(
      loops.all, blockedSeconds: try configuration.integer("loop_blocked_seconds"))
    let certificates = HealthCheck("certificates") {
      trust.value.complaint(at: System.wallMilliseconds / 1_000)
    }
    let admin = AdminPort(
      metrics: metrics, checks: checks + [certificates], degradation: degradation,
      watchdog: watchdog, progress: progress)
    let adminEndpoint = try Endpoint(try configuration.string("admin_listen"), tls: nil)
    let adminPort = try admin.listen(adminEndpoint)
    let server = try HTTPServer(
      loops: loops, grants: files.grants, limits: limits, metrics: metrics,
      degradation: degradation, requestLog: requestLog, makeService: makeService)
    let secure = try Endpoint(try configuration.string("listen"), tls: files.serverTLS)
    let securePort = try server.listen(secure)
    let clear = try listenClear(server)
    admin.started()
    System.writeOutput(
      "ready \(name) https=\(secure.host):\(securePort) h2c=\(clear ?? "-")"
        + " admin=\(adminEndpoint.host):\(adminPort)\n")
    log.info("ready", metadata: ["port": "\(securePort)", "admin": "\(adminPort)"])
    let reloads = ReloadCounters(metrics)
    var signal = System.waitForSignal()
    while signal == .reload {
      do {
        trust.value = try reload(server, reloading)
        reloads.done.add()
      } catch {
        reloads.refused.add()
        log.error("nothing was reloaded, all stays as it was", metadata: ["error": "\(error)"])
      }
      signal = System.waitForSignal()
    }
    log.info("stopping", metadata: ["signal": "\(signal)"])
    admin.drain()
    drain(server, draining)
    stop()
    // Before the loops, which its watchdog asks.
    admin.shutDown()
    loops.shutDown()
    requestLog?.close()
    log.info("stopped")
  }

  /// Puts what the files hold now in the place of what they held; all of it or, by an error,
  /// nothing. Returns the new periods of trust.
  private func reload(
    _ server: HTTPServer, _ reloading: () throws -> ReloadedPart
  ) throws -> TrustPeriods {
    let files = try ServedFiles(configuration, ticketSecret: ticketSecret)
    let part = try reloading()
    clientTLS.replace(with: files.clientTLS)
    part.commit()
    server.replace(grants: files.grants, tls: files.serverTLS, onLoop: part.onLoop)
    log.info("reloaded")
    return files.trust
  }

  /// Waits for the load balancer, then for the clients; a second stop signal ends both.
  private func drain(_ server: HTTPServer, _ draining: () -> Void) {
    let delay = (try? configuration.integer("drain_delay_seconds")) ?? 0
    var isHurried = delay > 0 && System.stopSignalCame(withinMilliseconds: delay * 1_000)
    draining()
    server.drain { milliseconds in
      isHurried = isHurried || System.stopSignalCame(withinMilliseconds: milliseconds)
      return isHurried
    }
    if isHurried { log.warning("told to stop again: connections were cut") }
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

/// The counts of `citycode_reloads_total`.
private struct ReloadCounters {
  let done: Metrics.Counter
  let refused: Metrics.Counter

  init(_ metrics: Metrics) {
    func counter(_ result: String) -> Metrics.Counter {
      metrics.counter(
        "citycode_reloads_total", "SIGHUPs; refused: a file was bad and all stayed as it was.",
        ["result": result])
    }
    done = counter("done")
    refused = counter("refused")
  }
}

/// A value that the main thread replaces and the admin port reads.
private final class Mutexed<Value: Sendable>: Sendable {
  private let held: Mutex<Value>

  init(_ value: Value) { held = Mutex(value) }

  var value: Value {
    get { held.withLock { $0 } }
    set { held.withLock { $0 = newValue } }
  }
}
