/// One row of a sample population, as `issuer sample` writes it.
package struct Person: Sendable {
  package struct Document: Sendable, Equatable {
    package let type: String
    package let number: String
  }

  package let document: Document
  /// "resident", "visitor", "dependant" or "organisation".
  package let kind: String
  /// Of a dependant.
  package let guardian: Document?

  /// The rows of `csv`. The columns that count stand before the name, which may hold anything,
  /// and after the phone number.
  package static func rows(_ csv: String) throws(WorldError) -> [Person] {
    let lines = csv.split(separator: "\n")
    guard lines.first?.hasPrefix("document_type,document_number,kind,") == true else {
      throw WorldError("`issuer sample` wrote another header: \(lines.first ?? "nothing")")
    }
    return lines.dropFirst().map { line in
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      let guardian = fields.suffix(2)
      return Person(
        document: Document(type: fields[0], number: fields[1]), kind: fields[2],
        guardian: guardian.first?.isEmpty == false
          ? Document(type: guardian.first!, number: guardian.last!) : nil)
    }
  }
}
