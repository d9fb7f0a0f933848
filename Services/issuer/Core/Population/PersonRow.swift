package import Codes

/// One person of a population file, checked and in canonical form.
package struct PersonRow: Equatable, Sendable {
  /// The physical line on which the row begins; the header is on line 1.
  package var line = 0
  package var documentType = DocumentType.residentID
  /// The canonical number, in ASCII.
  package var document: [UInt8] = []
  package var kind = HolderKind.unspecified
  /// The guardian's document: present exactly when `kind` is `dependant`.
  package var guardianType: DocumentType?
  /// The guardian's canonical number, in ASCII; empty without guardian.
  package var guardian: [UInt8] = []
  /// The name as it stands in the file; `ContactText` says what of it counts. Of name and phone
  /// only a MAC of both is ever kept.
  package var name: [UInt8] = []
  /// The phone number as it stands in the file.
  package var phone: [UInt8] = []

  package init() {}
}

/// Why one row of a population file is not taken; the rows around it are.
package enum RejectReason: String, Error, CaseIterable, Sendable {
  /// Fewer fields than the header, or an empty type, number or kind.
  case missingField = "missing_field"
  case tooManyFields = "too_many_fields"
  /// A quotation mark inside a field without quotes, or text after a closing one.
  case badQuote = "bad_quote"
  /// The quote never closes, or not within 4 KiB. The row ends with its first line.
  case unterminatedQuote = "unterminated_quote"
  case rowTooLong = "row_too_long"
  case notUTF8 = "not_utf8"
  case badDocumentType = "bad_document_type"
  case badLength = "bad_length"
  case badCharacter = "bad_character"
  case badCheckDigit = "bad_check_digit"
  case badBirthDate = "bad_birth_date"
  case unknownProvince = "unknown_province"
  case badKind = "bad_kind"
  /// A kind that no holder of this type of document can be.
  case kindMismatch = "kind_mismatch"
  /// A dependant without a guardian's type and number.
  case guardianMissing = "guardian_missing"
  /// A guardian for someone who is not a dependant.
  case unexpectedGuardian = "unexpected_guardian"
  case badGuardianType = "bad_guardian_type"
  case badGuardianNumber = "bad_guardian_number"
  /// The guardian's document is the dependant's own.
  case ownGuardian = "own_guardian"

  /// The machine name.
  package var name: String { rawValue }

  init(_ fault: DocumentFault) {
    self =
      switch fault {
      case .badLength: .badLength
      case .badCharacter: .badCharacter
      case .badCheckDigit: .badCheckDigit
      case .badBirthDate: .badBirthDate
      case .unknownProvince: .unknownProvince
      }
  }
}

/// Why a population file cannot be read at all.
package struct PopulationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The cause, each with its cure.
  package enum Code: String, CaseIterable, Sendable {
    /// No line that could be a header. The file is empty: check the path.
    case headerMissing = "header_missing"
    /// The header names a column that does not exist.
    case unknownColumn = "unknown_column"
    /// The header lacks a column.
    case missingColumn = "missing_column"
    /// The header names a column twice.
    case duplicateColumn = "duplicate_column"
    /// The header is longer than a row may be or has an open quote: not a CSV file.
    case badHeader = "bad_header"
    /// The bytes are of another encoding: say which one, or save the file as UTF-8.
    case encodingNotUTF8 = "encoding_not_utf8"
  }

  package let code: Code
  package let line: Int
  /// What is wrong and what to do, for the operator.
  package let text: String

  package var description: String { "\(code.rawValue): line \(line): \(text)" }
}
