import Codes
import JSON

/// The everyday life of one code.
extension Story {
  func isUp() async throws {
    for site in world.sites {
      for daemon in site.daemons {
        let health = try await Command.run(
          world.programs.path(of: daemon.service),
          ["health", "--admin-url", site.adminURL(daemon.service)])
        try demand(
          health.hasSucceeded, "\(daemon.name) is not ready: \(health.output)\(health.error)")
      }
      fact(
        "Region \(site.region): \(world.people(of: site)) people loaded; issuer"
          + " \(site.url("issuer")), verifier \(site.url("verifier")), relay \(site.url("relay"))")
    }
    fact("They know one another by certificates of a throw-away CA, and listen on loopback only.")
  }

  mutating func residentAsks() async throws {
    let person = try person("resident") { $0.kind == "resident" }
    let channel = try home.channel()
    resident = try await channel.register(person)
    code = try await channel.code(of: resident)
    fact(
      "The issuer knows the document by a keyed hash only; the app calls the holder \(resident).")
    picture(try await channel.picture(of: resident))
    fact("The QR is 80 characters that only the region can read, and counts for 60 seconds.")
  }

  func gateAccepts() async throws {
    let scan = try await home.point().scan(code).expected("accepted", "the scan")
    try demand(scan.string("colour") == "green", "the holder is \(scan.string("colour"))")
    fact("The gate's screen shows \(show(scan)), answered in \(show(scan.duration)).")
    let receipt = scan.string("receipt")
    let entry = try await home.point().journalEntry(receipt).required("reading the receipt")
    try demand(
      entry.json["outcome"]?.string == "accepted" && entry.text.contains(receipt),
      "the journal says of the receipt: \(entry.text)")
    fact("The scan is in the journal under receipt \(receipt).")
  }

  func yellow() async throws {
    let status = try await home.commission().set("yellow", of: resident, reason: 3)
    let answered = ContinuousClock.now
    let scan = try await home.point().scan(code).expected("colour", "the next scan")
    let later = ContinuousClock.now - answered
    try demand(later < .seconds(1), "the change was seen only \(later) after the write")
    fact(
      "The change stands in the log as entry \(status["position"]?.integer ?? 0), with who and why."
    )
    fact("The next scan, \(show(later)) later: \(show(scan)).")
    let hospital = try await home.point(.hospital).scan(code)
      .expected("accepted", "the scan at a hospital")
    fact("A hospital lets yellow in, because its scene says so: \(show(hospital)).")
  }

  func green() async throws {
    _ = try await home.commission().set("green", of: resident, reason: 0)
    let scan = try await home.point().scan(code).expected("accepted", "the scan after green")
    fact("The same code at the same gate: \(show(scan)).")
  }

  mutating func phoneIsLost() async throws {
    let old = code
    _ = try await home.commission().killCodes(of: resident)
    let refused = try await home.point().scan(old).expected("killed", "the old code")
    code = try await home.channel().code(of: resident)
    let accepted = try await home.point().scan(code).expected("accepted", "the new code")
    fact("The old code: \(show(refused)).")
    fact("A new one, a moment later: \(show(accepted)).")
  }

  func codeIsOld() async throws {
    let channel = try home.channel()
    let old = try await channel.code(of: resident, .init(validFrom: Self.time(fromNow: -600)))
    let scan = try await home.point().scan(old).expected(
      "code_expired", "a code of ten minutes ago")
    fact("A code made for ten minutes ago, a screenshot for example: \(show(scan)).")
    let early = try await channel.code(of: resident, .init(validFrom: Self.time(fromNow: 600)))
    let notYet = try await home.point().scan(early).expected(
      "not_yet_valid", "a code of the future")
    fact("One for in ten minutes, as a phone without network keeps them: \(show(notYet)).")
  }

  func bitIsChanged() async throws {
    guard var bytes = Base32.bytes(of: code), bytes.count == DynamicCode.byteCount else {
      throw WorldError("the code has \(code.count) characters")
    }
    bytes[Int.random(in: DynamicCode.sealedRange)] ^= 1 << UInt8.random(in: 0..<8)
    let scan = try await home.point().scan(Base32.text(of: bytes.span))
      .expected("forged", "the changed code")
    fact("The seal of AES-256-GCM does not open: \(show(scan)).")
  }

  /// What a gate's screen shows.
  func show(_ scan: Scan) -> String {
    let text = scan.json["text"]
    return "\(scan.outcome) (\(text?["zh"]?.string ?? ""), \(text?["en"]?.string ?? ""))"
  }
}
