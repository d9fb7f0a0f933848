import RawHTTP2
import Testing

@testable import loadgen

@Suite struct RequestBlockTests {
  private static let fields = [
    HeaderField(":method", "POST"), HeaderField(":scheme", "http"),
    HeaderField(":authority", "127.0.0.1:80"), HeaderField(":path", "/v1/scans"),
    HeaderField("content-type", "text/plain"), HeaderField("x-own", "1"),
    HeaderField("content-length", "80"),
  ]

  @Test("later blocks name every field by one byte, and mean what the first one said")
  func indexed() throws {
    let block = RequestBlock(Self.fields)
    // POST 3, http 6, then the five inserted ones: the newest is 62.
    #expect(block.repeated == [0x83, 0x86, 0xC2, 0xC1, 0xC0, 0xBF, 0xBE])
    var peer = HPACKDecoder()
    #expect(try peer.decode(block.first) == Self.fields)
    for _ in 0..<3 { #expect(try peer.decode(block.repeated) == Self.fields) }
  }

  @Test("a length that changes goes in behind the block and leaves the table alone")
  func length() throws {
    let block = RequestBlock(Array(Self.fields.dropLast()))
    var peer = HPACKDecoder()
    for (start, count) in [(block.first, 7), (block.repeated, 90_000), (block.repeated, 7)] {
      let fields = try peer.decode(start + RequestBlock.contentLength(count))
      #expect(fields.last == HeaderField("content-length", String(count)))
      #expect(fields.dropLast().elementsEqual(Self.fields.dropLast()))
    }
  }

  @Test("a peer with a small table is told that it is small, and nothing too large is put in")
  func smallTable() throws {
    for bytes in [0, 100, 299, 1_000] {
      let block = RequestBlock(Self.fields, tableBytesMax: bytes)
      var peer = HPACKDecoder(tableBytesMax: bytes)
      #expect(try peer.decode(block.first) == Self.fields, "\(bytes)")
      #expect(try peer.decode(block.repeated) == Self.fields, "\(bytes)")
    }
  }
}

@Suite struct AnswerHeadsTests {
  private func read(_ heads: inout AnswerHeads, _ block: [UInt8]) throws -> AnswerHeads.Head {
    try heads.read(block.span)
  }

  @Test("a block seen before is not decoded again, as long as the table stands still")
  func known() throws {
    var heads = AnswerHeads()
    let first = HPACK.indexed(8) + HPACK.literal("date", "today", .incremental)
    let later = HPACK.indexed(8) + HPACK.indexed(62) + HPACK.literal(nameIndex: 28, "319")
    #expect(try read(&heads, first).status == 200)
    for _ in 0..<10 { #expect(try read(&heads, later).status == 200) }
    #expect(heads.decodedCount == 2)
    // 62 becomes a status: the same bytes mean something else.
    let status = HPACK.indexed(62)
    #expect(try read(&heads, status).status == 0)
    #expect(try read(&heads, HPACK.literal(nameIndex: 8, "503", .incremental)).status == 503)
    #expect(try read(&heads, status).status == 503)
    #expect(heads.decodedCount == 5)
  }

  @Test("many kinds of blocks are told apart, also Huffman coded and long ones")
  func kinds() throws {
    var heads = AnswerHeads()
    for _ in 0..<3 {
      for number in 200..<500 {
        let block =
          HPACK.literal(nameIndex: 8, String(number), .without, huffman: number % 2 == 0)
          + HPACK.literal("x-filler", String(repeating: "f", count: number - 150))
        #expect(try read(&heads, block) == .init(status: UInt16(number), hasRetryAfter: false))
      }
    }
    let refusal = HPACK.literal(nameIndex: 8, "503") + HPACK.literal("retry-after", "1")
    for _ in 0..<2 {
      #expect(try read(&heads, refusal) == .init(status: 503, hasRetryAfter: true))
    }
    #expect(throws: HPACKDecoder.Fault.self) { try read(&heads, HPACK.indexed(200)) }
  }
}
