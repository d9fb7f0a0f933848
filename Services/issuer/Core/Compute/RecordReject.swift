import Records

/// Why a raw record is not used; every one that is not is in the rejects file with its reason.
package enum RecordReject: UInt8, Error, CaseIterable, Sendable {
  /// Fewer fields than the header.
  case missingField
  case tooManyFields
  /// A quotation mark inside a field without quotes, or text after a closing one.
  case badQuote
  /// The quote never closes, or not within 4 KiB. The row ends with its first line.
  case unterminatedQuote
  case rowTooLong
  case badDocumentType
  case badKind
  case badResult
  /// Of no format the plan names, no real time, or before 2020.
  case badTime
  /// After the moment the plan looks back from.
  case futureTime
  case badPlace
  /// The document is in order, and nobody is registered by it.
  case unregistered
  /// The document is missing or wrong, and nobody is registered with the phone number and name.
  case noContact
  /// The document is missing or wrong, and several are registered with the phone number and name.
  case ambiguousContact

  /// The machine name.
  package var name: String {
    switch self {
    case .missingField: "missing_field"
    case .tooManyFields: "too_many_fields"
    case .badQuote: "bad_quote"
    case .unterminatedQuote: "unterminated_quote"
    case .rowTooLong: "row_too_long"
    case .badDocumentType: "bad_document_type"
    case .badKind: "bad_kind"
    case .badResult: "bad_result"
    case .badTime: "bad_time"
    case .futureTime: "future_time"
    case .badPlace: "bad_place"
    case .unregistered: "unregistered"
    case .noContact: "no_contact"
    case .ambiguousContact: "ambiguous_contact"
    }
  }

  init(_ fault: RowScanner.Fault) {
    self =
      switch fault {
      case .badQuote: .badQuote
      case .unterminatedQuote: .unterminatedQuote
      case .rowTooLong: .rowTooLong
      }
  }
}
