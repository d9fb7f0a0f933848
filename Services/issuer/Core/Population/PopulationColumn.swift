import Codes

/// The columns of a population file, in the order in which samples are written. Files may have
/// them in any order.
package enum PopulationColumn: Int, CaseIterable, Sendable {
  case documentType
  case documentNumber
  case kind
  case name
  case phone
  case guardianType
  case guardianNumber

  /// The name in the header.
  package var name: String {
    switch self {
    case .documentType: "document_type"
    case .documentNumber: "document_number"
    case .kind: "kind"
    case .name: "name"
    case .phone: "phone"
    case .guardianType: "guardian_type"
    case .guardianNumber: "guardian_number"
    }
  }

  /// The header of a sample: all names in order.
  package static var header: String { allCases.map(\.name).joined(separator: ",") }

  /// How many columns there are.
  static let count = 7
}

/// Where each column stands in the rows of one file.
struct PopulationHeader {
  /// Field index by the column's raw value.
  private var indices = InlineArray<7, Int>(repeating: -1)

  /// Which field of a row is `column`.
  subscript(column: PopulationColumn) -> Int { indices[column.rawValue] }

  /// Reads the names in `fields` of `bytes`.
  init(_ bytes: Span<UInt8>, fields: [Range<Int>], line: Int) throws(PopulationError) {
    for (index, field) in fields.enumerated() {
      let name = bytes.extracting(trimmed(bytes, field))
      guard let column = PopulationColumn.allCases.first(where: { name.spells($0.name) }) else {
        throw PopulationHeader.error(
          .unknownColumn, line, "there is no column \(PopulationHeader.quoted(name))")
      }
      guard indices[column.rawValue] < 0 else {
        throw PopulationHeader.error(
          .duplicateColumn, line, "the column \"\(column.name)\" stands twice")
      }
      indices[column.rawValue] = index
    }
    for column in PopulationColumn.allCases where indices[column.rawValue] < 0 {
      throw PopulationHeader.error(
        .missingColumn, line, "the column \"\(column.name)\" is missing")
    }
  }

  private static func error(
    _ code: PopulationError.Code, _ line: Int, _ text: String
  ) -> PopulationError {
    PopulationError(
      code: code, line: line,
      text: "\(text); the header must name, in any order: \(PopulationColumn.header)")
  }

  /// At most 40 bytes of a name that may be anything, fit for a terminal.
  private static func quoted(_ name: Span<UInt8>) -> String {
    var shown: [UInt8] = []
    for index in 0..<min(name.count, 40) {
      shown.append(name[index] < 0x20 || name[index] == 0x7F ? 0x3F : name[index])
    }
    return "\"\(String(decoding: shown, as: UTF8.self))\(name.count > 40 ? "..." : "")\""
  }
}

private func trimmed(_ bytes: Span<UInt8>, _ field: Range<Int>) -> Range<Int> {
  var start = field.lowerBound
  var end = field.upperBound
  while start < end, bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
  while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
  return start..<end
}
