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

  /// Words in each of three runs that are read at once: three and two words more are a status page.
  private static let runWords = 169

  /// What as many zeros as a run has bytes make of a state, for each byte of the state.
  private static let afterRun: [UInt32] = {
    var ofBits: [UInt32] = []
    for bit in 0..<32 {
      var state: UInt32 = 1 << UInt32(bit)
      for _ in 0..<8 * runWords { state = state >> 8 ^ tables[Int(state & 0xFF)] }
      ofBits.append(state)
    }
    var after = [UInt32](repeating: 0, count: 4 * 256)
    for entry in after.indices {
      for bit in 0..<8 where entry >> bit & 1 == 1 { after[entry] ^= ofBits[entry / 256 * 8 + bit] }
    }
    return after
  }()

  @inline(__always)
  private static func skipRun(_ state: UInt64) -> UInt64 {
    let after = afterRun.span
    var value = after[Int(state & 0xFF)]
    value ^= after[256 + Int(state >> 8 & 0xFF)]
    value ^= after[512 + Int(state >> 16 & 0xFF)]
    value ^= after[768 + Int(state >> 24 & 0xFF)]
    return UInt64(value)
  }

  /// The checksum of `bytes`.
  package static func checksum(_ bytes: Span<UInt8>) -> UInt32 {
    guard hasInstruction else { return checksumByTables(bytes, from: 0xFFFF_FFFF) }
    let words = bytes.count / 8
    let state = unsafe bytes.withUnsafeBufferPointer { bytes -> UInt64 in
      guard let start = bytes.baseAddress else { return 0xFFFF_FFFF }
      return unsafe states(start, words)
    }
    return checksumByTables(
      bytes.extracting((8 * words)...), from: UInt32(truncatingIfNeeded: state))
  }

  /// The state that so many words leave.
  private static func states(_ start: UnsafePointer<UInt8>, _ words: Int) -> UInt64 {
    var state: UInt64 = 0xFFFF_FFFF
    var done = 0
    while words - done >= 3 * runWords {
      // Checksums are linear: what the second run begins with is added when it has ended.
      let runs = unsafe citycode_crc32c(
        citycode_crcs(first: state, second: 0, third: 0), start + 8 * done, runWords, 8 * runWords)
      state = skipRun(skipRun(runs.first) ^ runs.second) ^ runs.third
      done += 3 * runWords
    }
    let rest = unsafe citycode_crc32c(
      citycode_crcs(first: state, second: 0, third: 0), start + 8 * done, words - done, 0)
    return rest.first
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
