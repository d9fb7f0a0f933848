/// RFC 4648 §6 base32, upper case, without padding: 5 bits a character, all of them in the
/// alphanumeric mode of QR codes.
package enum Base32 {
  /// The character of each 5-bit value.
  @usableFromInline
  static let characters: InlineArray<32, UInt8> = InlineArray { value in
    UInt8(value < 26 ? 0x41 + value : 0x32 + value - 26)
  }

  /// The 5-bit value of each byte of text in either case; `none` where there is none.
  @usableFromInline
  static let values: InlineArray<256, UInt8> = InlineArray { character in
    switch character {
    case 0x41...0x5A: UInt8(character - 0x41)
    case 0x61...0x7A: UInt8(character - 0x61)
    case 0x32...0x37: UInt8(character - 0x32 + 26)
    default: none
    }
  }

  /// Above every value, so that one OR over many values shows a bad character.
  @usableFromInline static let none: UInt8 = 0x80

  /// How many characters `byteCount` bytes need.
  package static func characterCount(ofByteCount byteCount: Int) -> Int {
    (byteCount * 8 + 4) / 5
  }

  /// Appends the characters of `bytes`.
  package static func encode(_ bytes: Span<UInt8>, into output: inout [UInt8]) {
    output.append(addingCapacity: characterCount(ofByteCount: bytes.count)) { text in
      let whole = bytes.count / 5 * 5
      var index = 0
      while index < whole {
        let block =
          UInt64(bytes[index]) << 32 | UInt64(bytes[index + 1]) << 24
          | UInt64(bytes[index + 2]) << 16 | UInt64(bytes[index + 3]) << 8
          | UInt64(bytes[index + 4])
        // Written out: a loop over the shifts costs three times as much.
        text.append(characters[Int(block >> 35)])
        text.append(characters[Int(block >> 30 & 31)])
        text.append(characters[Int(block >> 25 & 31)])
        text.append(characters[Int(block >> 20 & 31)])
        text.append(characters[Int(block >> 15 & 31)])
        text.append(characters[Int(block >> 10 & 31)])
        text.append(characters[Int(block >> 5 & 31)])
        text.append(characters[Int(block & 31)])
        index += 5
      }
      var bits: UInt64 = 0
      var bitCount: UInt64 = 0
      while index < bytes.count {
        bits = bits << 8 | UInt64(bytes[index])
        bitCount += 8
        index += 1
      }
      // Padded with zeros to a whole character, as §6 asks.
      let missing = (5 - bitCount % 5) % 5
      bits <<= missing
      bitCount += missing
      while bitCount > 0 {
        bitCount -= 5
        text.append(characters[Int(bits >> bitCount & 31)])
      }
    }
  }

  /// Appends the bytes that `text`, ASCII of either case, spells. On a foreign character, a length
  /// that no encoder produces, or padding bits that are not zero, appends nothing and returns
  /// `false`: a value has exactly one spelling, apart from case.
  package static func decode(_ text: Span<UInt8>, into output: inout [UInt8]) -> Bool {
    let tailBits = text.count % 8 * 5
    guard tailBits % 8 < 5 else { return false }
    let before = output.count
    var isForeign: UInt64 = 0
    var seen: UInt8 = 0
    output.append(addingCapacity: text.count * 5 / 8) { bytes in
      let whole = text.count / 8 * 8
      var index = 0
      while index < whole {
        let eight = text.extracting(index..<index + 8)
        let block = block(eight.bigEndian(at: 0), &isForeign)
        bytes.append(UInt8(truncatingIfNeeded: block >> 32))
        bytes.append(UInt8(truncatingIfNeeded: block >> 24))
        bytes.append(UInt8(truncatingIfNeeded: block >> 16))
        bytes.append(UInt8(truncatingIfNeeded: block >> 8))
        bytes.append(UInt8(truncatingIfNeeded: block))
        index += 8
      }
      var bits: UInt64 = 0
      while index < text.count {
        let value = values[Int(text[index])]
        seen |= value
        bits = bits << 5 | UInt64(value & 31)
        index += 1
      }
      var bitCount = UInt64(tailBits)
      while bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
      }
      if bits & ((1 << bitCount) - 1) != 0 { seen |= none }
    }
    guard seen < none, isForeign == 0 else {
      output.removeLast(output.count - before)
      return false
    }
    return true
  }

  /// The 40 bits that eight characters spell; sets bits of `isForeign` where one is not of the
  /// alphabet. All eight at once: a code has ten such.
  @inline(__always)
  private static func block(_ text: UInt64, _ isForeign: inout UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let low = text & (0x1F * ones)
    // 0x40 marks letters of either case, 0x20 alone digits. In the low five bits A to Z are 1 to
    // 26, 2 to 7 are 18 to 23.
    let letters = (text >> 6) & ones
    let letterMask = letters * 0xFF
    // By byte, the top bit of a sum says whether the low bits are above a limit.
    let outsideLetters = ~(low + 0x7F * ones) | (low + 0x65 * ones)
    let outsideDigits = ~(low + 0x6E * ones) | (low + 0x68 * ones) | ~(text << 2)
    isForeign |=
      (text | outsideLetters & letterMask | outsideDigits & ~letterMask) & (0x80 * ones)
    // A letter stands for one less than its low bits, a digit for eight more.
    var bits = low + 8 * ones &- letters * 9
    bits = (bits & 0x1F00_1F00_1F00_1F00) >> 3 | bits & 0x001F_001F_001F_001F
    bits = (bits & 0x03FF_0000_03FF_0000) >> 6 | bits & 0x0000_03FF_0000_03FF
    return bits >> 12 & 0xFF_FFF0_0000 | bits & 0xF_FFFF
  }

  /// The characters of `bytes`.
  package static func text(of bytes: Span<UInt8>) -> String {
    var text: [UInt8] = []
    encode(bytes, into: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes that `text` spells, or `nil` as for `decode`.
  package static func bytes(of text: some StringProtocol) -> [UInt8]? {
    let characters = Array(text.utf8)
    var bytes: [UInt8] = []
    return decode(characters.span, into: &bytes) ? bytes : nil
  }
}
