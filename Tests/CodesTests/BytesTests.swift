import Codes
import Testing

@Suite struct BytesTests {
  @Test("fixed sizes keep every byte in its place")
  func roundTrips() {
    let bytes = (0..<32).map { UInt8($0 * 7 + 1) }
    let twelve = Bytes12(bytes.span.extracting(0..<12))
    let sixteen = Bytes16(bytes.span.extracting(0..<16))
    let thirtyTwo = Bytes32(bytes.span)
    #expect(twelve.bytes == Array(bytes[..<12]))
    #expect(sixteen.bytes == Array(bytes[..<16]))
    #expect(thirtyTwo.bytes == bytes)
    #expect((0..<12).map { twelve[$0] } == Array(bytes[..<12]))
    #expect((0..<16).map { sixteen[$0] } == Array(bytes[..<16]))
    #expect((0..<32).map { thirtyTwo[$0] } == bytes)
    #expect(Bytes16(high: sixteen.words.high, low: sixteen.words.low) == sixteen)
  }

  @Test("hex reads back in either case and only at the right length")
  func hex() {
    let text = "00ff10a5b6c7d8e9f001122334455667"
    #expect(Bytes16(hex: text)?.hex == text)
    #expect(Bytes16(hex: text.uppercased())?.hex == text)
    #expect(Bytes16(hex: text.dropLast()) == nil)
    #expect(Bytes16(hex: text + "00") == nil)
    #expect(Bytes16(hex: "0g" + text.dropFirst(2)) == nil)
    #expect(Bytes32(hex: text + text)?.bytes == (Bytes16(hex: text)?.bytes ?? []) * 2)
    #expect(Bytes12(hex: "000102030405060708090a0b")?[11] == 11)
  }

  @Test("values that differ in one byte differ")
  func equality() {
    let bytes = [UInt8](repeating: 0, count: 32)
    for index in 0..<32 {
      var other = bytes
      other[index] = 1
      #expect(Bytes32(bytes.span) != Bytes32(other.span))
    }
  }

  @Test("integers are big-endian")
  func bigEndian() {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(UInt16(0x0102))
    bytes.appendBigEndian(0xAABB_CCDD_EE, byteCount: 5)
    bytes.appendBigEndian(UInt64.max - 1)
    #expect(bytes[..<7] == [1, 2, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE])
    #expect(bytes.span.bigEndian(at: 0, as: UInt16.self) == 0x0102)
    #expect(bytes.span.bigEndianNumber(at: 2, byteCount: 5) == 0xAABB_CCDD_EE)
    #expect(bytes.span.bigEndian(at: 7, as: UInt64.self) == UInt64.max - 1)
    #expect([UInt8](copying: bytes.span.extracting(0..<3)) == [1, 2, 0xAA])
  }
}

extension Array {
  fileprivate static func * (array: [Element], count: Int) -> [Element] {
    Array(repeatElement(array, count: count).joined())
  }
}
