import Codes
import RelayCore
import Testing

@Suite struct PartnerTableTests {
  @Test("reads regions and their relays' addresses")
  func entries() throws {
    let table = try PartnerTable(["330000=https://127.0.0.1:9443", "320000=https://r.example:8443"])
    #expect(
      table.urls == [
        Region(330_000)!: "https://127.0.0.1:9443", Region(320_000)!: "https://r.example:8443",
      ])
    #expect(try PartnerTable([]).urls.isEmpty)
    // An address may hold "=" itself.
    #expect(try PartnerTable(["330000=https://a:1/?x=y"]).urls.values.first == "https://a:1/?x=y")
  }

  @Test(
    "refuses entries that say nothing and names them",
    arguments: [
      ["330000"], ["330000="], ["=https://a:1"], ["33000=https://a:1"], ["zhejiang=https://a:1"],
      [""], ["330000=https://a:1", "330000=https://b:1"], ["099999=https://a:1"],
    ])
  func refused(entries: [String]) {
    do {
      let table = try PartnerTable(entries)
      Issue.record("took \(table.urls)")
    } catch {
      #expect(error.message.hasPrefix("partners: "))
      #expect(entries.count > 1 || error.message.contains("\"\(entries[0])\""))
    }
  }

  @Test("finds the partner of a dynamic code by its header alone")
  func codes() throws {
    let table = try PartnerTable(["330000=https://a:1"])
    func partner(_ region: UInt32, format: UInt8 = 1, byteCount: Int = 50) -> String? {
      var code: [UInt8] = [format]
      code.appendBigEndian(UInt64(region), byteCount: 3)
      code += [UInt8](repeating: 0x5A, count: 50)
      let cut = Array(code.prefix(byteCount))
      guard let found = table.partner(ofCode: cut.span) else { return nil }
      return "\(found.region) \(found.url)"
    }
    #expect(partner(330_000) == "330000 https://a:1")
    #expect(partner(310_000) == nil)
    #expect(partner(330_000, format: 2) == nil)
    #expect(partner(330_000, byteCount: 49) == nil)
    #expect(partner(330_000, byteCount: 51) == nil)
    #expect(partner(330_000, byteCount: 0) == nil)
    #expect(partner(99_999) == nil)
  }
}
