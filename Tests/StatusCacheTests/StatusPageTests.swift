import Codes
import StatusCache
import Storage
import Testing

@Suite struct StatusPageTests {
  private struct Vector: Sendable {
    let bytes: [UInt8]
    let checksum: UInt32
  }

  private static let vectors: [Vector] = [
    Vector(bytes: [UInt8](repeating: 0, count: 32), checksum: 0x8A91_36AA),
    Vector(bytes: [UInt8](repeating: 0xFF, count: 32), checksum: 0x62A8_AB43),
    Vector(bytes: Array(0..<32), checksum: 0x46DD_794E),
    Vector(bytes: (0..<32).reversed(), checksum: 0x113F_DB5C),
    Vector(bytes: Array("123456789".utf8), checksum: 0xE306_9283),
    Vector(bytes: [], checksum: 0),
  ]

  @Test("CRC-32C gives the values of RFC 3720 appendix B.4")
  func checksum() {
    for vector in Self.vectors {
      let checksum = CRC32C.checksum(vector.bytes.span)
      #expect(checksum == vector.checksum)
    }
  }

  @Test("the processor's instruction and the tables say the same of bytes of any length")
  func instruction() {
    var bytes: [UInt8] = []
    for count in 0..<200 {
      let checksum = CRC32C.checksum(bytes.span)
      let byTables = CRC32C.checksumByTables(bytes.span, from: 0xFFFF_FFFF)
      #expect(checksum == byTables, "\(count) bytes")
      bytes.append(UInt8(truncatingIfNeeded: count &* 167 &+ 13))
    }
    // Those that are read in three runs, and what is left behind them.
    bytes = (0..<13_000).map { UInt8(truncatingIfNeeded: ($0 &* $0) >> 3) }
    for count in Array(4_040..<4_090) + Array(8_100..<8_130) + [12_999] {
      let checksum = CRC32C.checksum(bytes.span.extracting(first: count))
      let byTables = CRC32C.checksumByTables(bytes.span.extracting(first: count), from: 0xFFFF_FFFF)
      #expect(checksum == byTables, "\(count) bytes")
    }
  }

  private func isIntact(_ bytes: ArraySlice<UInt8>) -> Bool {
    let bytes = Array(bytes)
    return StatusPage.isIntact(bytes.span)
  }

  @Test("a sealed page gives back its statuses and its version")
  func roundTrip() {
    var page = StatusPage()
    page[0] = Sample.status(.red)
    page[507] = Sample.status(.yellow, revision: 65_535)
    page.seal(version: 0x0102_0304_0506_0708)
    #expect(page.bytes.count == 4_080)
    guard let stored = StatusPage(checking: page.bytes.span) else {
      Issue.record("the page was not taken back")
      return
    }
    #expect(stored[0] == Sample.status(.red))
    #expect(stored[1] == .absent)
    #expect(stored[507] == Sample.status(.yellow, revision: 65_535))
    let version = StatusPage.version(page.bytes.span)
    #expect(version == 0x0102_0304_0506_0708)
  }

  @Test("the layout is the documented one: little-endian header, then statuses of eight bytes")
  func layout() {
    var page = StatusPage()
    page[1] = Status(bits: 0x0011_2233_4455_6677)
    page.seal(version: 258)
    #expect(Array(page.bytes[0..<4]) == [1, 0, 0, 0])
    #expect(Array(page.bytes[8..<16]) == [2, 1, 0, 0, 0, 0, 0, 0])
    #expect(Array(page.bytes[24..<32]) == [0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x00])
    let checksum = CRC32C.checksum(page.bytes.span.extracting(8...))
    for byte in 0..<4 {
      #expect(page.bytes[4 + byte] == UInt8(truncatingIfNeeded: checksum >> UInt32(byte * 8)))
    }
  }

  @Test("P-05: every single flipped bit of a page is detected")
  func flippedBits() {
    var page = StatusPage()
    for slot in 0..<508 { page[slot] = Sample.status(.green, revision: UInt16(slot)) }
    page.seal(version: 77)
    var bytes = page.bytes
    // The third and fourth byte say nothing yet.
    for bit in stride(from: 0, to: bytes.count * 8, by: 7) where !(16..<32 ~= bit) {
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(!isIntact(bytes[...]), "bit \(bit)")
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
    }
    #expect(isIntact(bytes[...]))
    #expect(!isIntact(bytes[..<4_079]))
    #expect(!isIntact([]))
  }

  @Test("a serial's page and slot follow from its number")
  func places() {
    #expect(Sample.serial(1).page == 0)
    #expect(Sample.serial(507).slot == 507)
    #expect(Sample.serial(508).page == 1)
    #expect(Sample.serial(508).slot == 0)
    #expect(Serial.max.page == UInt32((UInt64(1) << 40 - 1) / 508))
  }
}
