/// The kinds of identity document that a holder can be registered by.
package enum DocumentType: UInt8, CaseIterable, Sendable {
  /// The citizen's number of GB 11643: 18 digits, the last possibly X.
  case residentID = 1
  /// The travel permit of residents of Hong Kong (H) and Macao (M).
  case hkMacaoPermit = 2
  /// The travel permit of residents of Taiwan: 8 digits.
  case taiwanPermit = 3
  /// Any country's passport, optionally with the country.
  case passport = 4
  /// The unified social credit code of GB 32100.
  case organisationCode = 5

  /// The machine name, such as `resident_id`.
  package var name: String {
    switch self {
    case .residentID: "resident_id"
    case .hkMacaoPermit: "hk_macao_permit"
    case .taiwanPermit: "taiwan_permit"
    case .passport: "passport"
    case .organisationCode: "uscc"
    }
  }

  /// The type of a machine name.
  package init?(name: some StringProtocol) {
    guard let type = DocumentType.allCases.first(where: { $0.name == name }) else { return nil }
    self = type
  }

  /// The type of a machine name in UTF-8, without allocation.
  package init?(name: Span<UInt8>) {
    for type in DocumentType.allCases where name.spells(type.name) {
      self = type
      return
    }
    return nil
  }
}

/// Why a number cannot be of its document's type.
package enum DocumentFault: String, Error, CaseIterable, Sendable {
  case badLength = "bad_length"
  case badCharacter = "bad_character"
  case badCheckDigit = "bad_check_digit"
  case badBirthDate = "bad_birth_date"
  case unknownProvince = "unknown_province"

  /// The machine name.
  package var name: String { rawValue }
}

/// An identity document in canonical form. Never log or store one: what is kept of it is a MAC of
/// the canonical form, and `description` names the type only.
package struct Document: Hashable, Sendable, CustomStringConvertible {
  package let type: DocumentType
  /// The canonical number; see `canonical(_:_:into:)`.
  package let number: String

  /// Canonicalises and checks `text`.
  package init(type: DocumentType, text: some StringProtocol) throws(DocumentFault) {
    let raw = Array(text.utf8)
    var canonical: [UInt8] = []
    if let fault = Document.canonical(type, raw.span, into: &canonical) { throw fault }
    self.type = type
    number = String(decoding: canonical, as: UTF8.self)
  }

  package var description: String { type.name }

  /// Appends the canonical form of the number `raw` to `output`, or appends nothing and says what
  /// is wrong. Allocates nothing when `output` has room.
  ///
  /// Blanks around the number are dropped and letters become upper case. A Hong Kong or Macao
  /// permit loses the two digits that count its renewals, so that a renewed permit is still the
  /// same holder. A passport may start with its country: `CAN:AB123456`.
  package static func canonical(
    _ type: DocumentType, _ raw: Span<UInt8>, into output: inout [UInt8]
  ) -> DocumentFault? {
    var start = 0
    var end = raw.count
    while start < end, isBlank(raw[start]) { start += 1 }
    while end > start, isBlank(raw[end - 1]) { end -= 1 }
    let number = raw.extracting(start..<end)
    let kept: Int
    switch type {
    case .residentID:
      if let fault = ResidentID.check(number) { return fault }
      kept = number.count
    case .organisationCode:
      if let fault = OrganisationCode.check(number) { return fault }
      kept = number.count
    case .hkMacaoPermit:
      if let fault = checkHKMacaoPermit(number) { return fault }
      kept = 9
    case .taiwanPermit:
      if let fault = checkDigits(number, count: 8) { return fault }
      kept = number.count
    case .passport:
      if let fault = checkPassport(number) { return fault }
      kept = number.count
    }
    output.append(addingCapacity: kept) { output in
      for index in 0..<kept { output.append(upper(number[index])) }
    }
    return nil
  }

  private static func checkHKMacaoPermit(_ number: Span<UInt8>) -> DocumentFault? {
    guard number.count == 9 || number.count == 11 else { return .badLength }
    let letter = upper(number[0])
    guard letter == 0x48 || letter == 0x4D else { return .badCharacter }
    return checkDigits(number.extracting(1..<number.count), count: number.count - 1)
  }

  private static func checkPassport(_ number: Span<UInt8>) -> DocumentFault? {
    var start = 0
    if number.count > 4, number[3] == 0x3A {
      for index in 0..<3 {
        guard 0x41...0x5A ~= upper(number[index]) else { return .badCharacter }
      }
      start = 4
    }
    guard 5...9 ~= number.count - start else { return .badLength }
    for index in start..<number.count {
      let character = upper(number[index])
      guard 0x30...0x39 ~= character || 0x41...0x5A ~= character else { return .badCharacter }
    }
    return nil
  }

  private static func checkDigits(_ number: Span<UInt8>, count: Int) -> DocumentFault? {
    guard number.count == count else { return .badLength }
    for index in number.indices {
      guard 0x30...0x39 ~= number[index] else { return .badCharacter }
    }
    return nil
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

/// The upper case of an ASCII letter; every other byte as it is.
func upper(_ byte: UInt8) -> UInt8 { 0x61...0x7A ~= byte ? byte - 0x20 : byte }
