import Support
import Testing
import YAML

/// A node in one line: texts plain or quoted, `[...]`, `{...}`, each after its place.
private func show(_ node: YAMLNode) -> String {
  let place = "\(node.line).\(node.column)"
  return switch node.content {
  case .scalar(let text, let isPlain): isPlain ? "\(place)=\(text)" : "\(place)='\(text)'"
  case .sequence(let items): "\(place)[\(items.map(show).joined(separator: " "))]"
  case .mapping(let members):
    "\(place){\(members.map { "\(show($0.key)):\(show($0.value))" }.joined(separator: " "))}"
  }
}

@Suite struct YAMLTests {
  @Test(
    "every value knows where it stands and whether it was quoted",
    arguments: [
      ("a", "1.1=a"),
      ("- 1\n- \"2\"\n", "1.1[1.3=1 2.3='2']"),
      ("a: b\nc:\n  - d\n  -   e\n", "1.1{1.1=a:1.4=b 2.1=c:3.3[3.5=d 4.7=e]}"),
      ("{a: [1, 2], 'b': \"\\u4e2d\"}", "1.1{1.2=a:1.5[1.6=1 1.9=2] 1.13='b':1.18='中'}"),
      ("中: 文 # note\n", "1.1{1.1=中:1.4=文}"),
      ("a: |\n  b\n  c\n", "1.1{1.1=a:1.4='b\nc\n'}"),
      ("a:\n", "1.1{1.1=a:1.3=}"),
      ("a: 1\na: 2\n", "1.1{1.1=a:1.4=1 2.1=a:2.4=2}"),
      ("\u{FEFF}a: 1\r\nb: 2\r\n", "1.1{1.1=a:1.4=1 2.1=b:2.4=2}"),
      ("---\na\n...\n", "2.1=a"),
    ])
  func trees(text: String, expected: String) throws {
    #expect(show(try YAMLParser.parse(Array(text.utf8))) == expected)
  }

  @Test(
    "what is not taken says what and where",
    arguments: [
      ("", YAMLError.Code.empty, 1), ("# only a comment\n", .empty, 2), ("a: [1\nb: 2", .syntax, 2),
      ("a: b: c", .syntax, 1), ("a:\n\t- b", .syntax, 2), ("a: 1\n---\nb: 2", .secondDocument, 2),
      ("a: &x 1\nb: *x", .alias, 2), ("a: &x [*x]", .alias, 1), ("a: !!int 1", .tag, 1),
      ("- !x [1]", .tag, 1), ("- !x {a: 1}", .tag, 1), ("[a]: 1", .keyNotText, 1),
      ("{{a: 1}: 1}", .keyNotText, 1), ("a: \"", .syntax, 1), ("a: b\n c: d\n", .syntax, 2),
    ])
  func faults(text: String, code: YAMLError.Code, line: Int) throws {
    let error = try #require(throws: YAMLError.self) { try YAMLParser.parse(Array(text.utf8)) }
    #expect(error.code == code)
    #expect(error.line == line)
    #expect(!error.text.isEmpty)
  }

  @Test("bytes that are no text are refused")
  func encoding() throws {
    let error = try #require(throws: YAMLError.self) {
      try YAMLParser.parse(Array("a: ".utf8) + [0xC3, 0x28])
    }
    #expect(error.code == .encoding)
  }

  @Test("depth and size are bounded")
  func bounds() throws {
    let deep = String(repeating: "[", count: 31) + String(repeating: "]", count: 31)
    #expect(throws: Never.self) { try YAMLParser.parse(Array(deep.utf8)) }
    for count in [33, 10_000] {
      let text = String(repeating: "[", count: count)
      let error = try #require(throws: YAMLError.self) { try YAMLParser.parse(Array(text.utf8)) }
      #expect(error.code == .tooDeep)
    }
    let large = [UInt8](repeating: 0x20, count: YAMLParser.bytesMax + 1)
    let error = try #require(throws: YAMLError.self) { try YAMLParser.parse(large) }
    #expect(error.code == .tooLarge)
  }

  @Test("any bytes give a tree or an error")
  func noise() {
    var random = SplitMix(of: "YAML noise")
    let pieces = [
      "a", ":", " ", "\n", "- ", "[", "]", "{", "}", ",", "\"", "'", "&x ", "*x", "#", "|",
    ]
    var trees = 0
    for _ in 0..<20_000 {
      var text = ""
      for _ in 0..<random.below(16) { text += random.pick(pieces) }
      if (try? YAMLParser.parse(Array(text.utf8))) != nil { trees += 1 }
      _ = try? YAMLParser.parse(random.bytes(random.below(24)))
    }
    #expect(trees > 1_000)
  }
}
