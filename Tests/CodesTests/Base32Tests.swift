import Codes
import Testing

@Suite struct Base32Tests {
  @Test(
    "RFC 4648 §10: the vectors, without padding",
    arguments: [
      ("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"),
      ("fooba", "MZXW6YTB"), ("foobar", "MZXW6YTBOI"),
    ])
  func vectors(plain: String, text: String) {
    #expect(Base32.text(of: Array(plain.utf8).span) == text)
    #expect(Base32.bytes(of: text) == Array(plain.utf8))
    #expect(Base32.bytes(of: text.lowercased()) == Array(plain.utf8))
  }

  @Test("every length and many values read back")
  func roundTrips() {
    var random = SplitMix(seed: 32)
    for count in 0...130 {
      let bytes = random.bytes(count)
      let text = Base32.text(of: bytes.span)
      #expect(text.utf8.count == Base32.characterCount(ofByteCount: count))
      #expect(Base32.bytes(of: text) == bytes)
    }
  }

  @Test("of all bytes only the alphabet's are taken, at every place of a text")
  func alphabet() {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
    let foreign = (0...255).map(UInt8.init).filter { byte in
      !alphabet.contains(byte) && !(0x61...0x7A ~= byte)
    }
    #expect(foreign.count == 256 - 58)
    for place in 0..<18 {
      for (value, character) in alphabet.enumerated() {
        var bits = [UInt8](repeating: 0, count: 12)
        // The five bits of that place, in a text whose other places are all A.
        for bit in 0..<5 where value >> (4 - bit) & 1 == 1 {
          bits[(place * 5 + bit) / 8] |= 0x80 >> UInt8((place * 5 + bit) % 8)
        }
        var text = [UInt8](repeating: 0x41, count: 18)
        text[place] = character
        var output: [UInt8] = []
        // The last place has two bits of padding, which are not among the 11 bytes.
        let isWhole = place < 17 || value & 3 == 0
        #expect(Base32.decode(text.span, into: &output) == isWhole)
        if isWhole { #expect(output == Array(bits.dropLast())) }
        if 0x41...0x5A ~= character {
          text[place] = character | 0x20
          output = []
          #expect(Base32.decode(text.span, into: &output) == isWhole)
          if isWhole { #expect(output == Array(bits.dropLast())) }
        }
      }
      for byte in foreign {
        var text = [UInt8](repeating: 0x37, count: 18)
        text[17] = 0x41
        text[place] = byte
        var output: [UInt8] = []
        #expect(!Base32.decode(text.span, into: &output))
        #expect(output.isEmpty)
      }
    }
  }

  @Test("a value has one spelling: every other last character is refused")
  func canonical() {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    for count in 1...5 {
      let bytes = [UInt8](repeating: 0xA5, count: count)
      let text = Base32.text(of: bytes.span)
      for character in alphabet {
        let other = text.dropLast() + String(character)
        guard let decoded = Base32.bytes(of: other) else { continue }
        #expect(Base32.text(of: decoded.span) == other)
      }
    }
    #expect(Base32.bytes(of: "MZ") == nil)
    #expect(Base32.bytes(of: "MY") != nil)
  }

  @Test(
    "refuses foreign characters and impossible lengths",
    arguments: [
      "M", "MZX", "MZXW6Y", "MZXW6YTBO", "M1", "M0", "M8", "MY======", "M Y", "MZXW6YT=",
      "MZ\u{0}Q", "MZXW6YTBMZXW6YTÉ",
    ])
  func refuses(text: String) {
    var output: [UInt8] = [9]
    #expect(!Base32.decode(Array(text.utf8).span, into: &output))
    #expect(output == [9])
  }
}

@Suite struct CodeTextTests {
  private let code = (0..<50).map { UInt8(truncatingIfNeeded: $0 &* 37) }

  private func decode(_ text: String) -> [UInt8]? {
    var output: [UInt8] = []
    return CodeText.decode(Array(text.utf8).span, into: &output) ? output : nil
  }

  @Test("50 bytes are 80 characters, bare or behind a prefix")
  func encodes() {
    let bare = CodeText.encode(code.span)
    #expect(bare.utf8.count == 80)
    #expect(CodeText.encode(code.span, prefix: "HTTPS://A/C/") == "HTTPS://A/C/" + bare)
  }

  @Test("reads the last path segment in any case, without query, fragment and blanks")
  func decodes() {
    let bare = CodeText.encode(code.span)
    let cut = bare.prefix(40) + " \r\n\t" + bare.dropFirst(40)
    for text in [
      bare, bare.lowercased(), "HTTPS://CODE.EXAMPLE/C/\(bare)", "https://code.example/\(bare)",
      "HTTPS://CODE.EXAMPLE/C/\(bare)?from=/x", "HTTPS://CODE.EXAMPLE/C/\(bare)#/x?",
      "\(bare)\r\n", "  \(bare) ", String(cut), "HTTPS://CODE.EXAMPLE/ C/\(cut)\n", "/\(bare)",
    ] {
      #expect(decode(text) == code, "\(text)")
    }
  }

  @Test(
    "refuses what holds no code",
    arguments: ["", " \r\n", "/", "HTTPS://CODE.EXAMPLE/C/", "?ABCD", "码", "HTTPS:ABCD"])
  func refuses(text: String) {
    #expect(decode(text) == nil)
  }

  @Test("refuses more than 512 bytes unread")
  func bounded() {
    let bare = CodeText.encode(code.span)
    #expect(decode(String(repeating: "/", count: 432) + bare) == code)
    #expect(decode(String(repeating: "/", count: 433) + bare) == nil)
    #expect(decode(String(repeating: " ", count: 432) + bare) == code)
    #expect(decode(String(repeating: "A", count: 512))?.count == 320)
  }

  @Test("random bytes never trap and never leave anything behind when refused")
  func random() {
    var random = SplitMix(seed: 512)
    for round in 0..<20_000 {
      let text = random.bytes(round % 600)
      var output: [UInt8] = [7]
      if !CodeText.decode(text.span, into: &output) { #expect(output == [7]) }
    }
  }
}
