import Codes
import IssuerCore
import Support
import Testing
import VerifierCore

/// Three days of a region that rotates its secret again and again, on a clock of the test's own:
/// what `issuer keys rotate`, the issuer's SIGHUP, the key file and the verifiers do.
@Suite struct KeyRotationTests {
  private static let region = Scan.home
  private static let hoursAhead = 24
  private static let minutes = 72 * 60

  /// A code, and when it will be scanned.
  private struct Made {
    let code: [UInt8]
    let validFrom: CityTime
    let lifetimeSeconds: Int
  }

  /// A verifier that gets the key file now and then.
  private final class Host {
    let keys = KeyRing()
    var fetchedAt: CityTime?
    /// How long it may be cut off.
    let cutOffMinutes: Int

    init(cutOffMinutes: Int) { self.cutOffMinutes = cutOffMinutes }

    func update(_ secret: RegionSecret, at now: CityTime) {
      let age = fetchedAt.map { now.seconds(since: $0) / 60 } ?? .max
      guard age >= Int64(cutOffMinutes) else { return }
      fetchedAt = now
      keys.replace(with: secret.epochKeys(near: now, hoursAhead: KeyRotationTests.hoursAhead))
    }
  }

  private let rules = ScanRules(
    region: KeyRotationTests.region, partners: [], clockSkewSeconds: 60,
    statusAgeMaxSeconds: 21_600)

  private func outcome(_ code: [UInt8], at now: CityTime, _ keys: KeyRing) -> Outcome? {
    var scratch: [UInt8] = []
    let status = Status(
      colour: .green, kind: .resident, reason: 3, validUntil: now.advanced(bySeconds: 86_400),
      revision: 7)
    let decision = rules.decide(
      code: code.span, scene: Scan.gate(), now: Instant(now), asOf: Instant(now), keys: keys,
      scratch: &scratch
    ) { _ in status }
    guard case .home(let verdict) = decision else { return nil }
    return verdict.outcome
  }

  private func make(
    _ maker: CodeMaker, _ validFrom: CityTime, lifetimeSeconds: Int, _ random: inout SplitMix
  ) -> [UInt8] {
    let nonce = random.bytes(12)
    var code: [UInt8] = []
    let status = Status(colour: .green, kind: .resident, validUntil: validFrom, revision: 7)
    maker.make(
      serial: Serial(unchecked: 34_000_000), status: status, channel: 1,
      terms: IssueTerms(validFrom: validFrom, lifetimeSeconds: lifetimeSeconds),
      nonce: Bytes12(nonce.span), into: &code)
    return code
  }

  @Test(
    """
    P-53: rotated every minute for three days, no code is refused within its life, also where keys \
    come once a day, and none counts after it
    """)
  func rotations() throws {
    var random = SplitMix(of: "key rotation")
    let begin = CityTime(rfc3339: "2026-11-24T11:33:47Z")!
    let first = RegionSecret(
      region: Self.region, secret: [UInt8](repeating: 5, count: 32),
      pepper: [UInt8](repeating: 9, count: 32))
    // The file, and what the running issuer has taken over of it.
    var file = first.schedule
    var issuer = first
    var maker = CodeMaker(region: Self.region, secret: issuer)
    // Every minute; skipping hours; cut off for nearly as long as it has keys.
    let hosts = [1, 150, 23 * 60].map { Host(cutOffMinutes: $0) }
    var made: [Int: [Made]] = [:]
    var over: [Made] = []
    var scans = 0
    for minute in 0..<Self.minutes {
      let now = begin.advanced(bySeconds: Int64(minute) * 60)
      file = file.adding(
        random.bytes(32),
        from: SecretSchedule.nextStart(at: now, hoursAhead: Self.hoursAhead), at: now)
      // SIGHUP comes at once, or up to an hour late.
      if minute % 60 == 59 || random.once(in: 4) {
        #expect(file.conflict(with: issuer.schedule, at: now, hoursAhead: Self.hoursAhead) == nil)
        issuer.schedule = file
        maker = CodeMaker(region: Self.region, secret: issuer)
      }
      for host in hosts { host.update(issuer, at: now) }
      // A code for some moment from an hour ago to the horizon, scanned once in its life.
      let lifetime = (random.below(255) + 1) * 15
      let ahead = Int64(random.below(26 * 3_600)) - 3_600
      let terms = IssueTerms(
        validFrom: now.advanced(bySeconds: ahead), lifetimeSeconds: lifetime)
      if terms.refusal(at: now) == nil {
        let code = Made(
          code: make(maker, terms.validFrom, lifetimeSeconds: lifetime, &random),
          validFrom: terms.validFrom, lifetimeSeconds: lifetime)
        let last = terms.validFrom.advanced(bySeconds: Int64(lifetime) - 1).seconds(since: begin)
        if last / 60 >= Int64(minute) {
          let first = max(terms.validFrom.seconds(since: begin) / 60 + 1, Int64(minute))
          made[Int(min(first, last / 60)), default: []].append(code)
          made[Int(last / 60), default: []].append(code)
        }
        over.append(code)
      }
      for code in made.removeValue(forKey: minute) ?? []
      where now.seconds(since: code.validFrom) >= -60 {
        for (index, host) in hosts.enumerated() {
          scans += 1
          let found = outcome(code.code, at: now, host.keys)
          #expect(found == .accepted, "minute \(minute), host \(index), \(code.validFrom)")
        }
      }
    }
    #expect(scans > 3 * Self.minutes, "\(scans) scans")
    print("P-53: \(Self.minutes) rotations, \(scans) scans in the life of \(over.count) codes")

    // After its life no code counts; nor does one that is made of the retired secret.
    let end = begin.advanced(bySeconds: Int64(Self.minutes) * 60)
    hosts[0].update(issuer, at: end)
    for code in over where end.seconds(since: code.validFrom) > Int64(code.lifetimeSeconds) + 60 {
      #expect(outcome(code.code, at: end, hosts[0].keys) == .codeExpired)
    }
    let thief = CodeMaker(region: Self.region, secret: first)
    let stolen = make(thief, end, lifetimeSeconds: 60, &random)
    #expect(outcome(stolen, at: end, hosts[0].keys) == .forged)
    let text = String(decoding: file.bytes, as: UTF8.self)
    #expect(!text.contains(String(repeating: "05", count: 32)), "the first secret is gone")
    #expect(issuer.handleKey == first.handleKey)
  }
}
