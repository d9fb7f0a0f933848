import Codes
import Records
import Support
import Testing

@Suite struct RowScannerTests {
  /// Fields of each row, or its fault.
  private func rows(_ text: String, delimiter: UInt8 = 0x2C) -> [String] {
    var bytes = Array(text.utf8)
    if bytes.last != 0x0A { bytes.append(0x0A) }
    let end = bytes.count
    bytes += [UInt8](repeating: 0, count: 2 * RowScanner.padding)
    let scanner = RowScanner(delimiter: delimiter)
    scanner.begin(bytes.span, at: 0)
    var rows: [String] = []
    while scanner.next(bytes.span, end: end, areLast: true) {
      if let fault = scanner.fault {
        rows.append("\(fault)")
        continue
      }
      let source = scanner.isUnquoted ? scanner.withUnquoted { [UInt8](copying: $0) } : bytes
      let fields = (0..<scanner.fieldCount).map {
        String(decoding: source[scanner.field($0)], as: UTF8.self)
      }
      rows.append(fields.joined(separator: "¦") + "@\(scanner.lineCount)")
    }
    return rows
  }

  @Test(
    "fields are found as RFC 4180 says",
    arguments: [
      ("a,b,c", ["a¦b¦c@1"]), ("a,,c\n", ["a¦¦c@1"]), (",\n", ["¦@1"]),
      ("a,b\r\nc,d\r\n", ["a¦b@1", "c¦d@1"]), ("a,\"b,c\"\nd,e", ["a¦b,c@1", "d¦e@1"]),
      ("\"a \"\"b\"\"\",c\r\n", ["a \"b\"¦c@1"]), ("\"a\nb\",c\nd,e", ["a\nb¦c@2", "d¦e@1"]),
      ("a\"b,c\nd,e", ["badQuote", "d¦e@1"]), ("\"a\"b,c\nd,e", ["badQuote", "d¦e@1"]),
      ("\"\"x,c\n", ["badQuote"]), ("\"a,b\nc,d\n", ["unterminatedQuote", "c¦d@1"]),
      ("\"\",\"\"\n", ["¦@1"]), ("\n\na", ["@1", "@1", "a@1"]), ("\"a\"\r\n\"b\"", ["a@1", "b@1"]),
    ])
  func forms(_ text: String, _ expected: [String]) {
    #expect(rows(text) == expected)
  }

  @Test("a row longer than 4 KiB is refused, the next is read")
  func long() {
    let long = String(repeating: "x,", count: 3_000)
    #expect(rows("a\n\(long)\nb\n") == ["a@1", "rowTooLong", "b@1"])
    let quoted = "\"" + String(repeating: "y\n", count: 3_000) + "\",z\nb,c\n"
    let found = rows(quoted)
    #expect(found.first == "unterminatedQuote" && found.last == "b¦c@1")
  }

  @Test("a quoted row that the bytes end in waits for more")
  func cut() {
    let text = Array("a,b\n\"c\nd".utf8) + [UInt8](repeating: 0, count: 128)
    let scanner = RowScanner(delimiter: 0x2C)
    scanner.begin(text.span, at: 0)
    let end = 7
    let first = scanner.next(text.span, end: end, areLast: false)
    let second = scanner.next(text.span, end: end, areLast: false)
    #expect(first && !second && scanner.position == 4)
  }

  @Test("random rows are found as a reader of single characters finds them")
  func random() {
    var random = SplitMix(of: "RowScannerTests.random")
    for _ in 0..<2_000 {
      var text = ""
      for _ in 0..<random.below(30) {
        let length = random.below(random.once(in: 5) ? 90 : 12)
        for _ in 0..<length { text += random.pick(["a", "b", "é", "1", " ", "中"]) }
        text += random.pick([",", ",", ",", "\n", "\r\n"])
      }
      text += "z"
      let expected = text.replacing("\r\n", with: "\n").split(
        separator: "\n", omittingEmptySubsequences: false
      ).map { $0.split(separator: ",", omittingEmptySubsequences: false).joined(separator: "¦") }
      #expect(rows(text) == expected.map { "\($0)@1" })
    }
  }
}
