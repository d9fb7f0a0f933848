import HTTP2
import Logging
import Security

/// The settings of a service's edge: how many connections and handshakes it takes, and how long
/// connections and tickets live. Each default gives its reason.
enum EdgeSettings {
  static var all: [Setting] {
    let many = 1...1_000_000
    return [
      Setting(
        "connections_max", .integer(many), default: "15000",
        "open connections in all; more wait in the kernel's queue. 15000 fits a limit of 20000"
          + " descriptors (ulimit -n), below which less is taken"),
      Setting(
        "connections_per_address_max", .integer(many), default: "50",
        "open connections from one address; more are closed. 50: a site's gates behind one NAT"),
      Setting(
        "handshakes_per_second", .integer(0...1_000_000), default: "1000",
        "new TLS handshakes a second of each loop, 0: no limit. 1000 is about a third of what a"
          + " core can do: the rest stays for requests. A resumed one counts a quarter"),
      Setting(
        "handshake_wait_milliseconds", .integer(0...10_000), default: "1000",
        "how long a handshake above that rate waits; then RST. Clients try again after a second"
          + " or more, and would be served twice"),
      Setting(
        "ticket_secret_file", .string, default: "",
        "32 bytes or more, mode 0600, the same for all processes of this service on the hosts of"
          + " a region: sessions then resume at each of them and after a restart. Empty: random"),
      Setting(
        "connection_age_seconds", .integer(1...86_400), default: "1800",
        "age at which a known client's connection is drained by two GOAWAYs. 1800: load evens out"
          + " and new certificates and keys come into use within half an hour"),
      Setting(
        "stranger_connection_age_seconds", .integer(1...86_400), default: "300",
        "the same for clients without a known certificate or token. 300: nothing is known of them"
          + " that a new handshake would have to find out again"),
      Setting(
        "connection_age_jitter_percent", .integer(0...20), default: "20",
        "by how much ages differ, up and down. 20: connections that came together after a restart"
          + " do not come together again"),
    ]
  }

  /// Descriptors kept for files, loops, listeners, probes and connections to other services.
  static func descriptorReserve(loops: Int) -> Int { 64 + loops * (8 + 2 * AcceptPause.atOnceMax) }

  /// The limits these settings make, with no more connections than there are descriptors for.
  static func limits(
    _ configuration: Configuration, loops: Int, log: Logger
  ) throws(ConfigurationError) -> ServerLimits {
    var limits = ServerLimits()
    let wanted = try configuration.integer("connections_max")
    let reserve = descriptorReserve(loops: loops)
    let available = System.raiseDescriptorLimit(to: wanted + reserve)
    limits.connectionsMax = try connectionsMax(wanted, descriptors: available, reserve: reserve)
    if limits.connectionsMax < wanted {
      log.warning(
        "connections_max is more than descriptors allow: raise ulimit -n",
        metadata: [
          "connections_max": "\(wanted)", "descriptors": "\(available)",
          "connections": "\(limits.connectionsMax)",
        ])
    }
    limits.connectionsPerAddressMax = try configuration.integer("connections_per_address_max")
    limits.handshakesPerSecond = try configuration.integer("handshakes_per_second")
    limits.handshakeWaitMilliseconds = try configuration.integer("handshake_wait_milliseconds")
    let age = try configuration.integer("connection_age_seconds")
    limits.partner.timers.ageMilliseconds = UInt64(age) * 1_000
    let strangersAge = try configuration.integer("stranger_connection_age_seconds")
    limits.anonymous.timers.ageMilliseconds = UInt64(strangersAge) * 1_000
    limits.ageJitterPercent = try configuration.integer("connection_age_jitter_percent")
    return limits
  }

  static func connectionsMax(
    _ wanted: Int, descriptors: Int, reserve: Int
  ) throws(ConfigurationError) -> Int {
    guard descriptors >= reserve + 16 else {
      throw ConfigurationError(
        "\(descriptors) descriptors are too few: ulimit -n must be \(reserve + 16) or more")
    }
    return min(wanted, descriptors - reserve)
  }

  static func ticketSecret(_ configuration: Configuration) throws(ConfigurationError) -> [UInt8]? {
    guard let path = configuration.optional("ticket_secret_file") else { return nil }
    do {
      let secret = try SecretFile.read(path: path, byteCountMax: 1_024)
      guard secret.count >= TicketKeys.secretByteCountMin else {
        throw ConfigurationError(
          "ticket_secret_file: \(path) has \(secret.count) bytes, but must have"
            + " \(TicketKeys.secretByteCountMin) or more")
      }
      return secret
    } catch let error as ConfigurationError {
      throw error
    } catch {
      throw ConfigurationError("ticket_secret_file: \(error)")
    }
  }
}
