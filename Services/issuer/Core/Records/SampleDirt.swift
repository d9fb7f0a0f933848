/// What can be wrong with a row of a sample. A row has one of these at most.
package enum SampleDirt: String, CaseIterable, Sendable {
  /// Blanks around the document's number or between its parts; U+3000 among them.
  case blanks
  case fullWidth = "full_width_digits"
  case fifteenDigits = "fifteen_digits"
  case wrongCheckDigit = "wrong_check_digit"
  case documentMissing = "document_missing"
  case nameSwapped = "name_and_number_swapped"
  case phoneSwapped = "phone_and_number_swapped"
  case secondTimeForm = "second_time_format"
  case thirdTimeForm = "third_time_format"
  case impossibleTime = "impossible_time"
  case future
  case unknownOutcome = "unknown_result"
  case unknownType = "unknown_document_type"
  case cutShort = "cut_short"
  case unregistered
  case repeated = "repeated_in_file"
  case repeatedAcross = "repeated_across_files"
  /// The same person and time as an earlier row, but another result.
  case contradicting

  /// Of 10,000 rows of a source.
  package var share: UInt64 {
    switch self {
    case .blanks, .repeatedAcross: 100
    case .fullWidth, .contradicting: 30
    case .fifteenDigits: 50
    case .wrongCheckDigit: 40
    case .documentMissing: 60
    case .nameSwapped, .phoneSwapped, .impossibleTime, .future, .cutShort: 10
    case .secondTimeForm: 500
    case .thirdTimeForm, .unregistered: 200
    case .unknownOutcome, .unknownType: 5
    case .repeated: 150
    }
  }

  /// By 65,536ths of all rows: what the low 16 bits of a random number choose.
  static let chosen: [SampleDirt?] = {
    var chosen: [SampleDirt?] = Array(repeating: nil, count: 1 << 16)
    var next = 0
    for dirt in allCases {
      let count = Int((dirt.share * 65_536 + 5_000) / 10_000)
      for index in next..<next + count { chosen[index] = dirt }
      next += count
    }
    return chosen
  }()
}
