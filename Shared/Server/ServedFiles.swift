package import Security
import Synchronization

/// What SIGHUP reads anew of every service: grants, certificate, key and authorities. Only read as
/// a whole: a certificate without its key, or a grant table cut short, must change nothing.
struct ServedFiles: Sendable {
  let grants: GrantTable
  let serverTLS: TLSContext
  let clientTLS: TLSContext
  let trust: TrustPeriods

  /// Reads what the common keys name; tickets are made under `ticketSecret` where no file is named
  /// for it. Errors say which key and how to cure it.
  init(
    _ configuration: Configuration, ticketSecret: [UInt8]
  ) throws(ConfigurationError) {
    grants = try Self.readGrants(try configuration.string("grants_file"))
    do {
      let certificate = try configuration.string("certificate_file")
      let key = try configuration.string("key_file")
      let authority = try configuration.string("client_ca_file")
      serverTLS = try TLSContext.server(
        certificateFile: certificate, keyFile: key, clientCAFile: authority,
        ticketSecret: try EdgeSettings.ticketSecret(configuration) ?? ticketSecret,
        ticketScope: configuration.service)
      clientTLS = try TLSContext.client(
        caFile: authority, certificateFile: certificate, keyFile: key)
      trust = TrustPeriods(
        certificate: try CertificateDates.read(path: certificate),
        authorities: try CertificateDates.read(path: authority))
    } catch let error as ConfigurationError {
      throw error
    } catch {
      throw ConfigurationError("TLS: \(error)")
    }
    if let complaint = trust.complaint(at: System.wallMilliseconds / 1_000) {
      throw ConfigurationError("TLS: \(complaint)")
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
}

/// When this service's own certificate and the authorities it trusts hold. Pure.
struct TrustPeriods: Sendable {
  /// The chain of `certificate_file`, of which all must hold.
  let certificate: [CertificateDates]
  /// Those of `client_ca_file`, of which one must: others may be old or new, as in a rotation.
  let authorities: [CertificateDates]

  /// When the chain and the last of the authorities end, in seconds since 1970.
  var certificateEnd: Int64 { certificate.map(\.notAfter).min() ?? 0 }
  var authorityEnd: Int64 { authorities.map(\.notAfter).max() ?? 0 }

  /// What does not hold at `now`, in seconds since 1970, and the cure; `nil` if all is well.
  func complaint(at now: Int64) -> String? {
    for dates in certificate {
      if let fault = Self.fault(dates, now) { return "certificate_file: \(fault)" }
    }
    let faults = authorities.compactMap { Self.fault($0, now) }
    guard faults.count == authorities.count, let fault = faults.first else { return nil }
    return "client_ca_file: \(fault)"
  }

  private static func fault(_ dates: CertificateDates, _ now: Int64) -> String? {
    if now > dates.notAfter {
      return "\(dates.subject) ended \((now - dates.notAfter) / 60) minutes ago: put a new"
        + " certificate there and send SIGHUP, or set this machine's clock"
    }
    if now < dates.notBefore {
      return "\(dates.subject) begins in \((dates.notBefore - now) / 60 + 1) minutes: is this"
        + " machine's clock right?"
    }
    return nil
  }
}

/// What this service shows to others and trusts of them: asked for at each new connection, and
/// replaced by SIGHUP.
package final class ClientTLS: Sendable {
  private let held: Mutex<TLSContext>

  package init(_ context: TLSContext) { held = Mutex(context) }

  /// The context for the next connection.
  package var current: TLSContext { held.withLock { $0 } }

  func replace(with context: TLSContext) { held.withLock { $0 = context } }
}

/// What a service has read anew beside the common files. Nothing of it counts before everything
/// has been found good.
package struct ReloadedPart: Sendable {
  let commit: @Sendable () -> Void
  let onLoop: @Sendable (any LoopService) -> Void

  /// `commit` is called once, on the main thread; `onLoop` on each loop, between two of its turns,
  /// with the service there.
  package init(
    commit: @escaping @Sendable () -> Void = {},
    onLoop: @escaping @Sendable (any LoopService) -> Void = { _ in }
  ) {
    self.commit = commit
    self.onLoop = onLoop
  }
}
