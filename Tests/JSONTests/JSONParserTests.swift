import JSON
import Testing

@Suite struct JSONParserTests {
  private func parse(_ text: String, _ limits: JSONLimits = JSONLimits()) throws -> JSONValue {
    try JSONParser.parse(Array(text.utf8), limits: limits)
  }

  private func fault(_ bytes: [UInt8], _ limits: JSONLimits = JSONLimits()) -> JSONError? {
    do {
      _ = try JSONParser.parse(bytes, limits: limits)
      return nil
    } catch {
      return error
    }
  }

  @Test(
    "RFC 8259: takes every kind of value",
    arguments: [
      ("null", .null), ("true", .bool(true)), ("false", .bool(false)), ("0", .integer(0)),
      ("-0", .integer(0)), ("7", .integer(7)), ("-1", .integer(-1)),
      (" \t\r\n1 \t\r\n", .integer(1)),
      ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
      ("9223372036854775808", .double(9_223_372_036_854_775_808)), ("0.5", .double(0.5)),
      ("-0.0", .double(-0.0)), ("1e2", .double(100)), ("1E+2", .double(100)),
      ("1.25e-2", .double(0.0125)), ("0e0", .double(0)), ("1e308", .double(1e308)),
      ("\"\"", .string("")), ("\"码\"", .string("码")), ("\"\u{1F600}\"", .string("\u{1F600}")),
      ("\"\u{7F}\u{2028}\"", .string("\u{7F}\u{2028}")),
      ("[]", .array([])), ("[ ]", .array([])),
      ("[1,[2],[]]", .array([.integer(1), .array([.integer(2)]), .array([])])),
      ("{}", .object([])), ("{ }", .object([])),
      (
        " { \"b\" : 1 , \"a\" : [ true , null ] } ",
        .object([
          .init(name: "b", value: .integer(1)),
          .init(name: "a", value: .array([.bool(true), .null])),
        ])
      ),
      (
        "{\"\":{\"\":0}}",
        .object([.init(name: "", value: .object([.init(name: "", value: .integer(0))]))])
      ),
    ] as [(String, JSONValue)])
  func accepted(text: String, value: JSONValue) throws { #expect(try parse(text) == value) }

  @Test(
    "RFC 8259 §7: takes every escape",
    arguments: [
      (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0000""#, "\u{0}"),
      (#""\u0041\u00e9\u00E9\u7801""#, "Aéé码"), (#""\uD83D\uDE00""#, "\u{1F600}"),
      (#""\ud800\udc00\udbff\udfff""#, "\u{10000}\u{10FFFF}"),
      (#""\ud7ff\ue000""#, "\u{D7FF}\u{E000}"),
      (#""\uFEFF""#, "\u{FEFF}"), (#""\u002F""#, "/"),
    ])
  func escapes(text: String, value: String) throws {
    // Scalars, as Swift's strings are equal when they look the same.
    let string = try #require(try parse(text).string)
    #expect(Array(string.unicodeScalars) == Array(value.unicodeScalars))
  }

  @Test(
    "RFC 8259: refuses what is not JSON",
    arguments: [
      "", " ", "nul", "nulll", "True", "TRUE", "undefined", "NaN", "Infinity", "-Infinity", "-",
      "+1",
      "01", "-01", "00", "1.", ".5", "-.5", "1.e1", "1e", "1e+", "1e-", "0x10", "1_000", "1,",
      "1 2",
      "1 1", "--1", "1e400", "-1e400", "'a'", "\"", "\"a", "\"\\\"", "\"\\", "a", "\"a\" \"b\"",
      "[", "]",
      "[1", "[1,", "[1,]", "[,1]", "[,]", "[1 2]", "[1:2]", "[1}", "{", "}", "{]", "{\"a\"",
      "{\"a\":",
      "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{a:1}", "{'a':1}", "{1:1}", "{\"a\" 1}",
      "{\"a\",1}", "{\"a\"::1}", "{\"a\":1 \"b\":2}", "{null:1}", "{}{}", "[]x", "// no\n1",
      "/* no */1", "1 // no",
      "#\n1", "\u{FEFF}1", "\u{A0}1", "\u{B}1", "[1]\u{0}", "\u{0}", "\"\u{0}\"", "\"\n\"",
      "\"\t\"",
      "\"\u{1F}\"", #""\x41""#, #""\a""#, #""\'""#, #""\0""#, #""\U0041""#, #""\u""#, #""\u004""#,
      #""\u004g""#, #""\u 041""#, #""\u+041""#, #""\u-041""#, #""\uD800""#, #""\uD800x""#,
      #""\uD800\n""#, #""\uD800\uD800""#, #""\uD800\u0041""#, #""\uDC00""#, #""\uDC00\uD800""#,
      #""\uDFFF""#, #""\uDBFF""#, #""\uD83D \uDE00""#,
    ])
  func refused(text: String) {
    let error = fault(Array(text.utf8))
    #expect(error != nil, "took \(text.debugDescription)")
    if let error { #expect(0...text.utf8.count ~= error.offset && !error.reason.isEmpty) }
  }

  @Test(
    "RFC 8259 §8.1: refuses strings that are not UTF-8",
    arguments: [
      [0x80], [0xC3], [0xC3, 0x28], [0xC0, 0xAF], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80],
      [0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80], [0xF0, 0x80, 0x80, 0xAF], [0xF4, 0x90, 0x80, 0x80],
      [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0xE7, 0xA0],
    ] as [[UInt8]])
  func notUTF8(bytes: [UInt8]) {
    #expect(fault([0x22] + bytes + [0x22]) != nil)
    #expect(fault([0x7B, 0x22] + bytes + [0x22, 0x3A, 0x31, 0x7D]) != nil)
    #expect(fault(bytes) != nil)
  }

  @Test(
    "refuses a name that stands twice, however it is spelled",
    arguments: [
      #"{"a":1,"a":1}"#, #"{"a":1,"b":2,"a":3}"#, #"{"a":1,"\u0061":2}"#, #"{"":1,"":2}"#,
      #"[{"x":{"a":1,"a":2}}]"#,
    ])
  func duplicates(text: String) {
    #expect(fault(Array(text.utf8))?.reason.contains("twice") == true)
  }

  @Test("finds a name that stands twice among many, and takes many that do not")
  func duplicatesAmongMany() throws {
    for count in [2, 15, 16, 17, 18, 40, 400] {
      let names = (0..<count).map { "\"name\($0)\":\($0)" }
      let good = "{\(names.joined(separator: ","))}"
      #expect(try parse(good).members?.count == count)
      for index in [0, count / 2, count - 1] {
        let text = "{\(names.joined(separator: ",")),\"name\(index)\":0}"
        #expect(fault(Array(text.utf8))?.reason.contains("twice") == true, "\(index) of \(count)")
      }
    }
  }

  @Test("the same name in different objects is no duplicate")
  func noDuplicates() throws {
    #expect(try parse(#"[{"a":{"a":[{"a":1}]}},{"a":2}]"#).array?.count == 2)
  }

  @Test("an object with ten thousand names costs no more than its length")
  func manyNames() throws {
    let names = (0..<9_999).map { "\"\($0)\":0" }.joined(separator: ",")
    var count: Int?
    let time = try ContinuousClock().measure { count = try parse("{\(names)}").members?.count }
    #expect(count == 9_999)
    // Comparing each name with each takes many seconds in this build.
    #expect(time < .seconds(3))
  }

  @Test("the bounds on depth, items, strings and digits hold exactly")
  func limits() throws {
    let limits = JSONLimits(depthMax: 3, itemsMax: 6, stringBytesMax: 5)
    #expect(try parse("[[[1]]]", limits) == .array([.array([.array([.integer(1)])])]))
    #expect(fault(Array("[[[[1]]]]".utf8), limits)?.reason == "nested too deep")
    #expect(fault(Array("{\"a\":[{\"b\":[1]}]}".utf8), limits)?.reason == "nested too deep")
    #expect(try parse("[1,2,3,4,5]", limits).array?.count == 5)
    #expect(fault(Array("[1,2,3,4,5,6]".utf8), limits)?.reason == "too many items")
    #expect(try parse("\"12345\"", limits).string == "12345")
    #expect(try parse(#""\u0031\n345""#, limits).string == "1\n345")
    #expect(fault(Array("\"123456\"".utf8), limits)?.reason == "a string that is too long")
    #expect(fault(Array("\"码码\"".utf8), limits)?.reason == "a string that is too long")
    #expect(fault(Array("{\"123456\":1}".utf8), limits)?.reason == "a string that is too long")
    #expect(try parse(String(repeating: "1", count: 64)) == .double(1.1111111111111111e63))
    #expect(fault(Array(String(repeating: "1", count: 65).utf8)) != nil)
  }

  @Test("a thousand brackets are refused, not followed")
  func deep() {
    for text in ["[", "{\"a\":", "[{\"a\":"] {
      let bytes = Array(String(repeating: text, count: 100_000).utf8)
      #expect(fault(bytes)?.reason == "nested too deep")
    }
  }

  @Test("an error names the byte at which the text stops making sense")
  func offsets() {
    for (text, offset) in [("", 0), ("[1,]", 3), ("{\"a\":tru}", 8), ("1 x", 2), ("nuxl", 2)] {
      #expect(fault(Array(text.utf8))?.offset == offset, "\(text)")
    }
  }

  @Test("members and kinds are told apart")
  func accessors() throws {
    let json = try parse(#"{"s":"x","i":1,"b":true,"a":[1],"o":{},"n":null,"d":1.5}"#)
    #expect(json["s"]?.string == "x" && json["s"]?.integer == nil && json["s"]?.array == nil)
    #expect(json["i"]?.integer == 1 && json["i"]?.bool == nil && json["i"]?.string == nil)
    #expect(json["b"]?.bool == true && json["b"]?.integer == nil)
    #expect(json["a"]?.array == [.integer(1)] && json["a"]?.members == nil)
    #expect(json["d"]?.integer == nil && json["d"] == .double(1.5))
    #expect(json["n"] == .null && json["n"]?.string == nil)
    #expect(json["absent"] == nil && json["s"]?["x"] == nil)
    #expect(
      json.members?.map(\.value.kind)
        == ["a string", "a number", "a boolean", "an array", "an object", "null", "a number"])
  }
}
