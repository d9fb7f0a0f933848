import RawHTTP2

/// The header block of a connection's requests, made once: the first request puts its fields into
/// the peer's dynamic table, all later ones name them by index.
struct RequestBlock: Equatable {
  /// For the first request.
  let first: [UInt8]
  /// For all requests behind it.
  let repeated: [UInt8]

  /// RFC 7541: a decoder has this much table unless it says otherwise.
  static let tableBytesDefault = 4_096

  /// `fields` in order, pseudo-header fields first; the peer keeps `tableBytesMax` of table.
  init(_ fields: [HeaderField], tableBytesMax: Int = tableBytesDefault) {
    var first: [UInt8] = []
    if tableBytesMax < Self.tableBytesDefault { first += HPACK.tableSizeUpdate(tableBytesMax) }
    let literals = fields.filter { Self.wholeIndex($0) == nil }
    let tableBytes = literals.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 32 }
    let indexes = tableBytes <= tableBytesMax
    var repeated: [UInt8] = []
    var inserted = 0
    for field in fields {
      if let index = Self.wholeIndex(field) {
        first += HPACK.indexed(index)
        repeated += HPACK.indexed(index)
        continue
      }
      let literal = Self.literal(field, indexes ? .incremental : .without)
      first += literal
      inserted += 1
      // The newest entry is 62: the first of n inserted ends up at 61 + n.
      repeated += indexes ? HPACK.indexed(62 + literals.count - inserted) : literal
    }
    self.first = first
    self.repeated = repeated
  }

  /// `content-length` that changes from request to request: left out of the table.
  static func contentLength(_ count: Int) -> [UInt8] {
    HPACK.literal(nameIndex: 28, String(count), .without)
  }

  private static func literal(_ field: HeaderField, _ indexing: HPACK.Indexing) -> [UInt8] {
    let names = HPACKDecoder.staticTable
    guard let index = names.firstIndex(where: { $0.name == field.name }) else {
      return HPACK.literal(field.name, field.value, indexing)
    }
    return HPACK.literal(nameIndex: index + 1, field.value, indexing)
  }

  /// The static entry with this name and value.
  private static func wholeIndex(_ field: HeaderField) -> Int? {
    HPACKDecoder.staticTable.firstIndex { $0 == field && !$0.value.isEmpty }.map { $0 + 1 }
  }
}
