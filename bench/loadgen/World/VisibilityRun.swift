import Codes
import Histogram
import IssuerCore
import JSON
import Server
import World

/// Changes statuses one after the other and watches for each change at one or two verifiers.
struct VisibilityRun: Sendable {
  /// A holder whose status is changed, and what it was before.
  private struct Subject: Sendable {
    let handle: String
    let code: String
    let colour: String
    let reason: Int
  }

  private struct Sighting: Sendable {
    var microseconds: UInt64
    /// 1: the first scan after the acknowledgement showed the change.
    var scans: Int
  }

  private let channel: Channel
  private let commission: Commission
  /// Each with a connection on a loop of its own, so that they do not wait for each other.
  private let points: [Point]
  private let people: [Person]

  private static let subjectsMax = 16
  private static let colours = ["green", "yellow", "red"]

  init(_ world: WorldEnvironment, secondURL: String?, secondTokenVariable: String) throws {
    let loops = Loops(count: 3)
    func client(_ url: String, _ token: String, _ loop: Int) throws -> APIClient {
      try world.client(url, token: try world.value(token), on: loops.all[loop])
    }
    let issuer = try world.value("ISSUER_H2C_URL")
    channel = Channel(client: try client(issuer, "CHANNEL_TOKEN", 0), seen: Trace())
    commission = Commission(client: try client(issuer, "AUTHORITY_TOKEN", 0))
    var points = [
      Point(client: try client(try world.value("VERIFIER_H2C_URL"), "POINT_TOKEN", 1))
    ]
    if let secondURL {
      points.append(Point(client: try client(secondURL, secondTokenVariable, 2)))
    }
    self.points = points
    let sample = try world.population("")
    people = try CorpusPlan(
      count: Self.subjectsMax, population: sample.population, people: sample.people,
      shares: .init(forged: 0, expired: 0, killed: 0), seed: 1
    ).holders
  }

  /// The figures as a JSON text.
  func measure(changes: Int) async throws -> [UInt8] {
    var subjects: [Subject] = []
    for person in people { subjects.append(try await subject(person)) }
    let figures: VisibilityFigures
    do {
      figures = try await change(subjects, times: changes)
    } catch {
      try? await restore(subjects)
      throw error
    }
    try await restore(subjects)
    return figures.json
  }

  private func subject(_ person: Person) async throws -> Subject {
    let handle = try await channel.register(person)
    let status = try await channel.status(of: handle)
    let code = try await channel.code(of: handle, .init(lifetimeSeconds: 3_600))
    guard let colour = status["colour"]?.string, Self.colours.contains(colour),
      let reason = status["reason"]?.integer
    else { throw WorldError("a holder has no colour") }
    return Subject(handle: handle, code: code, colour: colour, reason: Int(reason))
  }

  private func restore(_ subjects: [Subject]) async throws {
    for subject in subjects {
      _ = try await commission.set(subject.colour, of: subject.handle, reason: subject.reason)
    }
  }

  private func change(_ subjects: [Subject], times: Int) async throws -> VisibilityFigures {
    var figures = VisibilityFigures(verifiers: points.count)
    for number in 0..<times {
      let subject = subjects[number % subjects.count]
      // The n-th change of a holder is n colours further: never the colour it has.
      let start = Self.colours.firstIndex(of: subject.colour)!
      let colour = Self.colours[(start + number / subjects.count + 1) % Self.colours.count]
      let asked = System.monotonicNanoseconds
      _ = try await commission.set(colour, of: subject.handle, reason: subject.reason)
      let acknowledged = System.monotonicNanoseconds
      figures.acknowledgement.record((acknowledged - asked) / 1_000)
      let sightings = try await withThrowingTaskGroup(of: (Int, Sighting).self) { group in
        for (index, point) in points.enumerated() {
          group.addTask {
            (index, try await watch(point, subject.code, for: colour, since: acknowledged))
          }
        }
        var all: [(Int, Sighting)] = []
        for try await sighting in group { all.append(sighting) }
        return all
      }
      for (index, sighting) in sightings {
        figures.add(sighting.microseconds, scans: sighting.scans, at: index)
      }
    }
    return figures
  }

  private func watch(
    _ point: Point, _ code: String, for colour: String, since acknowledged: UInt64
  ) async throws -> Sighting {
    var scans = 0
    while true {
      let scan = try await point.scan(code)
      scans += 1
      let now = System.monotonicNanoseconds
      if scan.string("colour") == colour {
        return Sighting(microseconds: (now - acknowledged) / 1_000, scans: scans)
      }
      guard now - acknowledged < 30_000_000_000 else {
        throw WorldError("a change was not seen within 30 s; the last outcome: \(scan.outcome)")
      }
    }
  }
}

/// Times of all changes, in microseconds.
struct VisibilityFigures: Sendable {
  /// From the request to the issuer's answer: the change is durable.
  var acknowledgement = Self.empty
  private var seen: [Histogram<UInt64>]
  private var seenAtOnce: [Int]

  init(verifiers: Int) {
    seen = Array(repeating: Self.empty, count: verifiers)
    seenAtOnce = Array(repeating: 0, count: verifiers)
  }

  private static var empty: Histogram<UInt64> {
    Histogram<UInt64>(highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: .three)
  }

  mutating func add(_ microseconds: UInt64, scans: Int, at verifier: Int) {
    seen[verifier].record(microseconds)
    if scans == 1 { seenAtOnce[verifier] += 1 }
  }

  var json: [UInt8] {
    var members: [(String, JSONValue)] = [
      ("scenario", .string("visibility")),
      ("changes", .integer(Int64(acknowledgement.totalCount))),
      ("acknowledgement_us", Report.latency(acknowledgement)),
    ]
    for (prefix, index) in zip(["", "second_"], seen.indices) {
      members.append(("\(prefix)latency_us", Report.latency(seen[index])))
      members.append(("\(prefix)seen_by_first_scan", .integer(Int64(seenAtOnce[index]))))
    }
    return Report.text(Report.object(members))
  }
}
