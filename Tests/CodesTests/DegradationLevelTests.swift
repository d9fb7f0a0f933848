import Codes
import Testing

@Suite struct DegradationLevelTests {
  @Test("P-43: levels have the names D0 to D3, in order")
  func names() {
    #expect(DegradationLevel.allCases.map(\.name) == ["D0", "D1", "D2", "D3"])
    #expect(DegradationLevel.allCases.map(\.rawValue) == [0, 1, 2, 3])
    for level in DegradationLevel.allCases {
      #expect(DegradationLevel(name: level.name) == level)
      for other in DegradationLevel.allCases {
        #expect((level < other) == (level.rawValue < other.rawValue))
      }
    }
    for text in ["", "D", "D4", "d1", "D01", " D1", "auto"] {
      #expect(DegradationLevel(name: text) == nil)
    }
  }
}
