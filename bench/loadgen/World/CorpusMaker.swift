import Codes
import HTTP2
import JSON
import Server
import World

/// Makes the codes of one region through its issuer, as its channel and its authority.
struct CorpusMaker: Sendable {
  struct Entry: Sendable {
    let code: String
    let expected: Outcome
  }

  struct Corpus: Sendable {
    var entries: [Entry]
    /// Of the holders of the codes.
    var handles: [String]
    /// Of holders without codes.
    var spares: [String]
  }

  let plan: CorpusPlan
  let channel: Crew
  let authority: Crew
  let policy: ScenePolicy
  let lifetimeSeconds: Int
  /// Put before half of the codes; "" for none.
  let prefix: String
  let seed: UInt64
  /// For the lines of progress.
  let region: String

  /// Registers, reads statuses, makes codes, kills some and forges some, in this order.
  func make() async throws -> Corpus {
    let handles = try await register(plan.holders + plan.spares)
    let owners = Array(handles.prefix(plan.holders.count))
    let statuses = try await readStatuses(of: owners)
    let now = CityTime(unixSeconds: System.wallMilliseconds / 1_000)
    let wishes = wishes(owners, now)
    let texts = try await channel.map("\(region): codes made", wishes) { client, wish in
      let answer = try await client.send(.post, "/v1/codes?as=text", json: wish.write)
      return try answer.required("making a code").text
    }
    _ = try await authority.map(
      "\(region): holders' codes killed", plan.killed.map { owners[$0] }
    ) { try await Commission(client: $0).killCodes(of: $1) }
    let end = now.advanced(bySeconds: Int64(lifetimeSeconds))
    return Corpus(
      entries: try entries(texts, statuses, until: end), handles: owners,
      spares: Array(handles.dropFirst(owners.count)))
  }

  private func entries(
    _ texts: [String], _ statuses: [JSONValue], until end: CityTime
  ) throws -> [Entry] {
    let killed = Set(plan.killed)
    var random = SplitMixNumbers(seed: ~seed)
    return try zip(texts, plan.codes).map { text, code in
      let expected: Outcome =
        switch code.fate {
        case .forged: .forged
        case .expired: .codeExpired
        case .kept:
          killed.contains(code.holder)
            ? .killed : try policy.outcome(statuses[code.holder], until: end)
        }
      return Entry(code: try finish(text, code.fate, &random), expected: expected)
    }
  }

  private func register(_ people: [Person]) async throws -> [String] {
    try await channel.map("\(region): holders registered", people) { client, person in
      try await Channel(client: client, seen: Trace()).register(person)
    }
  }

  private func readStatuses(of handles: [String]) async throws -> [JSONValue] {
    let parts = stride(from: 0, to: handles.count, by: 500).map { start in
      Array(handles[start..<min(start + 500, handles.count)])
    }
    let statuses = try await channel.map("\(region): statuses read, by 500", parts, inFlight: 8) {
      client, part in
      let statuses = try await Commission(client: client).statuses(of: part)
      guard statuses.count == part.count else { throw WorldError("statuses are missing") }
      return statuses
    }
    return statuses.flatMap { $0 }
  }

  /// What a code is asked for with.
  private struct Wish: Sendable {
    let handle: String
    let lifetimeSeconds: Int
    let validFrom: String?

    @Sendable func write(_ json: inout JSONWriter) {
      json.field("handle", handle)
      json.field("lifetime_seconds", lifetimeSeconds)
      if let validFrom { json.field("valid_from", validFrom) }
    }
  }

  /// An expired code is asked for with a start long enough ago that no clock's skew saves it, 5 to
  /// 50 minutes: the issuer makes codes up to an hour back.
  private func wishes(_ owners: [String], _ now: CityTime) -> [Wish] {
    var random = SplitMixNumbers(seed: seed)
    return plan.codes.map { code in
      let handle = owners[code.holder]
      guard code.fate == .expired else {
        return Wish(handle: handle, lifetimeSeconds: lifetimeSeconds, validFrom: nil)
      }
      let start = now.advanced(bySeconds: -Int64.random(in: 300...3_000, using: &random))
      return Wish(handle: handle, lifetimeSeconds: 15, validFrom: start.description)
    }
  }

  /// Forges the code if that is its fate, and writes it in one of the forms that scanners read.
  private func finish(
    _ text: String, _ fate: CorpusPlan.Fate, _ random: inout SplitMixNumbers
  ) throws -> String {
    var code: [UInt8] = []
    let bytes = Array(text.utf8)
    guard CodeText.decode(bytes.span, into: &code), code.count == DynamicCode.byteCount else {
      throw WorldError("the issuer gave what is no code")
    }
    if fate == .forged {
      let place = Int.random(in: DynamicCode.sealedRange, using: &random)
      code[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    }
    let isURL = !prefix.isEmpty && Bool.random(using: &random)
    return CodeText.encode(code.span, prefix: isURL ? prefix : nil)
  }
}

/// Scans every code of a corpus once and compares.
struct CorpusCheck: Sendable {
  let points: Crew
  /// Codes in one request: fewer for foreign codes, each of which asks another region.
  let batch: Int
  let inFlight: Int

  /// Throws when an outcome is not the expected one, and says which and how often.
  func run(_ what: String, _ entries: [CorpusMaker.Entry]) async throws {
    let parts = stride(from: 0, to: entries.count, by: batch).map { start in
      Array(entries[start..<min(start + batch, entries.count)])
    }
    let outcomes = try await points.map("\(what), by \(batch)", parts, inFlight: inFlight) {
      client, part in
      let point = Point(client: client)
      let outcomes = try await point.scanAll(part.map(\.code))
      // A partner that was busy for a moment says nothing about the code.
      guard outcomes.contains(Outcome.regionUnreachable.name) else { return outcomes }
      return try await point.scanAll(part.map(\.code))
    }.flatMap { $0 }
    guard outcomes.count == entries.count else { throw WorldError("answers are missing") }
    var wrong: [String: Int] = [:]
    for (entry, outcome) in zip(entries, outcomes) where entry.expected.name != outcome {
      wrong["expected \(entry.expected.name), the verifier said \(outcome)", default: 0] += 1
    }
    guard wrong.isEmpty else {
      let lines = wrong.sorted { $0.value > $1.value }.map { "\($0.value) times \($0.key)" }
      throw WorldError("the corpus is wrong: \(lines.joined(separator: "; "))")
    }
  }
}
