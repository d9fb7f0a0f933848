/// RFC 4648 base32 without padding.
enum Base32 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    for (value, character) in alphabet.enumerated() {
      values[Int(character)] = UInt8(value)
      if character >= 0x41 { values[Int(character | 0x20)] = UInt8(value) }
    }
    return values
  }()

  /// The bytes that the last path segment of `text` spells.
  static func decode(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count * 5 / 8)
    var bits: UInt64 = 0
    var bitCount: UInt64 = 0
    for character in text.utf8 {
      switch character {
      case 0x2F:
        bytes.removeAll(keepingCapacity: true)
        bits = 0
        bitCount = 0
        continue
      case 0x20, 0x09, 0x0A, 0x0D: continue
      default: break
      }
      let value = values[Int(character)]
      // Letters of a URL's front that are no base32 are forgotten at its next slash.
      bits = bits << 5 | UInt64(value & 31)
      if value == 255 { bitCount |= 1 << 32 }
      bitCount += 5
      if bitCount & 0xFFFF >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> (bitCount & 0xFFFF)))
      }
    }
    return bitCount >> 32 == 0 ? bytes : nil
  }

  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count * 8 + 4) / 5)
    var bits: UInt64 = 0
    var bitCount: UInt64 = 0
    for byte in bytes {
      bits = bits << 8 | UInt64(byte)
      bitCount += 8
      while bitCount >= 5 {
        bitCount -= 5
        text.append(alphabet[Int(bits >> bitCount & 31)])
      }
    }
    if bitCount > 0 { text.append(alphabet[Int(bits << (5 - bitCount) & 31)]) }
    return String(decoding: text, as: UTF8.self)
  }
}
