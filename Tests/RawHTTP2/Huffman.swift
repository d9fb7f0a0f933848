/// The Huffman code of RFC 7541 appendix B. The code is canonical: symbols sorted by length and
/// then by value take consecutive codes, so the lengths alone rebuild the table.
package enum Huffman {
  /// The number of the end-of-string symbol, which no string may contain (§5.2).
  package static let endOfString = 256

  /// Symbols by the length of their code in bits.
  private static let symbolsByBitCount: [(bitCount: Int, symbols: [Int])] = [
    (5, ascii("012aceiost")),
    (6, ascii(" %-./3456789=A_bdfghlmnpru")),
    (7, ascii(":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz")),
    (8, ascii("&*,;XZ")),
    (10, ascii("!\"()?")),
    (11, ascii("'+|")),
    (12, ascii("#>")),
    (13, [0] + ascii("$@[]~")),
    (14, ascii("^}")),
    (15, ascii("<`{")),
    (19, [92, 195, 208]),
    (20, [128, 130, 131, 162, 184, 194, 224, 226]),
    (21, [153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230]),
    (
      22,
      [
        129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186,
        187, 189, 190, 196, 198, 228, 232, 233,
      ]
    ),
    (
      23,
      [
        1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166,
        168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239,
      ]
    ),
    (24, [9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237]),
    (25, [199, 207, 234, 235]),
    (26, [192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255]),
    (
      27,
      [
        203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253,
        254,
      ]
    ),
    (28, [2, 3, 4, 5, 6, 7, 8] + [11, 12] + Array(14...21) + Array(23...31) + [127, 220, 249]),
    (30, [10, 13, 22, endOfString]),
  ]

  private struct Code: Hashable {
    let bits: UInt32
    let bitCount: Int
  }

  private static let codes: [Code] = {
    var codes = [Code](repeating: Code(bits: 0, bitCount: 0), count: endOfString + 1)
    var next: UInt32 = 0
    var previousBitCount = 0
    for (bitCount, symbols) in symbolsByBitCount {
      next <<= UInt32(bitCount - previousBitCount)
      previousBitCount = bitCount
      for symbol in symbols {
        codes[symbol] = Code(bits: next, bitCount: bitCount)
        next += 1
      }
    }
    return codes
  }()

  private static let symbols: [Code: Int] = Dictionary(
    uniqueKeysWithValues: codes.enumerated().map { ($1, $0) })

  /// The encoded form, padded with ones.
  package static func encode(_ text: [UInt8]) -> [UInt8] {
    encode(symbols: text.map(Int.init))
  }

  /// Encodes symbol numbers, which may include `endOfString`; `paddingBit` fills the last byte.
  package static func encode(symbols: [Int], paddingBit: UInt8 = 1) -> [UInt8] {
    var bits: [UInt8] = []
    for symbol in symbols {
      let code = codes[symbol]
      for shift in (0..<code.bitCount).reversed() {
        bits.append(UInt8(truncatingIfNeeded: code.bits >> UInt32(shift) & 1))
      }
    }
    while bits.count % 8 != 0 { bits.append(paddingBit) }
    return stride(from: 0, to: bits.count, by: 8).map { start in
      bits[start..<start + 8].reduce(0) { $0 << 1 | $1 }
    }
  }

  /// The text, or `nil` for a string a decoder must refuse: the end-of-string symbol inside, more
  /// than 7 bits of padding, or padding that is not ones.
  package static func decode(_ bytes: [UInt8]) -> [UInt8]? {
    var text: [UInt8] = []
    var bits: UInt32 = 0
    var bitCount = 0
    for byte in bytes {
      for shift in (0..<8).reversed() {
        bits = bits << 1 | UInt32(byte >> UInt8(shift) & 1)
        bitCount += 1
        guard let symbol = symbols[Code(bits: bits, bitCount: bitCount)] else {
          if bitCount >= 30 { return nil }
          continue
        }
        guard symbol != endOfString else { return nil }
        text.append(UInt8(symbol))
        (bits, bitCount) = (0, 0)
      }
    }
    return bitCount < 8 && bits == (1 << UInt32(bitCount)) - 1 ? text : nil
  }

  private static func ascii(_ text: String) -> [Int] { text.utf8.map(Int.init) }
}
