import Codes
import IssuerCore
import Testing

@Suite struct PopulationEncodingTests {
  private static let header = Array(
    "document_type,document_number,kind,name,phone,guardian_type,guardian_number\n".utf8)

  /// A row whose name is `name` in whatever encoding.
  private func row(_ name: [UInt8]) -> [UInt8] {
    Array("resident_id,11010519491231002X,resident,".utf8) + name + Array(",13800000000,,\n".utf8)
  }

  @Test("GBK bytes are an error that names the cure")
  func gbk() throws {
    // 王伟 in GBK.
    let rows = row([0xCD, 0xF5, 0xCE, 0xB0])
    let reading = PopulationReading([PopulationEncodingTests.header + row([0x61]) + rows])
    let error = try #require(reading.error)
    #expect(error.code == .encodingNotUTF8)
    #expect(error.code.rawValue == "encoding_not_utf8")
    #expect(error.line == 3)
    #expect(error.text.contains("--encoding gb18030"))
    #expect(reading.rows.count == 1)
  }

  @Test("four-byte GB 18030 is known as well")
  func gb18030() {
    // 㐂 (U+3402) and 王 in GB 18030.
    let rows = row([0x81, 0x39, 0xEE, 0x32, 0xCD, 0xF5])
    let reading = PopulationReading([PopulationEncodingTests.header + rows])
    #expect(reading.error?.code == .encodingNotUTF8)
  }

  @Test("a few GBK names that are valid UTF-8 by chance do not hide the rest")
  func chance() {
    // 联通 in GBK, the well-known example.
    let lookalike = row([0xC1, 0xAA, 0xCD, 0xA8])
    let rows = Array(repeating: lookalike, count: 15).flatMap { $0 }
    let reading = PopulationReading([
      PopulationEncodingTests.header + rows + row([0xCD, 0xF5, 0xCE, 0xB0])
    ])
    #expect(reading.error?.code == .encodingNotUTF8)
  }

  @Test("one damaged row of a UTF-8 file is rejected alone")
  func damagedRow() {
    let good = row(Array("王伟".utf8))
    let goods = Array(repeating: good, count: 16).flatMap { $0 }
    // Damage with and without the form of GBK.
    for name in [[0xCD, 0xF5, 0xCE, 0xB0], [0xE7, 0x8E], [0xFF], [0xC0, 0x80]] as [[UInt8]] {
      let reading = PopulationReading([
        PopulationEncodingTests.header + goods + row(name) + good
      ])
      #expect(reading.error == nil)
      #expect(reading.reasons == [.notUTF8])
      #expect(reading.rejects.first?.line == 18)
      #expect(reading.rows.count == 17)
    }
    // Without the form of GBK even the first row is only a bad row.
    let first = PopulationReading([PopulationEncodingTests.header + row([0xFF]) + good])
    #expect(first.reasons == [.notUTF8])
    #expect(first.rows.count == 1)
  }

  @Test("UTF-16 with a byte order mark is an error that says so")
  func utf16() {
    for mark in [[0xFF, 0xFE, 0x64, 0x00], [0xFE, 0xFF, 0x00, 0x64]] as [[UInt8]] {
      let reading = PopulationReading([mark])
      #expect(reading.error?.code == .encodingNotUTF8)
      #expect(reading.error?.text.contains("UTF-16") == true)
    }
  }

  @Test("a header in another encoding is an error, not a row")
  func foreignHeader() {
    let latin = PopulationReading([[0x61, 0xE9, 0x2C, 0x0A]])
    #expect(latin.error?.code == .encodingNotUTF8)
    let gbk = PopulationReading([[0xD6, 0xA4, 0xBC, 0xFE, 0x2C, 0xD0, 0xD5, 0xC3, 0xFB, 0x0A]])
    #expect(gbk.error?.text.contains("gb18030") == true)
  }
}
