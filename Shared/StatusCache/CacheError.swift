/// Why a status cache refuses; the text is for the operator.
package struct CacheError: Error, Equatable, CustomStringConvertible {
  /// The kinds of refusal; each says what to do about it.
  package enum Code: String, Sendable {
    /// The directory holds another region's cache: use another directory.
    case foreignRegion = "foreign_region"
    /// The directory holds a cache of another format: empty it, it is rebuilt.
    case foreignFormat = "foreign_format"
    /// A page's checksum is wrong: empty the directory, it is rebuilt.
    case damagedPage = "damaged_page"
    /// A change or segment does not follow what is applied; nothing was changed.
    case outOfOrder = "out_of_order"
    /// A change of a holder far beyond all others; nothing was changed.
    case strangeSerial = "strange_serial"
    /// A snapshot's page that does not belong to it, or one that is missing.
    case strangePage = "strange_page"
  }

  package let code: Code
  package let detail: String

  package init(code: Code, detail: String) {
    self.code = code
    self.detail = detail
  }

  package var description: String { "\(detail) [\(code.rawValue)]" }

  package static func == (left: CacheError, right: CacheError) -> Bool { left.code == right.code }
}
