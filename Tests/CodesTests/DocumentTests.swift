import Codes
import Testing

@Suite struct DocumentTests {
  private func fault(_ type: DocumentType, _ text: String) -> DocumentFault? {
    do {
      _ = try Document(type: type, text: text)
      return nil
    } catch {
      return error
    }
  }

  @Test(
    "GB 11643: accepts the standard's examples",
    arguments: ["11010519491231002X", "440524188001010014", "11010519491231002x"])
  func residentExamples(text: String) throws {
    let document = try Document(type: .residentID, text: text)
    #expect(document.number == text.uppercased())
  }

  @Test("GB 11643: refuses every other check character")
  func residentCheckDigits() {
    for character in "0123456789X" {
      let text = "11010519491231002" + String(character)
      #expect(fault(.residentID, text) == (character == "X" ? nil : .badCheckDigit))
    }
  }

  @Test("GB 11643: refuses every single wrong digit and every swap of two neighbours")
  func residentTypingErrors() {
    let digits = Array("440524188001010014".utf8)
    for index in 0..<17 {
      for digit in UInt8(0x30)...0x39 where digit != digits[index] {
        var wrong = digits
        wrong[index] = digit
        #expect(fault(.residentID, String(decoding: wrong, as: UTF8.self)) != nil)
      }
      var swapped = digits
      swapped.swapAt(index, index + 1)
      if swapped != digits {
        #expect(fault(.residentID, String(decoding: swapped, as: UTF8.self)) != nil)
      }
    }
  }

  @Test(
    "names what is wrong",
    arguments: [
      (.residentID, "1101051949123100", .badLength), (.residentID, "", .badLength),
      (.residentID, "1101051949123100XX", .badCharacter),
      (.residentID, "11010519491231002A", .badCharacter),
      (.residentID, "99010519491231002X", .unknownProvince),
      (.residentID, "11010519490231002X", .badBirthDate),
      (.residentID, "11010519001301002X", .badBirthDate),
      (.residentID, "11010518791231002X", .badBirthDate),
      (.residentID, "11010521001231002X", .badBirthDate),
      (.hkMacaoPermit, "A12345678", .badCharacter), (.hkMacaoPermit, "H1234567", .badLength),
      (.hkMacaoPermit, "H1234567A", .badCharacter), (.hkMacaoPermit, "H123456780", .badLength),
      (.taiwanPermit, "1234567", .badLength), (.taiwanPermit, "1234567A", .badCharacter),
      (.passport, "AB12", .badLength), (.passport, "AB12345678", .badLength),
      (.passport, "AB-12345", .badCharacter), (.passport, "C1N:AB12345", .badCharacter),
      (.passport, "CAN:", .badLength), (.passport, "CAN:A", .badLength),
      (.passport, "CANA:AB123", .badLength),
      (.organisationCode, "91350100M000100Y4", .badLength),
      (.organisationCode, "91350100M000100Y4I", .badCharacter),
      (.organisationCode, "91350100M000100Z43", .badCharacter),
      (.organisationCode, "9135A100M000100Y43", .badCharacter),
      (.organisationCode, "91990100M000100Y43", .unknownProvince),
      (.organisationCode, "91350100M000100Y44", .badCheckDigit),
    ] as [(DocumentType, String, DocumentFault)])
  func faults(type: DocumentType, text: String, expected: DocumentFault) {
    #expect(fault(type, text) == expected)
  }

  @Test(
    "GB 32100: accepts published codes",
    arguments: [
      "91350100M000100Y43", "9144030071526726XG", "91110000710926094P",
      "91350100m000100y43",
    ])
  func organisationExamples(text: String) throws {
    let document = try Document(type: .organisationCode, text: text)
    #expect(document.number == text.uppercased())
  }

  @Test("GB 11714: agrees with published organisation codes")
  func subjectCheckCharacter() {
    for subject in ["71526726X", "710926094", "M000100Y4"] {
      let bytes = Array(subject.utf8)
      #expect(OrganisationCode.subjectCheckCharacter(of: bytes.span) == bytes[8], "\(subject)")
    }
  }

  @Test(
    "writes one form for one document",
    arguments: [
      (.residentID, " 11010519491231002x\t", "11010519491231002X"),
      (.hkMacaoPermit, "h1234567801", "H12345678"), (.hkMacaoPermit, "M12345678", "M12345678"),
      (.taiwanPermit, "12345678", "12345678"), (.passport, "ab123456", "AB123456"),
      (.passport, "can:ab123456", "CAN:AB123456"), (.passport, "E1234", "E1234"),
    ] as [(DocumentType, String, String)])
  func canonicalForm(type: DocumentType, text: String, canonical: String) throws {
    #expect(try Document(type: type, text: text).number == canonical)
  }

  @Test("appends after what is there, and nothing when it refuses")
  func appends() {
    var output: [UInt8] = [1, 2]
    #expect(Document.canonical(.passport, Array("ab12".utf8).span, into: &output) == .badLength)
    #expect(output == [1, 2])
    #expect(Document.canonical(.passport, Array("ab123".utf8).span, into: &output) == nil)
    #expect(output == [1, 2] + Array("AB123".utf8))
  }

  @Test("type names read back, from text and from bytes")
  func typeNames() {
    for type in DocumentType.allCases {
      #expect(DocumentType(name: type.name) == type)
      #expect(DocumentType(name: Array(type.name.utf8).span) == type)
    }
    #expect(DocumentType(name: "resident_i") == nil)
    #expect(DocumentType(name: Array("resident_id2".utf8).span) == nil)
    #expect(DocumentType(name: Array("".utf8).span) == nil)
  }

  @Test("never shows the number")
  func description() throws {
    let document = try Document(type: .residentID, text: "11010519491231002X")
    #expect("\(document)" == "resident_id")
  }
}

@Suite struct ResidentWordTests {
  private func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  @Test("eight bytes a step give the same verdict as one")
  func agree() {
    var random = SplitMix(seed: 77)
    var valid = 0
    for _ in 0..<200_000 {
      let province = [11, 31, 42, 44, 71, 10, 99][Int(random.next() % 7)]
      let year = 1870 + Int(random.next() % 240)
      let month = Int(random.next() % (random.next() % 4 == 0 ? 100 : 14))
      let day = Int(random.next() % 33)
      func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
      var text = Array(
        "\(province)\(1000 + Int(random.next() % 9000))\(year)\(two(month))\(two(day))".utf8)
      text += Array("\(100 + Int(random.next() % 900))".utf8)
      text.append(ResidentID.checkCharacter(of: text.span))
      if random.next() % 3 == 0 {
        text[Int(random.next() % 18)] = UInt8(truncatingIfNeeded: random.next())
      }
      var canonical: [UInt8] = []
      let fault = Document.canonical(.residentID, text.span, into: &canonical)
      let isSame = ResidentID.isCanonical(
        word(text[0..<8]), word(text[8..<16]), text[16], text[17])
      // What is only trimmed or made upper case is not canonical yet.
      #expect(isSame == (fault == nil && canonical == text))
      if isSame { valid += 1 }
    }
    #expect(valid > 10_000)
  }
}
