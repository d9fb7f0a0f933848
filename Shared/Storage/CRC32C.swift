internal import CChecksum

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4), eight bytes a step: by the processor's instruction
/// where it has one, else by tables.
package enum CRC32C {
  /// Eight tables of 256: table k is the checksum of a byte followed by k zero bytes.
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var value = UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
      tables[byte] = value
    }
    for table in 1..<8 {
      for byte in 0..<256 {
        let value = tables[(table - 1) * 256 + byte]
        tables[table * 256 + byte] = value >> 8 ^ tables[Int(value & 0xFF)]
      }
    }
    return tables
  }()

  private static let hasInstruction = citycode_has_crc32c() != 0

  /// The checksum of `bytes`.
  package static func checksum(_ bytes: Span<UInt8>) -> UInt32 {
    guard hasInstruction else { return checksumByTables(bytes, from: 0xFFFF_FFFF) }
    let words = bytes.count / 8
    let value = unsafe bytes.withUnsafeBufferPointer { bytes in
      unsafe bytes.baseAddress.map { unsafe citycode_crc32c(0xFFFF_FFFF, $0, words) }
    }
    return checksumByTables(bytes.extracting((8 * words)...), from: value ?? 0xFFFF_FFFF)
  }

  /// The checksum when `state` is what the bytes before have left.
  package static func checksumByTables(_ bytes: Span<UInt8>, from state: UInt32) -> UInt32 {
    let tables = tables.span
    var value = state
    var index = 0
    while index + 8 <= bytes.count {
      let word = bytes.littleEndianWord(at: index) ^ UInt64(value)
      value = tables[7 * 256 + Int(word & 0xFF)]
      value ^= tables[6 * 256 + Int(word >> 8 & 0xFF)]
      value ^= tables[5 * 256 + Int(word >> 16 & 0xFF)]
      value ^= tables[4 * 256 + Int(word >> 24 & 0xFF)]
      value ^= tables[3 * 256 + Int(word >> 32 & 0xFF)]
      value ^= tables[2 * 256 + Int(word >> 40 & 0xFF)]
      value ^= tables[256 + Int(word >> 48 & 0xFF)]
      value ^= tables[Int(word >> 56)]
      index += 8
    }
    while index < bytes.count {
      value = value >> 8 ^ tables[Int((value ^ UInt32(bytes[index])) & 0xFF)]
      index += 1
    }
    return ~value
  }
}
