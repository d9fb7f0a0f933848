import IssuerCore
import Support
import Testing

@Suite struct PlaceCodeTests {
  @Test("codes of 2, 4, 6, 9 and 12 digits are padded; other numbers are none")
  func padded() {
    for (code, padded) in [
      (42, 420_000_000_000), (4_201, 420_100_000_000), (420_106, 420_106_000_000),
      (420_106_003, 420_106_003_000), (420_106_003_012, 420_106_003_012),
      (99, 990_000_000_000), (999_999_999_999, 999_999_999_999),
    ] as [(UInt64, UInt64)] {
      #expect(PlaceCode.padded(code) == padded)
      // What `Event` keeps.
      #expect(padded < 1 << 40)
    }
    for code: UInt64 in [
      0, 9, 100, 999, 10_000, 42_010, 1_000_000, 99_999_999, 1_000_000_000, 99_999_999_999,
      1_000_000_000_000, .max,
    ] {
      #expect(PlaceCode.padded(code) == nil, "\(code)")
    }
  }

  @Test("a place holds the codes that begin with it")
  func within() {
    for (code, count) in [
      (42, 10_000_000_000), (420_000, 10_000_000_000), (4_201, 100_000_000),
      (420_100, 100_000_000), (420_106, 1_000_000), (420_106_003, 1_000), (420_106_003_012, 1),
    ] as [(UInt64, UInt64)] {
      let padded = PlaceCode.padded(code)!
      #expect(PlaceCode.codes(within: padded) == padded..<padded + count)
    }
    #expect(PlaceCode.text(420_106_000_000) == "420106")
    #expect(PlaceCode.text(420_106_003_000) == "420106003")
    #expect(PlaceCode.text(420_106_003_012) == "420106003012")
  }

  @Test("patterns of file names fit as a shell's do")
  func patterns() {
    for (pattern, name, fits) in [
      ("*.csv", "01.csv", true), ("*.csv", "01.csv.gz", false), ("*", "a", true),
      ("*", ".hidden", false), (".h*", ".hidden", true), ("0?.csv", "01.csv", true),
      ("0?.csv", "0.csv", false), ("a*b*c", "axxbyyc", true), ("a*b*c", "axxbyy", false),
      ("a*a", "a", false), ("a*a", "aa", true), ("**", "", true), ("", "", true), ("", "a", false),
      ("*aab", "aaaab", true), ("核酸*", "核酸01.csv", true),
    ] {
      #expect(FilePattern(pattern).fits(name) == fits, "\(pattern) \(name)")
    }
    #expect(FilePattern.isPattern("a/b*") && FilePattern.isPattern("a?"))
    #expect(!FilePattern.isPattern("a/b.csv"))
  }
}
