import ArgumentParser
import Codes
import IssuerCore
import JSON
import Security
import Server

/// `issuer keys rotate`: new secrets in the place of old ones, while everything runs. Each writes
/// files that the running services take over by SIGHUP, and both old and new count for a while.
struct RotateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate",
    abstract: "Replace a secret while everything runs; then send SIGHUP.",
    subcommands: [RegionSecretRotation.self, TokenRotation.self, TLSRotation.self])

  /// Runs `body`; what is wrong ends the command with one line. Prints what `body` returns.
  fileprivate static func run(_ name: String, _ body: () throws -> String) throws {
    do { System.writeOutput(try body()) } catch {
      System.writeError("issuer keys rotate \(name): \(Faults.text(error))\n")
      throw ExitCode(error is ConfigurationError ? 64 : 1)
    }
  }
}

/// `issuer keys rotate region-secret`.
struct RegionSecretRotation: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "region-secret",
    abstract: "Put a new secret for epoch keys into region_secret_file.",
    discussion: """
      It takes effect with the first hour for which nobody has a code or a key yet, a day or more
      ahead: the issuer makes codes 25 hours ahead, and verifiers have keys for
      epoch_keys_hours_ahead. Send the issuer SIGHUP within an hour. Codes, handles and documents
      stay what they are; the old secret leaves the file with the first rotation after its last
      code is over. The sealer's key and the pepper are other files and do not change.

      With --leaked it takes effect with the next hour: codes made ahead for later die, and
      verifiers that are cut off have wrong keys from then on. Then restart the issuer, which
      refuses such a file by SIGHUP.
      """)
  @OptionGroup var options: IssuerOptions
  @Flag(help: "The old secret is known to others: replace it with the next hour.")
  var leaked = false

  func run() throws {
    try RotateCommand.run("region-secret") {
      let configuration = try options.configuration()
      guard let region = Region(text: try configuration.string("region")) else {
        throw ConfigurationError("region must be a GB/T 2260 code of six digits")
      }
      let now = WallClock.now().cityTime
      let start =
        leaked
        ? KeyEpoch(number: KeyEpoch(at: now).number + 1)
        : SecretSchedule.nextStart(
          at: now, hoursAhead: try configuration.integer("epoch_keys_hours_ahead"))
      let schedule = try IssuerStore.schedule(configuration, region)
        .adding(SecureRandom.bytes(32), from: start, at: now)
      try System.replaceFile(
        try configuration.string("region_secret_file"), with: schedule.bytes, mode: 0o600,
        keepsOwner: true)
      return "a new secret takes effect at \(start.start), epoch \(start); the file holds"
        + " \(schedule.count).\n"
        + (leaked
          ? "Restart the issuer now.\n" : "Send the issuer SIGHUP within an hour.\n")
    }
  }
}

/// `issuer keys rotate token`.
struct TokenRotation: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token",
    abstract: "Give a principal of a grant table a new token beside the one it has.",
    discussion: """
      Writes the new token to --out and its SHA-256 into the grant table, where the one before it
      stays. Send SIGHUP to the service whose table it is, hand the token over, and take the old
      one back with --retire and another SIGHUP. Of three tokens the oldest goes.
      """)
  @Option(help: "The grant table, JSON: grants_file of a service.") var grants: String
  @Option(help: "The name of the principal's row.") var principal: String
  @Option(help: "Where the new token goes; replaced, mode 0600.") var out: String?
  @Flag(help: "Make no token; leave the newest one alone in force.") var retire = false

  func run() throws {
    try RotateCommand.run("token") {
      guard retire == (out == nil) else {
        throw ConfigurationError("give --out for the new token, or --retire")
      }
      let token = Hexadecimal.text(of: SecureRandom.bytes(24).span)
      let text = retire ? nil : SHA256.hash(Array(token.utf8).span).hex
      let table = try rotated(try System.readFile(grants), adding: text)
      // The token first: a table that names one that nobody has would be of no use.
      if let out { try System.replaceFile(out, with: Array("\(token)\n".utf8), mode: 0o600) }
      try System.replaceFile(grants, with: table, mode: 0o600, keepsOwner: true)
      return retire
        ? "\(principal) has one token now. Send SIGHUP to the service.\n"
        : "\(principal) has a new token beside the one it had. Send SIGHUP to the service.\n"
    }
  }

  /// The grant table with a digest more, or with the last one only, in the principal's row.
  private func rotated(_ bytes: [UInt8], adding digest: String?) throws -> [UInt8] {
    let root: JSONValue
    do {
      _ = try GrantTable(json: bytes)
      root = try JSONParser.parse(bytes)
    } catch let fault as GrantTable.Fault {
      throw ConfigurationError("\(grants): \(fault.message)")
    }
    let rows = root["principals"]?.array ?? []
    guard let index = rows.firstIndex(where: { $0["name"]?.string == principal }),
      var members = rows[index].members
    else { throw ConfigurationError("\(grants): there is no principal \(principal)") }
    let held = rows[index]["token_sha256"]
    var digests = held?.string.map { [$0] } ?? held?.array?.compactMap(\.string) ?? []
    if let digest { digests.append(digest) }
    guard !digests.isEmpty else {
      throw ConfigurationError("\(grants): \(principal) has no token to keep")
    }
    digests = digests.suffix(digest == nil ? 1 : GrantTable.tokensMax)
    let value = JSONValue.Member(
      name: "token_sha256",
      value: digests.count == 1
        ? .string(digests[0]) : .array(digests.map { JSONValue.string($0) }))
    if let place = members.firstIndex(where: { $0.name == value.name }) {
      members[place] = value
    } else {
      members.append(value)
    }
    var json = JSONWriter()
    json.object {
      $0.field(
        "principals",
        array: { array in
          for (place, row) in rows.enumerated() {
            array.value(place == index ? JSONValue.object(members) : row)
          }
        })
    }
    json.endLine()
    return json.bytes
  }
}

/// `issuer keys rotate tls`.
struct TLSRotation: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tls",
    abstract: "Put a new certificate and its key where a service reads them.",
    discussion: """
      Checks first that the two belong together, hold now, and are of an authority in
      client_ca_file. Then send SIGHUP to the service: new connections get the new certificate,
      open ones go on until their age ends them, and session tickets stay good. For any service:
      --config is its file.
      """)
  @Option(help: "The new certificate chain, PEM.") var certificate: String
  @Option(help: "The new private key, PEM, mode 0600.") var key: String
  @Option(help: "JSON file of the service's settings.") var config: String

  func run() throws {
    try RotateCommand.run("tls") {
      let settings = try JSONParser.parse(try System.readFile(config))
      func path(_ name: String) throws(ConfigurationError) -> String {
        guard let path = settings[name]?.string else {
          throw ConfigurationError("\(config) does not name \(name)")
        }
        return path
      }
      let authority = try path("client_ca_file")
      try TLSContext.check(certificateFile: certificate, keyFile: key, caFile: authority)
      // A process that starts between the two finds a key that does not fit, and starts again.
      for (name, source, mode) in [
        ("key_file", key, 0o600), ("certificate_file", certificate, 0o644),
      ] {
        try System.replaceFile(
          try path(name), with: try System.readFile(source), mode: UInt32(mode), keepsOwner: true)
      }
      let dates = try CertificateDates.read(path: certificate)
      return "\(dates[0].subject) is in place. Send SIGHUP to the service.\n"
    }
  }
}
