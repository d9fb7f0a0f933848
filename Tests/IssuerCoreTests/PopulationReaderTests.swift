import Codes
import IssuerCore
import Testing

/// What a reader makes of a file.
struct PopulationReading: Equatable {
  struct Reject: Equatable {
    var line: Int
    var reason: RejectReason
    var raw: [UInt8]
  }

  var rows: [PersonRow] = []
  var rejects: [Reject] = []
  var error: PopulationError?

  /// Feeds `chunks` one after the other.
  init(_ chunks: [[UInt8]]) {
    var reader = PopulationReader()
    var rows: [PersonRow] = []
    var rejects: [Reject] = []
    let onRow: (borrowing PersonRow) -> Void = { rows.append(copy $0) }
    let onReject: (Int, RejectReason, Span<UInt8>) -> Void = { line, reason, raw in
      rejects.append(Reject(line: line, reason: reason, raw: [UInt8](copying: raw)))
    }
    do throws(PopulationError) {
      for chunk in chunks {
        try reader.receive(chunk.span, onRow: onRow, onReject: onReject)
      }
      try reader.finish(onRow: onRow, onReject: onReject)
    } catch {
      self.error = error
    }
    #expect(reader.rowCount == rows.count)
    #expect(reader.rejectCount == rejects.count)
    self.rows = rows
    self.rejects = rejects
  }

  init(_ text: String) { self.init([Array(text.utf8)]) }

  /// The rows after a good header.
  init(rows text: String) {
    self.init(
      "document_type,document_number,kind,name,phone,guardian_type,guardian_number\n" + text)
  }

  var reasons: [RejectReason] { rejects.map(\.reason) }
  var documents: [String] { rows.map { String(decoding: $0.document, as: UTF8.self) } }
}

@Suite struct PopulationReaderTests {
  private static let good = "resident_id,11010519491231002X,resident,王伟,13800000000,,"
  private static let child =
    "resident_id,440524188001010014,dependant,王一,,resident_id,11010519491231002x"

