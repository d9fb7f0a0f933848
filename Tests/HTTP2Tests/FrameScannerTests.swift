import Testing

@testable import HTTP2

@Suite struct FrameScannerTests {
  private func heads(_ bytes: [UInt8], in size: Int, preface: Int) -> ([FrameHead], Int) {
    var scanner = FrameScanner(prefaceBytes: preface)
    var heads: [FrameHead] = []
    var ended = 0
    for start in stride(from: 0, to: bytes.count, by: size) {
      let part = Array(bytes[start..<min(start + size, bytes.count)])
      var offset = 0
      scan: while true {
        switch scanner.next(in: part.span, from: &offset) {
        case .needsMore: break scan
        case .began(let head): heads.append(head)
        case .ended: ended += 1
        }
      }
      #expect(offset == part.count)
    }
    return (heads, ended)
  }

  @Test("finds the same frames in pieces of any size")
  func findsFrames() {
    let bytes =
      Wire.start + Wire.headers(1) + Wire.data(1, [UInt8](repeating: 3, count: 300), flags: 1)
      + Wire.ping() + Wire.unknown([], streamID: 0x7FFF_FFFF)
    let expected = heads(bytes, in: bytes.count, preface: 24)
    #expect(expected.0.map(\.type) == [4, 1, 0, 6, 0xEE] && expected.1 == 5)
    #expect(expected.0[2] == FrameHead(length: 300, type: 0, flags: 1, streamID: 1))
    #expect(expected.0[4].streamID == 0x7FFF_FFFF)
    for size in 1...40 {
      let found = heads(bytes, in: size, preface: 24)
      #expect(found.0 == expected.0 && found.1 == expected.1)
    }
  }

  @Test("ignores the reserved bit")
  func ignoresReservedBit() {
    let bytes = Frame(type: 0xEE, streamID: 0x8000_0005).bytes
    #expect(heads(bytes, in: 4, preface: 0).0.map(\.streamID) == [5])
  }
}

@Suite struct TokenBucketTests {
  private final class Holder {
    var bucket: TokenBucket
    init(burst: Int, perSecond: Int) { bucket = TokenBucket(burst: burst, perSecond: perSecond) }
    func take(thousandths: Int64, now: UInt64) -> Bool {
      bucket.take(thousandths: thousandths, now: now)
    }
  }

  @Test("gives the burst at once and the rate afterwards")
  func burstAndRate() {
    let bucket = Holder(burst: 10, perSecond: 2)
    #expect((0..<10).allSatisfy { _ in bucket.take(thousandths: 1_000, now: 5) })
    #expect(!bucket.take(thousandths: 1_000, now: 5))
    #expect(!bucket.take(thousandths: 1_000, now: 904))
    #expect(bucket.take(thousandths: 1_000, now: 2_000))
    #expect(!bucket.take(thousandths: 1_000, now: 2_000))
  }

  @Test("never holds more than the burst and survives a clock that stands or jumps")
  func bounded() {
    let bucket = Holder(burst: 3, perSecond: 1_000)
    #expect(bucket.take(thousandths: 3_000, now: .max / 2))
    #expect(!bucket.take(thousandths: 1, now: 0))
    #expect(bucket.take(thousandths: 3_000, now: .max))
    #expect(!bucket.take(thousandths: 1, now: .max))
  }

  @Test("an upgrade grants the difference")
  func upgrades() {
    let bucket = Holder(burst: 2, perSecond: 0)
    #expect(bucket.take(thousandths: 2_000, now: 0))
    bucket.bucket.upgrade(burst: 5, perSecond: 0)
    #expect(bucket.take(thousandths: 3_000, now: 0))
    #expect(!bucket.take(thousandths: 1, now: 0))
  }
}
