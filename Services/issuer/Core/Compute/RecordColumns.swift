import Codes
package import Records

/// Where the columns that a plan names stand in one file, by its header.
package struct RecordColumns: Sendable, Equatable {
  /// Fields in each row.
  package let count: Int
  // −1: there is none.
  let documentType: Int
  let document: Int
  let name: Int
  let phone: Int
  let kind: Int
  let result: Int
  let time: Int
  let place: Int

  /// What is wrong with a header.
  package struct Fault: Error, CustomStringConvertible {
    package let description: String
  }

  /// Reads the names in the fields of the header that `scanner` has just found.
  package init(
    _ plan: SourcePlan.Columns, header bytes: Span<UInt8>, _ scanner: RowScanner
  ) throws(Fault) {
    guard scanner.fault == nil, scanner.fieldCount <= RowScanner.fieldsMax else {
      throw Fault(description: "the first line is no header")
    }
    var names: [String] = []
    for index in 0..<scanner.fieldCount {
      let field = FieldText.trimmed(bytes, scanner.field(index))
      names.append(String(decoding: [UInt8](copying: bytes.extracting(field)), as: UTF8.self))
    }
    count = names.count
    func place(_ column: String?) throws(Fault) -> Int {
      guard let column else { return -1 }
      let found = names.indices.filter { names[$0] == column }
      guard found.count == 1 else {
        let text = names.map { "\"\($0)\"" }.joined(separator: ", ")
        throw Fault(
          description: found.isEmpty
            ? "there is no column \"\(column)\"; the header has \(text)"
            : "the column \"\(column)\" stands \(found.count) times in the header")
      }
      return found[0]
    }
    documentType = try place(plan.documentType)
    document = try place(plan.document)
    name = try place(plan.name)
    phone = try place(plan.phone)
    kind = try place(plan.kind)
    result = try place(plan.result)
    time = try place(plan.time)
    self.place = try place(plan.place)
  }
}