  @Test("gives type, canonical number, kind, guardian and line of each row")
  func goodRows() {
    let reading = PopulationReading(
      rows: """
        resident_id, 11010519491231002x ,resident,王伟,13800000000,,
        hk_macao_permit,h1234567801,visitor,陈,,,
        uscc,91350100M000100Y43,organisation,某公司,,,
        \(PopulationReaderTests.child)
        passport,can:ab123456,dependant,Emma,,hk_macao_permit,M12345678
        """)
    #expect(reading.error == nil)
    #expect(reading.rejects.isEmpty)
    #expect(
      reading.documents == [
        "11010519491231002X", "H12345678", "91350100M000100Y43", "440524188001010014",
        "CAN:AB123456",
      ])
    #expect(reading.rows.map(\.line) == [2, 3, 4, 5, 6])
    #expect(
      reading.rows.map(\.kind) == [.resident, .visitor, .organisation, .dependant, .dependant])
    #expect(reading.rows.map(\.guardianType) == [nil, nil, nil, .residentID, .hkMacaoPermit])
    #expect(
      reading.rows.map { String(decoding: $0.guardian, as: UTF8.self) } == [
        "", "", "", "11010519491231002X", "M12345678",
      ])
  }

  @Test(
    "names why a row is not taken and goes on",
    arguments: [
      ("resident_id,11010519491231002X,resident,王伟,1,", .missingField),
      ("resident_id,11010519491231002X,resident", .missingField),
      ("resident_id,,resident,王伟,1,,", .missingField),
      (",11010519491231002X,resident,王伟,1,,", .missingField),
      ("resident_id,11010519491231002X,,王伟,1,,", .missingField),
      ("resident_id,11010519491231002X,resident,王伟,1,,,", .tooManyFields),
      ("resident_id,11010519491231002X,resident,王伟,1,,,,,,,,", .tooManyFields),
      ("resident_id,11010519491231002X,resident,王\"伟,1,,", .badQuote),
      ("resident_id,11010519491231002X,resident,\"王\"伟,1,,", .badQuote),
      ("id_card,11010519491231002X,resident,王伟,1,,", .badDocumentType),
      ("resident_id,1101051949123100,resident,王伟,1,,", .badLength),
      ("resident_id,1101051949123100AX,resident,王伟,1,,", .badCharacter),
      ("resident_id,110105194912310021,resident,王伟,1,,", .badCheckDigit),
      ("resident_id,11010519491331002X,resident,王伟,1,,", .badBirthDate),
      ("resident_id,99010519491231002X,resident,王伟,1,,", .unknownProvince),
      ("resident_id,11010519491231002X,citizen,王伟,1,,", .badKind),
      ("resident_id,11010519491231002X,unspecified,王伟,1,,", .badKind),
      ("resident_id,11010519491231002X,organisation,王伟,1,,", .kindMismatch),
      ("resident_id,11010519491231002X,visitor,王伟,1,,", .kindMismatch),
      ("passport,AB123456,resident,王伟,1,,", .kindMismatch),
      ("uscc,91350100M000100Y43,dependant,王伟,1,,", .kindMismatch),
      ("resident_id,440524188001010014,dependant,王伟,1,,", .guardianMissing),
      ("resident_id,440524188001010014,dependant,王伟,1,resident_id,", .guardianMissing),
      ("resident_id,440524188001010014,dependant,王伟,1,,11010519491231002X", .guardianMissing),
      ("resident_id,11010519491231002X,resident,王伟,1,passport,AB123456", .unexpectedGuardian),
      ("resident_id,440524188001010014,dependant,王伟,1,card,11010519491231002X", .badGuardianType),
      (
        "resident_id,440524188001010014,dependant,王伟,1,resident_id,110105194912310021",
        .badGuardianNumber
      ),
      (
        "resident_id,440524188001010014,dependant,王伟,1,resident_id,440524188001010014",
        .ownGuardian
      ),
    ] as [(String, RejectReason)])
  func rejects(row: String, reason: RejectReason) {
    let good = PopulationReaderTests.good
    let reading = PopulationReading(rows: "\(good)\n\(row)\n\(good)\n")
    #expect(reading.reasons == [reason])
    #expect(reading.rejects.first?.line == 3)
    #expect(reading.rejects.first?.raw == Array(row.utf8))
    #expect(reading.rows.map(\.line) == [2, 4])
  }

  @Test("takes quotes, CRLF, blank lines and a byte order mark as RFC 4180 and spreadsheets do")
  func dialects() {
    let rows = [
      "\"resident_id\",\"11010519491231002X\",\"resident\",\"王\"\"伟\"\"\",\"1,2\",\"\",\"\"",
      "resident_id,11010519491231002X,resident,\"two\r\nlines\",,,", "",
      PopulationReaderTests.child,
    ]
    for lineEnd in ["\n", "\r\n"] {
      for mark in ["", "\u{FEFF}"] {
        for last in ["", lineEnd, lineEnd + lineEnd] {
          let text =
            "\(mark)document_type,document_number,kind,name,phone,\"guardian_type\","
            + "guardian_number" + lineEnd + rows.joined(separator: lineEnd) + last
          let reading = PopulationReading(text)
          #expect(reading.error == nil)
          #expect(reading.rejects.isEmpty)
          #expect(reading.rows.map(\.line) == [2, 3, 6])
        }
      }
    }
    let quotedEnd = PopulationReading(
      "document_type,document_number,kind,name,phone,guardian_type,\"guardian_number\"\r\n"
        + "resident_id,11010519491231002X,resident,王,1,,\"\"\r\n"
        + "resident_id,11010519491231002X,resident,王,1,,\r")
    #expect(quotedEnd.rows.count == 2)
  }

  @Test("takes the columns in any order")
  func columnOrder() {
    let reading = PopulationReading(
      """
      kind,guardian_number, name ,document_number,guardian_type,phone,document_type
      dependant,11010519491231002X,王一,440524188001010014,resident_id,1,resident_id
      """)
    #expect(reading.documents == ["440524188001010014"])
    #expect(reading.rows.first?.guardianType == .residentID)
  }

  @Test(
    "an impossible header names the column and the expected ones",
    arguments: [
      (
        "document_type,document_number,kind,name,guardian_type,guardian_number",
        .missingColumn, "\"phone\" is missing"
      ),
      (
        "document_type,document_number,kind,name,phone,guardian_type,guardian_number,email",
        .unknownColumn, "\"email\""
      ),
      (
        "document_type,document_number,kind,name,phone,guardian_type,guardian_number,kind,x,y,z",
        .duplicateColumn, "\"kind\" stands twice"
      ),
      (
        "document_type,Document_Number,kind,name,phone,guardian_type,guardian_number",
        .unknownColumn, "\"Document_Number\""
      ),
      (
        "document_type;document_number;kind;name;phone;guardian_type;guardian_number",
        .unknownColumn, "\"document_type;document_number;kind;name;...\""
      ),
      ("a\u{1B}[31mb", .unknownColumn, "\"a?[31mb\""),
    ] as [(String, PopulationError.Code, String)])
  func badHeaders(header: String, code: PopulationError.Code, text: String) throws {
    let reading = PopulationReading("\(header)\n\(PopulationReaderTests.good)\n")
    let error = try #require(reading.error)
    #expect(error.code == code)
    #expect(error.line == 1)
    #expect(error.text.contains(text))
    #expect(error.text.contains("document_type,document_number,kind,name,phone"))
    #expect(reading.rows.isEmpty)
  }

  @Test("an empty file and one that is no text are errors that say so")
  func noHeader() {
    #expect(PopulationReading("").error?.code == .headerMissing)
    #expect(PopulationReading("\n\r\n\n").error?.code == .headerMissing)
    #expect(PopulationReading([[0xEF, 0xBB, 0xBF]]).error?.code == .headerMissing)
    #expect(PopulationReading(String(repeating: "x", count: 9_000)).error?.code == .badHeader)
    #expect(PopulationReading("\"document_type").error?.code == .badHeader)
  }

  @Test("a header without people is a file without people")
  func nobody() {
    #expect(PopulationReading(rows: "") == PopulationReading([]).withoutError)
  }

  @Test("a row of 4,096 bytes is read and a longer one refused, with its line and its beginning")
  func longRows() {
    let frame = PopulationReaderTests.good.utf8.count - "王伟".utf8.count
    for (count, isRead) in [(4_096, true), (4_097, false), (10_000, false), (100_000, false)] {
      let name = String(repeating: "n", count: count - frame)
      let row = "resident_id,11010519491231002X,resident,\(name),13800000000,,"
      for lineEnd in ["\n", "\r\n"] {
        let reading = PopulationReading(
          rows: row + lineEnd + PopulationReaderTests.good + lineEnd + row)
        #expect(reading.rows.map(\.line) == (isRead ? [2, 3, 4] : [3]), "\(count)")
        #expect(reading.reasons == (isRead ? [] : [.rowTooLong, .rowTooLong]))
        #expect(reading.rejects.map(\.line) == (isRead ? [] : [2, 4]))
        #expect(reading.rejects.allSatisfy { $0.raw == Array(row.utf8.prefix(4_096)) })
      }
    }
  }

  @Test("a quote that never closes costs its own line and not the lines behind it")
  func unterminatedQuote() {
    let open = "resident_id,11010519491231002X,resident,\"王伟,13800000000,,"
    let good = PopulationReaderTests.good
    for following in [1, 3, 200] {
      let reading = PopulationReading(
        rows: open + "\n" + Array(repeating: good, count: following).joined(separator: "\n"))
      #expect(reading.reasons == [.unterminatedQuote])
      #expect(reading.rejects.first?.line == 2)
      #expect(reading.rejects.first?.raw == Array(open.utf8))
      #expect(reading.rows.map(\.line) == Array(3..<(3 + following)))
    }
  }
}

extension PopulationReading {
  fileprivate var withoutError: PopulationReading {
    var reading = self
    reading.error = nil
    return reading
  }
}
