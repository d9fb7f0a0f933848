import Codes
import Testing

@Suite struct DynamicCodeTests {
  private let header: [UInt8] = [
    1, 0x04, 0xBA, 0xF0, 0xEC, 0xE5, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
  ]
  private let claims: [UInt8] = [
    0x01, 0x02, 0x03, 0x04, 0x05, 0x0C, 0xFA, 0xE6, 0x9B, 4, 0b0001_0001, 0x12, 0x34, 9, 0xAB, 0xCD,
  ]

  @Test("puts every header field where the format says")
  func headerLayout() throws {
    let header = DynamicCode.Header(self.header.span)
    let decoded = try #require(header)
    #expect(decoded.region == Region(310_000))
    #expect(decoded.epochWire == 0xECE5)
    #expect(decoded.nonce.bytes == Array(0...11))
    var encoded: [UInt8] = []
    decoded.append(to: &encoded)
    #expect(encoded == self.header)
  }

  @Test("puts every claim where the format says")
  func claimsLayout() throws {
    let claims = DynamicCode.Claims(self.claims.span)
    let decoded = try #require(claims)
    #expect(decoded.serial.value == 0x01_0203_0405)
    #expect(decoded.validFrom.description == "2026-11-25T11:33:47Z")
    #expect(decoded.lifetimeUnits == 4)
    #expect(decoded.kind == .resident)
    #expect(decoded.flags == .lost)
    #expect(decoded.channel == 0x1234)
    #expect(decoded.sceneHint == 9)
    #expect(decoded.revision == 0xABCD)
    #expect(decoded.validUntil.description == "2026-11-25T11:34:47Z")
    var encoded: [UInt8] = []
    decoded.append(to: &encoded)
    #expect(encoded == self.claims)
  }

  @Test("refuses impossible claims")
  func impossibleClaims() {
    func decodes(_ change: (inout [UInt8]) -> Void) -> Bool {
      var bytes = claims
      change(&bytes)
      return DynamicCode.Claims(bytes.span) != nil
    }
    #expect(decodes { _ in })
    #expect(!decodes { $0.replaceSubrange(0..<5, with: [0, 0, 0, 0, 0]) })
    #expect(!decodes { $0[9] = 0 })
    #expect(!decodes { $0[10] |= 0b0100_0000 })
    #expect(!decodes { $0[10] |= 0b1000_0000 })
    #expect(!decodes { $0[10] = 5 })
    #expect(!decodes { $0.removeLast() })
    #expect(!decodes { $0.append(0) })
  }

  @Test("refuses another format, a short header and a region of other than six digits")
  func impossibleHeader() {
    var bytes = header
    bytes[0] = 2
    #expect(DynamicCode.Header(bytes.span) == nil)
    #expect(DynamicCode.Header(header.span.extracting(0..<17)) == nil)
    bytes = header
    bytes.replaceSubrange(1..<4, with: [0, 0, 1])
    #expect(DynamicCode.Header(bytes.span) == nil)
    bytes.replaceSubrange(1..<4, with: [0xFF, 0xFF, 0xFF])
    #expect(DynamicCode.Header(bytes.span) == nil)
  }

  @Test("any 16 bytes that decode encode to themselves")
  func fuzz() {
    var random = SplitMix(seed: 50)
    var decodedCount = 0
    for _ in 0..<50_000 {
      let bytes = random.bytes(16)
      guard let decoded = DynamicCode.Claims(bytes.span) else { continue }
      var encoded: [UInt8] = []
      decoded.append(to: &encoded)
      #expect(encoded == bytes)
      decodedCount += 1
    }
    #expect(decodedCount > 1_000)
  }
}

@Suite struct KeyEpochTests {
  @Test("an epoch is an hour and its wire form the low 16 bits")
  func numbers() {
    #expect(KeyEpoch(at: CityTime(seconds: 3_599)).number == 0)
    #expect(KeyEpoch(at: CityTime(seconds: 3_600)).number == 1)
    #expect(KeyEpoch(number: 65_537).wire == 1)
    #expect(KeyEpoch(number: 2).start == CityTime(seconds: 7_200))
    #expect(KeyEpoch(number: .max).start == CityTime(seconds: .max))
  }

  @Test("resolves to the nearest hour on both sides of every wrap")
  func resolves() {
    for now in [UInt32(32_768), 60_477, 65_535, 65_536, 65_537, 131_072, 1_000_000] {
      let time = CityTime(seconds: now * 3_600 + 1_800)
      for distance in [-32_768, -25, -1, 0, 1, 25, 32_767] as [Int64] {
        let epoch = KeyEpoch(number: UInt32(Int64(now) + distance))
        #expect(KeyEpoch.resolve(wire: epoch.wire, near: time) == epoch, "\(now) \(distance)")
      }
    }
  }

  @Test("never resolves to before 2020")
  func first() {
    let epoch = KeyEpoch.resolve(wire: 65_535, near: CityTime(seconds: 0))
    #expect(epoch.number == 65_535)
  }
}
