import Codes
import Feed
import IssuerCore
import Testing

@Suite struct RegionSecretTests {
  private static let region = Region(310_000)!
  private static let now = CityTime(rfc3339: "2026-11-24T11:33:47Z")!

  private func secret(
    _ region: Region = RegionSecretTests.region, secret: UInt8 = 0, pepper: UInt8 = 32
  ) -> RegionSecret {
    RegionSecret(
      region: region, secret: (0..<32).map { secret &+ $0 }, pepper: (0..<32).map { pepper &+ $0 })
  }

  @Test("the keys are those that RFC 5869 and SP 800-38B give, made by other programs")
  func vectors() throws {
    let secret = secret()
    let epochKey = secret.key(of: KeyEpoch(number: 60_491))
    #expect(
      Hexadecimal.text(of: epochKey.span)
        == "bf5c30ad9b89e04d2b8fa4516b228741b745fb87bd9a6b5a46dac052dfc082ba")
    let handleKey = secret.handleKey
    #expect(
      Hexadecimal.text(of: handleKey.span)
        == "c606b9ccf22cdb1130a3e6535392211589bf63a00178707764a91dce6311fd6c")
    let document = try Document(type: .residentID, text: "11010519491231002x")
    #expect(secret.key(of: document).hex == "8d12e4d1ca18e487fab16507482f0dd3")
  }

  @Test("no two hours, regions or secrets share a key, and none is the handle key")
  func distinct() {
    var keys: Set<[UInt8]> = []
    let secrets = [secret(), secret(Region(330_000)!), secret(secret: 1)]
    for secret in secrets {
      for number: UInt32 in (60_000..<60_100) {
        keys.insert(secret.key(of: KeyEpoch(number: number)))
      }
      // 65,536 hours apart: the same 16 bits on the wire.
      keys.insert(secret.key(of: KeyEpoch(number: 60_000 + 65_536)))
      keys.insert(secret.handleKey)
    }
    #expect(keys.count == 3 * 102)
  }

  @Test("the pepper makes document keys and nothing else")
  func pepper() {
    let one = secret()
    let two = secret(pepper: 33)
    let number = Array("11010519491231002X".utf8)
    #expect(
      one.key(of: .residentID, canonical: number.span)
        != two.key(of: .residentID, canonical: number.span))
    #expect(one.handleKey == two.handleKey)
    #expect(one.key(of: KeyEpoch(number: 1)) == two.key(of: KeyEpoch(number: 1)))
    #expect(
      one.key(of: .residentID, canonical: number.span)
        == secret(secret: 9).key(of: .residentID, canonical: number.span))
  }

  @Test("one number of two types is two documents")
  func documentTypes() {
    let number = Array("12345678".utf8)
    let keys = Set(
      DocumentType.allCases.map { secret().key(of: $0, canonical: number.span) })
    #expect(keys.count == DocumentType.allCases.count)
  }

  @Test("a verifier gets the keys from two hours back to the hours ahead, rising")
  func window() {
    let secret = secret()
    for hours in [0, 1, 24, 45] {
      let file = secret.epochKeys(near: Self.now, hoursAhead: hours)
      let current = KeyEpoch(at: Self.now).number
      #expect(file.region == Self.region)
      #expect(file.keys.map(\.epoch.number) == Array((current - 2)...(current + UInt32(hours))))
      #expect(file.keys.allSatisfy { $0.bytes == secret.key(of: $0.epoch) })
      #expect(EpochKeyFile(file.bytes) == file)
    }
  }

  @Test("a clock at the beginning of 2020 gets the keys there are")
  func firstHours() {
    for seconds: UInt32 in [0, 3_600, 7_200, 10_800] {
      let file = secret().epochKeys(near: CityTime(seconds: seconds), hoursAhead: 1)
      let current = seconds / 3_600
      #expect(
        file.keys.map(\.epoch.number) == Array((current < 2 ? 0 : current - 2)...(current + 1)))
    }
  }

  @Test("every code that may still be valid finds its key in the window")
  func windowCoversLives() {
    for second: Int64 in stride(from: 0, to: 3_600, by: 7) {
      let now = Self.now.advanced(bySeconds: second)
      let oldest = now.advanced(bySeconds: -Int64(IssueTerms.lifetimeSecondsMax) - 60)
      let epochs = secret().epochKeys(near: now, hoursAhead: 0).keys.map(\.epoch)
      #expect(epochs.contains(KeyEpoch(at: oldest)), "\(now)")
    }
  }

  @Test("no text form shows a secret")
  func hidden() {
    let secret = secret(secret: 200, pepper: 100)
    let key = EpochKeyFile.Key(
      epoch: KeyEpoch(number: 7), bytes: [UInt8](repeating: 211, count: 32))
    var dumped = ""
    dump(secret, to: &dumped)
    var texts = ["\(secret)", String(reflecting: secret), "\([secret])", dumped]
    texts += ["\(key)", "\(EpochKeyFile(region: Self.region, keys: [key]))"]
    for text in texts {
      for byte in [201, 202, 131, 211] { #expect(!text.contains("\(byte)"), "\(text)") }
    }
    #expect("\(secret)" == "secret of region 310000")
  }
}
