/// Reads header blocks as a client must: static and dynamic table, Huffman strings, table size
/// updates (RFC 7541). One for each connection, because the dynamic table outlives a block.
package struct HPACKDecoder {
  /// Why a block cannot be decoded; a client must end the connection then.
  package enum Fault: Error { case index, integer, string, tableSize, truncated }

  /// Newest first; its first entry has index 62.
  private var table: [HeaderField] = []
  private var tableBytes = 0
  private var tableBytesMax: Int
  private let tableBytesLimit: Int

  private var block: ArraySlice<UInt8> = []

  /// How often a block has changed the dynamic table: as long as this stands still, the same bytes
  /// spell the same fields.
  package private(set) var tableChangeCount = 0

  package init(tableBytesMax: Int = 4_096) {
    self.tableBytesMax = tableBytesMax
    tableBytesLimit = tableBytesMax
  }

  /// The fields of one complete header block, in order.
  package mutating func decode(_ bytes: [UInt8]) throws(Fault) -> [HeaderField] {
    block = bytes[...]
    var fields: [HeaderField] = []
    while let first = block.first {
      if first & 0x80 != 0 {
        fields.append(try field(at: try integer(prefixBitCount: 7)))
      } else if first & 0x40 != 0 {
        let field = try literal(prefixBitCount: 6)
        insert(field)
        fields.append(field)
      } else if first & 0x20 != 0 {
        try resize(to: try integer(prefixBitCount: 5))
      } else {
        fields.append(try literal(prefixBitCount: 4))
      }
    }
    return fields
  }

  private mutating func literal(prefixBitCount: Int) throws(Fault) -> HeaderField {
    let index = try integer(prefixBitCount: prefixBitCount)
    let name = index == 0 ? try string() : try field(at: index).name
    return HeaderField(name, try string())
  }

  private func field(at index: Int) throws(Fault) -> HeaderField {
    guard index > 0 else { throw .index }
    if index <= Self.staticTable.count { return Self.staticTable[index - 1] }
    let position = index - Self.staticTable.count - 1
    guard position < table.count else { throw .index }
    return table[position]
  }

  private mutating func insert(_ field: HeaderField) {
    tableChangeCount += 1
    evict(until: tableBytesMax - field.byteCount)
    guard field.byteCount <= tableBytesMax else { return }
    table.insert(field, at: 0)
    tableBytes += field.byteCount
  }

  private mutating func resize(to byteCount: Int) throws(Fault) {
    tableChangeCount += 1
    guard byteCount <= tableBytesLimit else { throw .tableSize }
    tableBytesMax = byteCount
    evict(until: byteCount)
  }

  private mutating func evict(until byteCountMax: Int) {
    while tableBytes > byteCountMax, let last = table.popLast() { tableBytes -= last.byteCount }
  }

  private mutating func integer(prefixBitCount: Int) throws(Fault) -> Int {
    guard let first = block.popFirst() else { throw .truncated }
    let prefixMax = (1 << prefixBitCount) - 1
    var value = Int(first) & prefixMax
    guard value == prefixMax else { return value }
    for shift in stride(from: 0, through: 28, by: 7) {
      guard let byte = block.popFirst() else { throw .truncated }
      value += Int(byte & 0x7f) << shift
      if byte & 0x80 == 0 { return value }
    }
    throw .integer
  }

  private mutating func string() throws(Fault) -> String {
    guard let first = block.first else { throw .truncated }
    let byteCount = try integer(prefixBitCount: 7)
    guard byteCount <= block.count else { throw .truncated }
    let bytes = Array(block.prefix(byteCount))
    block = block.dropFirst(byteCount)
    guard first & 0x80 != 0 else { return String(decoding: bytes, as: UTF8.self) }
    guard let text = Huffman.decode(bytes) else { throw .string }
    return String(decoding: text, as: UTF8.self)
  }
}

extension HPACKDecoder {
  /// RFC 7541 appendix A: 61 fields, of which most have an empty value.
  package static let staticTable: [HeaderField] =
    [
      HeaderField(":authority", ""), HeaderField(":method", "GET"), HeaderField(":method", "POST"),
      HeaderField(":path", "/"), HeaderField(":path", "/index.html"),
      HeaderField(":scheme", "http"), HeaderField(":scheme", "https"),
    ]
    + ["200", "204", "206", "304", "400", "404", "500"].map { HeaderField(":status", $0) }
    + [HeaderField("accept-charset", ""), HeaderField("accept-encoding", "gzip, deflate")]
    + [
      "accept-language", "accept-ranges", "accept", "access-control-allow-origin", "age", "allow",
      "authorization", "cache-control", "content-disposition", "content-encoding",
      "content-language", "content-length", "content-location", "content-range", "content-type",
      "cookie", "date", "etag", "expect", "expires", "from", "host", "if-match",
      "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "last-modified",
      "link", "location", "max-forwards", "proxy-authenticate", "proxy-authorization", "range",
      "referer", "refresh", "retry-after", "server", "set-cookie", "strict-transport-security",
      "transfer-encoding", "user-agent", "vary", "via", "www-authenticate",
    ].map { HeaderField($0, "") }
}
