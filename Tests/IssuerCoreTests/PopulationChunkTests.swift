import Codes
import Testing

@testable import IssuerCore

/// A file means the same however the reads happen to cut it.
@Suite struct PopulationChunkTests {
  private static let tricky: [UInt8] = {
    let long = String(repeating: "长", count: 1_400)
    let text = """
      \u{FEFF}document_type,document_number,kind,name,phone,guardian_type,guardian_number\r
      resident_id,11010519491231002X,resident,王伟,13800000000,,\r
      "resident_id","11010519491231002X",resident,"a ""b"", c","",,\r

      resident_id,11010519491231002X,resident,"two
      lines",1,,
      resident_id,11010519491231002X,resident,\(long),1,,
      resident_id,110105194912310020,resident,王,1,,
      resident_id,11010519491231002X,resident,x"y,1,,
      resident_id,440524188001010014,dependant,王一,,resident_id,11010519491231002x
      passport,AB123456,visitor,"never closed,1,,
      passport,AB123457,visitor,Emma,1,,
      """
    return Array(text.utf8)
  }()

  private func expectTruth(_ reading: PopulationReading) {
    #expect(reading.error == nil)
    #expect(reading.rows.map(\.line) == [2, 3, 5, 10, 12])
    #expect(reading.rejects.map(\.line) == [7, 8, 9, 11])
    #expect(reading.reasons == [.rowTooLong, .badCheckDigit, .badQuote, .unterminatedQuote])
  }

  @Test("read at once")
  func whole() { expectTruth(PopulationReading([PopulationChunkTests.tricky])) }

  @Test("cut in two at every byte")
  func everyCut() {
    let bytes = PopulationChunkTests.tricky
    let whole = PopulationReading([bytes])
    for cut in 0...bytes.count {
      let reading = PopulationReading([Array(bytes[..<cut]), Array(bytes[cut...])])
      #expect(reading == whole, "cut at \(cut)")
    }
  }

  @Test(
    "cut into pieces of one size",
    arguments: [1, 2, 3, 7, 64, 100, 1_000, 4_095, 4_096, 4_099])
  func pieces(byteCount: Int) {
    let bytes = PopulationChunkTests.tricky
    let chunks = stride(from: 0, to: bytes.count, by: byteCount).map {
      Array(bytes[$0..<min($0 + byteCount, bytes.count)])
    }
    expectTruth(PopulationReading(chunks))
  }

  @Test("random bytes and cuts never trap, and cuts change nothing")
  func fuzz() {
    var random = SampleRandom(seed: 4_180)
    let header = Array(
      "document_type,document_number,kind,name,phone,guardian_type,guardian_number\n".utf8)
    let alphabet = Array("\"\",,\r\n\nresident_id,11010519491231002X,王\u{0}".utf8) + [0xFF, 0x81]
    for round in 0..<300 {
      var bytes = round % 10 == 0 ? [] : header
      for _ in 0..<(random.next() % 9_000) {
        bytes.append(alphabet[Int(random.next() % UInt64(alphabet.count))])
      }
      let whole = PopulationReading([bytes])
      var chunks: [[UInt8]] = []
      var start = 0
      while start < bytes.count {
        let end = min(bytes.count, start + 1 + Int(random.next() % 700))
        chunks.append(Array(bytes[start..<end]))
        start = end
      }
      #expect(PopulationReading(chunks) == whole, "round \(round)")
    }
  }
}
