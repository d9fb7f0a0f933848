import Codes
import Support
import Testing
import VerifierCore

@Suite struct ReceiptTests {
  private func next(_ source: inout ReceiptSource, _ milliseconds: UInt64) -> Receipt {
    var bytes: [UInt8] = []
    source.appendNext(at: Instant(milliseconds: milliseconds), to: &bytes)
    return Receipt(Bytes16(bytes.span))
  }

  @Test("receipts rise strictly, whatever the wall clock does")
  func rising() {
    var random = SplitMix(of: "receipts")
    var source = ReceiptSource(process: 0xFFFF_FFFF, loop: 255)
    var now: UInt64 = 217_000_000_000
    var last = next(&source, now)
    for _ in 0..<10_000 {
      switch random.below(4) {
      case 0: now += UInt64(random.below(2_000))
      case 1: now -= UInt64(random.below(3_600_000))
      default: break
      }
      let receipt = next(&source, now)
      guard last < receipt else {
        Issue.record("\(receipt.text) does not follow \(last.text)")
        return
      }
      last = receipt
    }
  }

  @Test("the layout is time, process, loop, counter")
  func layout() {
    var source = ReceiptSource(process: 0xA1B2_C3D4, loop: 5)
    #expect(next(&source, 0x0102_0304_0506).bytes.hex == "010203040506a1b2c3d4050000000001")
    // A clock that went back does not show: the time stays and the counter goes on.
    let second = next(&source, 7)
    #expect(second.bytes.hex == "010203040506a1b2c3d4050000000002")
    #expect(second.stream == [0xA1, 0xB2, 0xC3, 0xD4, 5])
  }

  @Test("sources of other processes and loops never make the same receipt")
  func distinct() {
    var seen: Set<Receipt> = []
    for process: UInt32 in [0, 1, 256] {
      for loop: UInt8 in [0, 1] {
        var source = ReceiptSource(process: process, loop: loop)
        for milliseconds: UInt64 in [0, 0, 1] {
          #expect(seen.insert(next(&source, milliseconds)).inserted)
        }
      }
    }
  }

  @Test("a receipt's text is 26 characters and reads back in either case")
  func text() {
    var source = ReceiptSource(process: 77, loop: 1)
    let receipt = next(&source, 217_000_000_123)
    #expect(receipt.text.count == 26)
    #expect(Receipt(text: receipt.text) == receipt)
    #expect(Receipt(text: receipt.text.lowercased()) == receipt)
  }

  @Test(
    "refuses text that is no receipt",
    arguments: [
      "", "A", "AAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "AAAAAAAAAAAAAAAAAAAAAAAAA1", "AAAAAAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAAAAAA==",
      " AAAAAAAAAAAAAAAAAAAAAAAAAA",
    ])
  func refused(text: String) { #expect(Receipt(text: text) == nil) }
}
