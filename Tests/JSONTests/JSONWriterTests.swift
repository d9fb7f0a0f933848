import JSON
import Support
import Testing

@Suite struct JSONWriterTests {
  private func text(_ writer: JSONWriter) -> String {
    String(decoding: writer.bytes, as: UTF8.self)
  }

  @Test("puts commas and colons where they belong")
  func commas() {
    var json = JSONWriter()
    json.object {
      $0.field("outcome", "accepted")
      $0.field("number", 0)
      $0.field("ok", true)
      $0.field(
        "text",
        object: { text in
          text.field("zh", "通过")
          text.field("en", "Accepted")
        })
      $0.field(
        "list",
        array: { list in
          list.value(1)
          list.array { _ in }
          list.object { _ in }
          list.value("x")
        })
      $0.name("last")
      $0.value(false)
    }
    #expect(
      text(json)
        == #"{"outcome":"accepted","number":0,"ok":true,"text":{"zh":"通过","en":"Accepted"},"#
        + #""list":[1,[],{},"x"],"last":false}"#)
  }

  @Test("lines stand side by side, and a writer can be used again")
  func lines() {
    var json = JSONWriter(reserving: 100)
    for number in 1...2 {
      json.object { $0.field("n", number) }
      json.endLine()
    }
    #expect(text(json) == "{\"n\":1}\n{\"n\":2}\n")
    json.removeAll()
    json.value(UInt64.max)
    #expect(text(json) == "18446744073709551615")
  }

  @Test("escapes exactly what must be escaped")
  func escapes() throws {
    for scalar in (0...0x3000).compactMap({ Unicode.Scalar($0 as UInt32) }) {
      let string = "a\(scalar)b"
      var json = JSONWriter()
      json.value(string)
      let escaped = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
      #expect(text(json).utf8.contains(0x5C) == escaped, "U+\(scalar.value)")
      let read = try #require(try JSONParser.parse(json.bytes).string)
      #expect(Array(read.utf8) == Array(string.utf8), "U+\(scalar.value)")
    }
  }

  /// Any value that the parser can produce.
  private func value(_ random: inout SplitMix, depth: Int = 0) -> JSONValue {
    switch random.below(depth < 6 ? 8 : 5) {
    case 0: return random.pick([.null, .bool(true), .bool(false)])
    case 1: return .integer(Int64(bitPattern: random.next() >> UInt64(random.below(64))))
    case 2:
      let double = Double(bitPattern: random.next())
      return .double(double.isFinite ? double : 0.1)
    case 3, 4: return .string(string(&random))
    case 5, 6: return .array((0..<random.below(5)).map { _ in value(&random, depth: depth + 1) })
    default:
      var names: [String] = []
      for _ in 0..<random.below(5) {
        let name = string(&random)
        if !names.contains(name) { names.append(name) }
      }
      return .object(names.map { .init(name: $0, value: value(&random, depth: depth + 1)) })
    }
  }

  private func string(_ random: inout SplitMix) -> String {
    var string = ""
    for _ in 0..<random.below(8) {
      let range: UInt32 = random.pick([0x20, 0x80, 0x800, 0x11_0000])
      if let scalar = Unicode.Scalar(UInt32(random.below(Int(range)))) {
        string.unicodeScalars.append(scalar)
      }
    }
    return string
  }

  @Test("what is written reads back as it was")
  func roundTrip() throws {
    var random = SplitMix(of: "JSON round trip")
    for _ in 0..<2_000 {
      let value = value(&random)
      var json = JSONWriter()
      json.value(value)
      let read = try JSONParser.parse(json.bytes)
      guard read != value else { continue }
      Issue.record("\(text(json)) is read as \(read)")
      return
    }
  }
}

@Suite struct JSONFuzzTests {
  private static let samples = [
    #"{"code":"AEAB","scene":"health_gate","n":[1,-2.5e3,true,null],"\u00e9":{"\ud83d\ude00":""}}"#,
    #"[[[]],{"a":{"b":[{}]}},"x\\y\"z\/",0,-0,1e5,"码"]"#,
    #"{"principals":[{"name":"a","grants":["scans.write"],"channel":1}]}"#,
  ]

  @Test("no text stops the parser, and what it takes it writes and reads again alike")
  func fuzz() throws {
    var random = SplitMix(of: "JSON fuzz")
    let alphabet =
      Array(#"{}[]",:\u0123456789abcdefnrtls-+.eE "#.utf8) + [0, 0x1F, 0x7F, 0xC3, 0xFF]
    var taken = 0
    for _ in 0..<30_000 {
      var bytes: [UInt8]
      if random.once(in: 3) {
        bytes = (0..<random.below(40)).map { _ in random.pick(alphabet) }
      } else {
        bytes = Array(random.pick(Self.samples).utf8)
        for _ in 0..<(1 + random.below(3)) { mutate(&bytes, alphabet, &random) }
      }
      guard let value = try? JSONParser.parse(bytes) else { continue }
      taken += 1
      var json = JSONWriter()
      json.value(value)
      #expect(
        try JSONParser.parse(json.bytes) == value, "\(String(decoding: bytes, as: UTF8.self))")
    }
    #expect(taken > 1_000)
  }

  private func mutate(_ bytes: inout [UInt8], _ alphabet: [UInt8], _ random: inout SplitMix) {
    guard !bytes.isEmpty else { return }
    let place = random.below(bytes.count)
    switch random.below(4) {
    case 0: bytes[place] = random.pick(alphabet)
    case 1: bytes.insert(random.pick(alphabet), at: place)
    case 2: bytes.remove(at: place)
    default: bytes.removeSubrange(place..<min(bytes.count, place + random.below(6)))
    }
  }

  @Test("no beginning of an array or object is taken for the whole")
  func beginnings() {
    for sample in Self.samples {
      let bytes = Array(sample.utf8)
      for count in 0..<bytes.count {
        #expect((try? JSONParser.parse(Array(bytes.prefix(count)))) == nil, "\(count) of \(sample)")
      }
    }
  }
}
