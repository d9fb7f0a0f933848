import Compression
import Support
import Testing

@Suite struct CompressionTests {
  /// Rows that repeat in part, as raw records do.
  private static let text: [UInt8] = (0..<20_000).flatMap { row in
    Array("resident_id,31010119900307\(row % 9_973),negative,2020-02-\(row % 29)\n".utf8)
  }

  private func packed(
    _ bytes: [UInt8], _ format: CompressionFormat, chunkBytes: Int = 10_007
  ) throws -> [UInt8] {
    let compressor = try Compressor(format)
    var output: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: chunkBytes) {
      let end = min(bytes.count, start + chunkBytes)
      try compressor.append(bytes.span.extracting(start..<end), into: &output)
    }
    try compressor.finish(into: &output)
    return output
  }

  /// Feeds `bytes` in chunks, taking a little at a time.
  private func unpacked(
    _ bytes: [UInt8], _ format: CompressionFormat, chunkBytes: Int, byteCountMax: Int
  ) throws -> [UInt8] {
    let decompressor = try Decompressor(format)
    var output: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: chunkBytes) {
      let chunk = Array(bytes[start..<min(bytes.count, start + chunkBytes)])
      var offset = 0
      while true {
        let before = output.count
        offset += try decompressor.decompress(
          chunk.span.extracting(offset...), into: &output, byteCountMax: byteCountMax)
        #expect(output.count - before <= byteCountMax)
        if offset == chunk.count, output.count - before < byteCountMax { break }
      }
    }
    try decompressor.finish()
    return output
  }

  @Test("what was packed comes back, however it is cut", arguments: ["x.gz", "x.zst"])
  func roundTrip(path: String) throws {
    let format = try #require(CompressionFormat(path: path))
    let bytes = try packed(Self.text, format)
    #expect(bytes.count < Self.text.count / 3)
    for (chunkBytes, byteCountMax) in [(1 << 20, 1 << 24), (4_099, 1_013), (1, 70_000)] {
      let back = try unpacked(bytes, format, chunkBytes: chunkBytes, byteCountMax: byteCountMax)
      #expect(back == Self.text, "\(chunkBytes) \(byteCountMax)")
    }
  }

  @Test("several members or frames in one file are one stream", arguments: ["x.gz", "x.zst"])
  func frames(path: String) throws {
    let format = try #require(CompressionFormat(path: path))
    let one = Array("first\n".utf8)
    let empty = try packed([], format)
    let bytes = try packed(one, format) + empty + packed(Self.text, format)
    let back = try unpacked(bytes, format, chunkBytes: 1_000, byteCountMax: 5_000)
    #expect(back == one + Self.text)
  }

  /// A gzip member with fields in its header that RFC 1952 §2.3.1 allows.
  private func member(_ text: [UInt8], flags: UInt8) throws -> [UInt8] {
    let plain = try packed(text, .gzip)
    var header = Array(plain[..<10])
    header[3] = flags
    if flags & 4 != 0 { header += [6, 0, 0x42, 0x43, 2, 0, 0x39, 0x05] }
    if flags & 8 != 0 { header += Array("2020-02-01.csv".utf8) + [0] }
    if flags & 16 != 0 { header += Array("a day".utf8) + [0] }
    if flags & 2 != 0 {
      var checksum = UInt32.max
      for byte in header {
        checksum ^= UInt32(byte)
        for _ in 0..<8 { checksum = checksum >> 1 ^ (checksum & 1 == 1 ? 0xEDB8_8320 : 0) }
      }
      header += [UInt8(truncatingIfNeeded: ~checksum), UInt8(truncatingIfNeeded: ~checksum >> 8)]
    }
    return header + plain[10...]
  }

  @Test(
    "a member's header may have any field and be cut anywhere",
    arguments: [0, 2, 4, 8, 10, 12, 16, 24, 30] as [UInt8])
  func headers(flags: UInt8) throws {
    let first = Array("first\n".utf8)
    let second = Array(Self.text.prefix(3_000))
    let bytes = try member(first, flags: flags) + member(second, flags: flags)
    for byteCountMax in [7, 1 << 16] {
      let back = try unpacked(bytes, .gzip, chunkBytes: 1, byteCountMax: byteCountMax)
      #expect(back == first + second)
    }
    for cut in 1..<bytes.count {
      let decompressor = try Decompressor(.gzip)
      var output: [UInt8] = []
      for part in [Array(bytes[..<cut]), Array(bytes[cut...])] {
        var taken = 0
        var given = 0
        repeat {
          given = output.count
          taken += try decompressor.decompress(
            part.span.extracting(taken...), into: &output, byteCountMax: 1 << 16)
        } while taken < part.count || output.count > given
      }
      try decompressor.finish()
      #expect(output == first + second, "\(cut)")
    }
  }

  @Test("a file that is cut, damaged or something else is an error", arguments: ["x.gz", "x.zst"])
  func damage(path: String) throws {
    let format = try #require(CompressionFormat(path: path))
    var bytes = try packed(Self.text, format)
    #expect(throws: CompressionError.cut) {
      try unpacked(Array(bytes.dropLast(3)), format, chunkBytes: 1_000, byteCountMax: 1 << 20)
    }
    bytes[bytes.count / 2] ^= 0x55
    bytes[bytes.count / 2 + 1] ^= 0x55
    #expect(throws: CompressionError.self) {
      try unpacked(bytes, format, chunkBytes: 1_000, byteCountMax: 1 << 20)
    }
    #expect(throws: CompressionError.self) {
      try unpacked(Self.text, format, chunkBytes: 1_000, byteCountMax: 1 << 20)
    }
  }

  @Test("the format is told by the end of the name")
  func names() {
    #expect(CompressionFormat(path: "a/b.csv.gz") == .gzip)
    #expect(CompressionFormat(path: "a/b.csv.zst") == .zstd)
    #expect(CompressionFormat(path: "a/b.gz.csv") == nil)
  }
}
