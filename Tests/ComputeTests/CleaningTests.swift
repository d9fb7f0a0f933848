import Codes
import IssuerCore
import Support
import Testing

@testable import issuer

@Suite struct CleaningTests {
  /// What a row is found to be: `used SERIAL MINUTES RESULT PLACE`, or why it is rejected.
  struct Case: Sendable, CustomTestStringConvertible {
    let row: String
    let expected: String
    var testDescription: String { row }

    init(_ row: String, _ expected: String) {
      self.row = row
      self.expected = expected
    }
  }

  // 2020-02-01T08:00+08:00 is minute 44,640.
  static let time = "2020-02-01 08:00:00"
  static let cases: [Case] = [
    Case("resident_id,11010519491231002X,,,negative,\(time),310115", "1 44640 1 310115000000"),
    Case("身份证,11010519491231002x,,,阴性,\(time),", "1 44640 1 0"),
    Case("resident_id, 110105 19491231 002X\t,,,positive,\(time),31", "1 44640 2 310000000000"),
    Case("resident_id,　１１０１０５19491231002ｘ,,,,\(time),310115001", "1 44640 0 310115001000"),
    Case("resident_id,110105491231002,,,negative, \(time) ,", "1 44640 1 0"),
    Case("\"resident_id\",\"11010519491231002X\",\"a\"\"b\",,negative,\(time),", "1 44640 1 0"),
    Case("P,ab123456,,,negative,\(time),", "2 44640 1 0"),
    Case("passport,AB 12 34 56,,,negative,2020年02月01日,", "2 44160 1 0"),
    Case("passport,AB123456,,,negative,2020-02-01T00:00:30Z,", "2 44640 1 0"),
    Case("passport,AB123456,,,negative,1580515200000,", "2 44640 1 0"),
    // By phone and name.
    Case("resident_id,110105194912310021,张 三,+86 138-0000-0000,negative,\(time),", "3 44640 1 0"),
    Case("resident_id,,张三,13800000000,negative,\(time),", "3 44640 1 0"),
    Case("resident_id,,李四,13800000000,negative,\(time),", "no_contact"),
    Case("resident_id,,,,negative,\(time),", "no_contact"),
    Case("resident_id,张三,110105194912310021,13800000000,negative,\(time),", "no_contact"),
    Case("resident_id,,王五,13900000000,negative,\(time),", "ambiguous_contact"),
    Case("passport,AB1234567,张三,13800000000,negative,\(time),", "unregistered"),
    Case("library_card,1,,,negative,\(time),", "bad_document_type"),
    Case("passport,AB123456,,,perhaps,\(time),", "bad_result"),
    Case("passport,AB123456,,,negative,2020-02-30 08:00:00,", "bad_time"),
    Case("passport,AB123456,,,negative,2019-12-31 08:00:00,", "bad_time"),
    Case("passport,AB123456,,,negative,2020-02-01 24:00:00,", "bad_time"),
    Case("passport,AB123456,,,negative,yesterday,", "bad_time"),
    Case("passport,AB123456,,,negative,,", "bad_time"),
    Case("passport,AB123456,,,negative,2020-03-01 00:01:00,", "future_time"),
    Case("passport,AB123456,,,negative,2020-03-01 00:00:59,", "2 85920 1 0"),
    Case("passport,AB123456,,,negative,\(time),31011", "bad_place"),
    Case("passport,AB123456,,,negative,\(time),Shanghai", "bad_place"),
    Case("passport,AB123456,,,negative,\(time)", "missing_field"),
    Case("passport,AB123456,,,negative,\(time),,", "too_many_fields"),
    Case("passport,AB123456,\"a\"b,,negative,\(time),", "bad_quote"),
    Case("passport,AB123456,a\"b,,negative,\(time),", "bad_quote"),
  ]

  private static func world() throws -> ComputeWorld {
    try ComputeWorld(
      [
        (.residentID, "11010519491231002X"), (.passport, "AB123456"),
        (.hkMacaoPermit, "H12345678"),
      ], contacts: [("13800000000", "张三", 3), ("13900000000", "王五", 0)])
  }

  @Test("each kind of dirt is cleaned, or rejected with its reason", arguments: cases)
  func cleans(_ example: Case) throws {
    let world = try Self.world()
    try world.write(ComputeWorld.header + example.row + "\n", to: "tests/1.csv")
    let result = try world.run()
    let source = try #require(result.manifest.facts.sources.first)
    #expect(source.rows == 1 && source.used + source.rejected == 1)
    if source.rejected == 1 {
      // Behind the header's line, the row's source, file and line.
      let reason = try world.text("rejects.csv").split(separator: ",")[7]
      #expect(String(reason) == example.expected)
    } else {
      let serial = UInt64(example.expected.prefix(1))!
      let events = try world.engine().events(of: Serial(unchecked: serial))
      let texts = events.map { "\(serial) \($0.minutes) \($0.result) \($0.place)" }
      #expect(texts == [example.expected])
    }
  }

  @Test("the rejects file has source, file, line, reason and the raw row; empty lines are no rows")
  func rejects() throws {
    let world = try Self.world()
    let rows = Self.cases.map(\.row)
    let text = "\u{FEFF}" + ComputeWorld.header + "\r\n" + rows.joined(separator: "\r\n")
    try world.write(text, to: "tests/a,b.csv")
    let result = try world.run { $0.rangeBytes = 100 }
    let path = "\"\(world.directory.path)/tests/a,b.csv\""
    var expected = "source,file,line,reason,row\n"
    for (index, example) in Self.cases.enumerated() where !example.expected.contains(" ") {
      let row = example.row.replacing("\"", with: "\"\"")
      expected += "tests,\(path),\(index + 3),\(example.expected),\"\(row)\"\n"
    }
    #expect(try world.text("rejects.csv") == expected)
    let source = try #require(result.manifest.facts.sources.first)
    #expect(source.rows == Self.cases.count)
    #expect(source.rejected == Self.cases.count { !$0.expected.contains(" ") })
    #expect(source.used + source.duplicates + source.rejected == source.rows)
    #expect(source.duplicates > 0)
  }
}
