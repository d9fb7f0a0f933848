import Records
import Support
import Testing

@Suite struct KeyIndexTests {
  @Test("every key put in is found with its number, no other", arguments: [0, 1, 7, 1_000, 60_000])
  func finds(_ count: Int) throws {
    var random = SplitMix(of: "KeyIndexTests.finds")
    var keys = (0..<count).map { _ in (random.next(), random.next()) }
    // Some with the same upper half, at the very end, and with a lower half of zeros.
    if count > 100 {
      for index in 0..<20 { keys[index].0 = keys[20].0 }
      for index in 30..<40 { keys[index].0 = .max - UInt64(index) }
      keys[50].1 = 0
    }
    keys.sort { $0 < $1 }
    let index = try KeyIndex(count: count)
    let middle: UInt64 = 1 << 63
    var lower = KeyIndex.Filler(index, from: 0, to: middle)
    var upper = KeyIndex.Filler(index, from: middle, to: nil)
    for (number, key) in keys.enumerated() {
      if key.0 < middle {
        lower.add(high: key.0, low: key.1, number: UInt32(number))
      } else {
        upper.add(high: key.0, low: key.1, number: UInt32(number))
      }
    }
    try lower.finish()
    try upper.finish()
    for (number, key) in keys.enumerated() {
      #expect(index.find(high: key.0, low: key.1) == UInt32(number))
    }
    for _ in 0..<10_000 { #expect(index.find(high: random.next(), low: random.next()) == nil) }
  }
}
