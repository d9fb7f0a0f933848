import RawHTTP2
import Testing

/// The suite's own client must read and write correctly before it may judge others.
@Suite struct RawClientTests {
  /// RFC 7541 C.6: responses with Huffman coding and a table of 256 bytes that evicts.
  private static let responses: [(block: String, fields: [(String, String)])] = [
    (
      """
      488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b\
      97c8e9ae82ae43d3
      """,
      [
        (":status", "302"), ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"), ("location", "https://www.example.com"),
      ]
    ),
    (
      "4883640effc1c0bf",
      [
        (":status", "307"), ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"), ("location", "https://www.example.com"),
      ]
    ),
    (
      """
      88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdf\
      cd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007
      """,
      [
        (":status", "200"), ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:22 GMT"), ("location", "https://www.example.com"),
        ("content-encoding", "gzip"),
        ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
      ]
    ),
  ]

  @Test("decodes the responses of RFC 7541 C.6 with one evicting table")
  func decodesVectors() throws {
    var decoder = HPACKDecoder(tableBytesMax: 256)
    for (block, fields) in Self.responses {
      let expected = fields.map { HeaderField($0.0, $0.1) }
      #expect(try decoder.decode(bytes(hex: block)) == expected)
    }
  }

  @Test(
    "writes RFC 7541's integers", arguments: [(10, 5, "0a"), (1_337, 5, "1f9a0a"), (42, 8, "2a")])
  func writesIntegers(value: Int, prefixBitCount: Int, hex: String) {
    #expect(HPACK.integer(value, prefixBitCount: prefixBitCount) == bytes(hex: hex))
  }

  @Test("reads back every byte through the Huffman code")
  func huffmanRoundTrip() {
    let all = Array(UInt8.min...UInt8.max)
    #expect(Huffman.decode(Huffman.encode(all)) == all)
    #expect(Huffman.encode(Array("www.example.com".utf8)) == bytes(hex: "f1e3c2e5f23a6ba0ab90f4ff"))
  }

  @Test("refuses Huffman strings RFC 7541 §5.2 forbids")
  func refusesBadHuffman() {
    let text = "test".utf8.map { Int($0) }
    #expect(Huffman.decode(Huffman.encode(symbols: text) + [0xff]) == nil)
    #expect(Huffman.decode(Huffman.encode(symbols: text, paddingBit: 0)) == nil)
    #expect(Huffman.decode(Huffman.encode(symbols: text + [Huffman.endOfString])) == nil)
  }

  @Test("cuts frames whatever the pieces they arrive in")
  func cutsFrames() {
    let frames = [Frame.ping(1), .data(3, [1, 2, 3], .endStream), .settings(.enablePush(0))]
    var stream: [UInt8] = []
    for frame in frames { frame.append(to: &stream) }
    for cut in 0...stream.count {
      var reader = FrameReader()
      var read: [Frame] = []
      for piece in [stream[..<cut], stream[cut...]] {
        reader.append(piece)
        while let frame = reader.next() { read.append(frame) }
      }
      #expect(read == frames)
    }
  }

  private func bytes(hex: String) -> [UInt8] {
    let digits = hex.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}
