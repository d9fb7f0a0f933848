import Codes
import Testing

@Suite struct RegionTests {
  @Test("reads exactly six digits that do not start with 0")
  func readsSixDigits() {
    #expect(Region(text: "310000")?.number == 310_000)
    #expect(Region(310_000)?.description == "310000")
    #expect(Region(310_000)?.province == 31)
  }

  @Test("refuses other text", arguments: ["", "31000", "3100000", "031000", "31000A", "３10000"])
  func refuses(text: String) {
    #expect(Region(text: text) == nil)
  }

  @Test("fits the three bytes that a code gives it")
  func fitsThreeBytes() {
    #expect(Region(999_999) != nil)
    #expect(Region(1_000_000) == nil)
    #expect(Region(99_999) == nil)
  }
}
