import Codes
import Feed
import IssuerCore
import Testing

@Suite struct SecretScheduleTests {
  private static let region = Region(310_000)!
  private static let now = CityTime(rfc3339: "2026-11-24T11:33:47Z")!
  private static let first = [UInt8](repeating: 1, count: 32)
  private static let second = [UInt8](repeating: 2, count: 32)

  private var plain: SecretSchedule { SecretSchedule(region: Self.region, secret: Self.first) }

  private func digits(_ secret: [UInt8]) -> String { Hexadecimal.text(of: secret.span) }

  @Test("one secret is read from its 64 digits, and gives the keys it always gave")
  func plainForm() throws {
    let read = try #require(
      SecretSchedule(Array("\(digits(Self.first))\n".utf8), region: Self.region))
    #expect(read == plain && read.count == 1)
    let secret = RegionSecret(region: Self.region, secret: Self.first, pepper: Self.second)
    #expect(read.handleKey == secret.handleKey)
    #expect(read.key(of: KeyEpoch(number: 60_491)) == secret.key(of: KeyEpoch(number: 60_491)))
  }

  @Test("a rotation changes the keys from its epoch on, and neither those before nor handles")
  func rotation() throws {
    let start = SecretSchedule.nextStart(at: Self.now, hoursAhead: 24)
    let rotated = plain.adding(Self.second, from: start, at: Self.now)
    let other = SecretSchedule(region: Self.region, secret: Self.second)
    #expect(rotated.handleKey == plain.handleKey && rotated.handleKey != other.handleKey)
    for number in (start.number - 40)..<(start.number + 40) {
      let epoch = KeyEpoch(number: number)
      #expect(rotated.key(of: epoch) == (epoch < start ? plain : other).key(of: epoch))
    }
    #expect(SecretSchedule(rotated.bytes, region: Self.region) == rotated)
  }

  @Test(
    "it begins behind every code that can have been made and every key that was given",
    arguments: [1, 24, 25, 26, 40])
  func start(hoursAhead: Int) {
    let secret = RegionSecret(region: Self.region, secret: Self.first, pepper: Self.second)
    for minutes: Int64 in stride(from: 0, to: 60, by: 7) {
      let now = Self.now.advanced(bySeconds: minutes * 60)
      let start = SecretSchedule.nextStart(at: now, hoursAhead: hoursAhead)
      // An hour later the issuer takes it over, and nothing it has given out is touched.
      let later = now.advanced(bySeconds: 3_600)
      let lastCode = KeyEpoch(at: later.advanced(bySeconds: IssueTerms.horizonSeconds))
      let lastKey = secret.epochKeys(near: later, hoursAhead: hoursAhead).keys.last!.epoch
      #expect(start > lastCode && start > lastKey)
      let rotated = plain.adding(Self.second, from: start, at: now)
      #expect(rotated.conflict(with: plain, at: later, hoursAhead: hoursAhead) == nil)
      let tooLate = now.advanced(bySeconds: 7_200)
      #expect(rotated.conflict(with: plain, at: tooLate, hoursAhead: hoursAhead) == start)
    }
  }

  @Test("a secret for the next hour is found to conflict, and so is another region's")
  func conflicts() {
    let next = KeyEpoch(number: KeyEpoch(at: Self.now).number + 1)
    let leaked = plain.adding(Self.second, from: next, at: Self.now)
    #expect(leaked.conflict(with: plain, at: Self.now, hoursAhead: 24) == next)
    #expect(plain.conflict(with: plain, at: Self.now, hoursAhead: 24) == nil)
    let other = SecretSchedule(region: Self.region, secret: Self.second)
    #expect(other.conflict(with: plain, at: Self.now, hoursAhead: 24) != nil)
  }

  @Test("a pending secret makes room for the next; an old one goes when its codes are over")
  func retirement() {
    let start = SecretSchedule.nextStart(at: Self.now, hoursAhead: 24)
    let once = plain.adding(Self.second, from: start, at: Self.now)
    let third = [UInt8](repeating: 3, count: 32)
    let twice = once.adding(third, from: start, at: Self.now)
    #expect(twice.count == 2 && twice.lastStart == start)
    #expect(
      twice.key(of: start) == SecretSchedule(region: Self.region, secret: third).key(of: start))

    for (hours, remain) in [(0, 3), (2, 3), (3, 2)] as [(Int64, Int)] {
      let later = start.start.advanced(bySeconds: hours * 3_600)
      let next = SecretSchedule.nextStart(at: later, hoursAhead: 24)
      let after = twice.adding(Self.second, from: next, at: later)
      #expect(after.count == remain, "\(hours) hours after it took effect")
      let text = String(decoding: after.bytes, as: UTF8.self)
      #expect(text.contains(digits(Self.first)) == (remain == 3))
      #expect(after.handleKey == plain.handleKey)
    }
  }

  @Test(
    "a file that is not as described is refused",
    arguments: [
      "", "zz", "citycode-region-secret 1", "citycode-region-secret 2\nhandles H\nfrom 0 S",
      "citycode-region-secret 1\nhandles H", "citycode-region-secret 1\nfrom 0 S\nhandles H",
      "citycode-region-secret 1\nhandles H\nfrom x S",
      "citycode-region-secret 1\nhandles H\nfrom 0",
      "citycode-region-secret 1\nhandles H\nfrom 5 S\nfrom 5 S",
      "citycode-region-secret 1\nhandles H\nfrom 5 S\nfrom 4 S",
      "citycode-region-secret 1\nhandles HH\nfrom 0 S",
      "citycode-region-secret 1\nhandles H\nfrom 0 S\nmore",
    ])
  func refused(text: String) {
    let filled = text.replacing("H", with: digits(Self.first))
      .replacing("S", with: digits(Self.second))
    #expect(SecretSchedule(Array(filled.utf8), region: Self.region) == nil)
  }

  @Test("no text form shows a secret")
  func hidden() {
    let rotated = plain.adding(
      [UInt8](repeating: 211, count: 32), from: KeyEpoch(number: 9), at: Self.now)
    var dumped = ""
    dump(rotated, to: &dumped)
    for text in ["\(rotated)", String(reflecting: rotated), "\([rotated])", dumped] {
      #expect(!text.contains("211") && !text.contains("d3d3"), "\(text)")
    }
  }
}
