import Codes
import HTTP2
import JSON
import Security
import StatusCache
import Storage
import Synchronization
import Testing
import World

@testable import issuer

extension World {
  private var dataDirectory: String { "\(home.directory)/data" }

  /// Writes a generation beside the running issuer in which everybody has `colour` and `reason`;
  /// its number.
  @discardableResult
  func compute(_ colour: Colour, reason: UInt8) throws -> UInt32 {
    let key = try SigningKey(pemFile: "\(home.directory)/secrets/sealer.pem")
    let region = Region(text: home.region)!
    let registry = try Registry(
      directory: dataDirectory, region: region,
      mapSizeBytes: Environment.mapSizeBytesDefault, access: .readOnly)
    let base = GenerationBase(try registry.state(), region: region)
    let writer = try GenerationWriter(
      directory: GenerationDirectory(dataDirectory: dataDirectory).path, base: base)
    let status = Status(
      colour: colour, kind: .unspecified, reason: reason,
      validUntil: CityTime(rfc3339: "2040-01-01T00:00:00Z")!)
    var bytes: [UInt8] = []
    for number in 0..<base.pageCount {
      var page = StatusPage()
      for slot in 0..<StatusPage.statusCount {
        let serial = UInt64(number * StatusPage.statusCount + slot)
        if serial > 0, serial < base.nextSerial { page[slot] = status }
      }
      page.seal(version: base.position)
      bytes += page.bytes
    }
    try writer.write(bytes.span, firstPage: 0)
    let facts = GenerationFacts(
      planName: "end-to-end", planDigest: SHA256.hash(bytes.span),
      asOf: CityTime(rfc3339: "2026-11-24T00:00:00Z")!, rejectShareMax: 0.05,
      sources: [
        GenerationSource(name: "tests", rows: 10, used: 10, duplicates: 0, rejected: 0)
      ], seconds: 1)
    return try writer.finish(facts, signedBy: key).number
  }

  /// Runs `issuer` with the home region's configuration.
  func issuer(_ arguments: String..., timeoutSeconds: Int = 120) async throws -> Command.Result {
    try await issuer(arguments, timeoutSeconds: timeoutSeconds)
  }

  func issuer(_ arguments: [String], timeoutSeconds: Int = 120) async throws -> Command.Result {
    try await Command.run(
      programs.path(of: "issuer"),
      arguments + ["--config", "\(home.directory)/issuer.json"], timeoutSeconds: timeoutSeconds)
  }

  /// Runs it and reads the milliseconds that single changes waited for the switch.
  func switching(_ arguments: String...) async throws -> Double {
    let result = try await Command.run(
      programs.path(of: "issuer"),
      arguments + ["--config", "\(home.directory)/issuer.json"], timeoutSeconds: 120)
    #expect(result.hasSucceeded, "\(result.output)\(result.error)")
    let match = result.output.firstMatch(of: /changes waited ([0-9.]+) ms/)
    return match.flatMap { Double($0.1) } ?? .nan
  }

  /// Which generation the issuer says is in force.
  func generationInForce() async throws -> Int64 {
    let result = try await issuer("generations", "list", "--json")
    #expect(result.hasSucceeded, "\(result.error)")
    return try JSONParser.parse(Array(result.output.utf8))["in_force"]?.integer ?? -1
  }
}

/// A gate that scans a batch after a batch, and notes which generation each shows: the reason of
/// all answers of one batch.
final class GenerationWatch: Sendable {
  private let site: Site
  private let codes: [String]
  private let state = Mutex(State())

  struct State: Sendable {
    /// Generations in the order in which they were seen, without repetitions.
    var seen: [Int64] = []
    var batches = 0
    /// Batches whose answers were of more than one generation.
    var mixed: [String] = []
    var lost: [String] = []
    var isOver = false
  }

  init(_ site: Site, codes: [String]) {
    self.site = site
    self.codes = codes
  }

  var found: State { state.withLock { $0 } }

  func end() { state.withLock { $0.isOver = true } }

  func run() async {
    do {
      let client = try site.newClient("verifier", token: site.credentials.token(.point))
      defer { client.close() }
      let body = Array(codes.joined(separator: "\n").utf8)
      while !state.withLock({ $0.isOver }), !Task.isCancelled {
        let answer = try await client.send(
          .post, "/v1/scans/batch", type: "text/plain", body: body, timeoutMilliseconds: 60_000)
        note(answer)
      }
    } catch {
      state.withLock { $0.lost.append("\(error)") }
    }
  }

  private func note(_ answer: Answer) {
    let answers = answer.json["answers"]?.array ?? []
    let reasons = Set(answers.compactMap { $0["reason"]?.integer })
    state.withLock { state in
      state.batches += 1
      guard answer.status == 200, answers.count == codes.count,
        answers.allSatisfy({ ["accepted", "colour"].contains($0["outcome"]?.string) })
      else {
        state.lost.append("\(answer.status): \(answers.first.map { "\($0)" } ?? "nothing")")
        return
      }
      guard let reason = reasons.first, reasons.count == 1 else {
        state.mixed.append("\(reasons)")
        return
      }
      if state.seen.last != reason { state.seen.append(reason) }
    }
  }
}
