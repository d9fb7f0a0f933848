import Codes
import Feed
import IssuerCore
import Security
import Support
import Testing

@Suite struct CodeMakerTests {
  private static let region = Region(310_000)!
  private static let now = CityTime(rfc3339: "2026-11-24T11:33:47Z")!
  private let secret = RegionSecret(
    region: CodeMakerTests.region, secret: [UInt8](repeating: 1, count: 32),
    pepper: [UInt8](repeating: 2, count: 32))

  /// Opens `code` as the design says, without the verifier.
  private func open(_ code: [UInt8]) -> (DynamicCode.Header, DynamicCode.Claims)? {
    let bytes = code.span
    guard let header = DynamicCode.Header(bytes) else { return nil }
    let key = secret.key(of: KeyEpoch.resolve(wire: header.epochWire, near: Self.now))
    var opened: [UInt8] = []
    guard
      AESGCM(key: key.span).open(
        ciphertextAndTag: bytes.extracting(18..<50), nonce: bytes.extracting(6..<18),
        associatedData: bytes.extracting(0..<18), into: &opened),
      let claims = DynamicCode.Claims(opened.span)
    else { return nil }
    return (header, claims)
  }

  @Test("a code of 50 bytes carries what was asked for, sealed under the hour it begins in")
  func contents() throws {
    var random = SplitMix(of: "codes")
    let maker = CodeMaker(region: Self.region, secret: secret)
    var output: [UInt8] = []
    for number in 0..<300 {
      let serial = Serial(unchecked: 1 + random.next() % Serial.max.value)
      let status = Status(
        colour: random.pick(Colour.allCases), kind: random.pick(HolderKind.allCases),
        flags: StatusFlags(rawValue: UInt8(random.below(8))), validUntil: Self.now,
        revision: UInt16(random.below(65_536)))
      // More hours than the maker keeps ciphers for, in any order.
      let terms = IssueTerms(
        validFrom: Self.now.advanced(bySeconds: Int64(random.below(400_000)) - 200_000),
        lifetimeSeconds: 15 * (1 + random.below(255)), sceneHint: UInt8(random.below(256)))
      let nonce = Bytes12(random.bytes(12).span)
      let channel = UInt16(random.below(65_536))
      maker.make(
        serial: serial, status: status, channel: channel, terms: terms, nonce: nonce,
        into: &output)
      #expect(output.count == 50 * (number + 1))
      let (header, claims) = try #require(open(Array(output.suffix(50))))
      #expect(header.region == Self.region && header.nonce == nonce)
      #expect(header.epochWire == KeyEpoch(at: terms.validFrom).wire)
      #expect(
        claims
          == DynamicCode.Claims(
            serial: serial, validFrom: terms.validFrom,
            lifetimeUnits: UInt8(terms.lifetimeSeconds / 15), kind: status.kind,
            flags: status.flags, channel: channel, sceneHint: terms.sceneHint,
            revision: status.revision))
    }
  }

  @Test("the text is 80 characters of a QR code's alphanumeric mode")
  func text() {
    var code: [UInt8] = []
    CodeMaker(region: Self.region, secret: secret).make(
      serial: Serial(unchecked: 1), status: .absent, channel: 0,
      terms: IssueTerms(validFrom: Self.now, lifetimeSeconds: 60),
      nonce: Bytes12([UInt8](repeating: 3, count: 12).span), into: &code)
    let text = CodeText.encode(code.span, prefix: "HTTPS://CODE.EXAMPLE/C/")
    #expect(text.utf8.count == 23 + 80)
    let alphanumeric = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:".utf8)
    #expect(text.utf8.allSatisfy { alphanumeric.contains($0) })
  }

  @Test("codes of one holder made at once share nothing that is not public")
  func unlinkable() {
    let maker = CodeMaker(region: Self.region, secret: secret)
    var random = SplitMix(of: "nonces")
    let terms = IssueTerms(validFrom: Self.now, lifetimeSeconds: 60)
    var seen: Set<[UInt8]> = []
    for _ in 0..<200 {
      var code: [UInt8] = []
      maker.make(
        serial: Serial(unchecked: 1), status: .absent, channel: 0, terms: terms,
        nonce: Bytes12(random.bytes(12).span), into: &code)
      for place in stride(from: 18, to: 50, by: 4) { seen.insert(Array(code[place..<(place + 4)])) }
    }
    #expect(seen.count == 200 * 8)
  }
}

@Suite struct IssueTermsTests {
  private static let now = CityTime(rfc3339: "2026-11-24T11:33:47Z")!

  private func refusal(_ start: Int64, lifetime: Int = 60, count: Int = 1) -> IssueRefusal? {
    IssueTerms(
      validFrom: Self.now.advanced(bySeconds: start), lifetimeSeconds: lifetime, count: count
    ).refusal(at: Self.now)
  }

  @Test("a life is 15 seconds to 255 units of 15, in whole units")
  func lifetimes() {
    for lifetime in [15, 30, 60, 3_810, 3_825] { #expect(refusal(0, lifetime: lifetime) == nil) }
    for lifetime in [Int.min, -15, 0, 1, 14, 16, 61, 3_826, 3_840, .max] {
      #expect(refusal(0, lifetime: lifetime) == .badLifetime, "\(lifetime)")
    }
  }

  @Test("a batch has 1 to 2,000 codes")
  func counts() {
    for count in [1, 2, 1_999, 2_000] { #expect(refusal(0, lifetime: 15, count: count) == nil) }
    for count in [Int.min, -1, 0, 2_001, .max] {
      #expect(refusal(0, lifetime: 15, count: count) == .badCount, "\(count)")
    }
  }

  @Test("codes begin at most an hour ago and end within 25 hours")
  func horizon() {
    #expect(refusal(-3_600) == nil)
    #expect(refusal(-3_601) == .badStart)
    #expect(refusal(90_000 - 60) == nil)
    #expect(refusal(90_000 - 59) == .badStart)
    #expect(refusal(0, count: 1_500) == nil)
    #expect(refusal(1, count: 1_500) == .badStart)
    #expect(refusal(-3_600, count: 1_560) == nil)
    #expect(refusal(-3_600, count: 1_561) == .badStart)
    #expect(refusal(.max) == .badStart)
    #expect(refusal(.min) == .badStart)
  }

  @Test("every batch that may be asked for ends within the keys' reach")
  func reach() {
    let secret = RegionSecret(
      region: Region(310_000)!, secret: [UInt8](repeating: 1, count: 32),
      pepper: [UInt8](repeating: 2, count: 32))
    let last = Self.now.advanced(bySeconds: IssueTerms.horizonSeconds)
    let epochs = secret.epochKeys(near: last, hoursAhead: 0).keys.map(\.epoch)
    #expect(epochs.contains(KeyEpoch(at: last.advanced(bySeconds: -3_825))))
  }
}
