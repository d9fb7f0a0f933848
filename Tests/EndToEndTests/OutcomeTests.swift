import Codes
import HTTP2
import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct OutcomeTests {
    @Test("a scan answers each outcome by its name, number, texts and voice")
    func outcomes() async throws {
      try await withWorld { world in
        let (handle, code) = try await world.resident()
        let point = try world.home.point()
        let channel = try world.home.channel()
        func expect(_ outcome: Outcome, _ text: String, scene: String? = nil) async throws {
          let scan = try await point.scan(text, scene: scene)
          #expect(scan.outcome == outcome.name)
          #expect(scan.json["number"]?.integer == Int64(outcome.rawValue))
          #expect(scan.json["text"]?["zh"]?.string == outcome.textZH)
          #expect(scan.json["text"]?["en"]?.string == outcome.textEN)
          #expect(scan.string("voice") == outcome.voice)
        }
        try await expect(.accepted, code)
        try await expect(.accepted, "https://code.example/c/\(code.lowercased())\r\n")
        try await expect(.accepted, code, scene: "transit")
        try await expect(.replayed, code, scene: "transit")
        try await expect(.malformed, "8842 0013 7765")
        try await expect(.malformed, "")
        try await expect(.forged, changed(code) { $0[33] ^= 1 })
        try await expect(.forged, changed(code) { $0[8] ^= 1 })
        try await expect(.unknownRegion, changed(code) { $0[3] ^= 1 })
        try await expect(.unknownKey, changed(code) { $0[4] &+= 1 })
        let old = Story.time(fromNow: -600)
        try await expect(.codeExpired, try await channel.code(of: handle, .init(validFrom: old)))
        let early = Story.time(fromNow: 600)
        try await expect(.notYetValid, try await channel.code(of: handle, .init(validFrom: early)))

        _ = try await world.home.commission().set("red", of: handle)
        try await expect(.colour, code)
        let past = try await world.home.commission().answer(
          setting: "green", of: handle, validUntil: Story.time(fromNow: -120))
        #expect(past.status == 200)
        try await expect(.statusExpired, code)
        let suspended = try await world.home.commission().answer(
          setting: "green", of: handle, validUntil: Story.time(fromNow: 86_400),
          flags: ["suspended"])
        #expect(suspended.status == 200)
        try await expect(.suspended, code)
        _ = try await world.home.commission().answer(setting: "green", of: handle, flags: [])
        try await expect(.accepted, code)
        _ = try await world.home.commission().killCodes(of: handle)
        try await expect(.killed, code)
      }
    }

    @Test("JSON and batches answer as the text form does, in order")
    func forms() async throws {
      try await withWorld { world in
        let handles = try await world.handles(count: 40)
        let codes = try await world.sampleCodes(count: 40, of: handles)
        let point = try world.home.point()
        let json = try await point.client.send(.post, "/v1/scans") { json in
          json.field("code", codes[0])
          json.field("scene", "pool")
          json.field("point", "pool-3")
          json.field("purpose", "season ticket")
          json.field("business_number", "B-77")
        }.required("a scan as JSON")
        #expect(json.json["outcome"]?.string == "accepted")
        #expect(json.json["scene"]?.string == "pool")
        let entry = try await point.journalEntry(try json.string("receipt"))
        #expect(entry.json["purpose"]?.string == "season ticket")
        #expect(entry.json["business_number"]?.string == "B-77")
        #expect(entry.json["point"]?.string == "pool-3")

        let mixed = codes + ["nonsense", changed(codes[1]) { $0[20] ^= 4 }]
        let outcomes = try await point.scanAll(mixed)
        #expect(
          outcomes == Array(repeating: "accepted", count: 40) + ["malformed", "forged"])
      }
    }
  }
}

/// `code` with its bytes changed.
func changed(_ code: String, _ change: (inout [UInt8]) -> Void) -> String {
  var bytes = Base32.bytes(of: code)!
  change(&bytes)
  return Base32.text(of: bytes.span)
}
