import RawHTTP2

/// Reads the header blocks of answers on one connection. Blocks repeat: as long as the dynamic
/// table stands still, the same bytes mean the same, so a block seen before is not decoded again.
struct AnswerHeads {
  /// What of an answer's head matters here.
  struct Head: Equatable {
    var status: UInt16 = 0
    var hasRetryAfter = false
  }

  private struct Known {
    /// The decoder's count of table changes under which this holds; -1 for an empty place.
    var tableChangeCount = -1
    var byteCount = 0
    var head = Head()
  }

  private static let knownMax = 64
  private static let knownBytesMax = 128

  private var decoder = HPACKDecoder()
  private var known = [Known](repeating: Known(), count: knownMax)
  private var bytesOfKnown = [UInt8](repeating: 0, count: knownMax * knownBytesMax)
  /// How many blocks were decoded in full.
  private(set) var decodedCount = 0

  /// The head that a whole block spells. Blocks must come in the connection's order.
  mutating func read(_ block: Span<UInt8>) throws(HPACKDecoder.Fault) -> Head {
    guard 1...Self.knownBytesMax ~= block.count else { return try decode(block) }
    let place = Self.place(of: block)
    if known[place].tableChangeCount == decoder.tableChangeCount,
      known[place].byteCount == block.count, isEqual(block, at: place)
    {
      return known[place].head
    }
    let before = decoder.tableChangeCount
    let head = try decode(block)
    if decoder.tableChangeCount == before {
      known[place] = Known(tableChangeCount: before, byteCount: block.count, head: head)
      for index in 0..<block.count {
        bytesOfKnown[place * Self.knownBytesMax + index] = block[index]
      }
    }
    return head
  }

  private static func place(of block: Span<UInt8>) -> Int {
    var hash = UInt64(block.count)
    var index = 0
    while index &+ 8 <= block.count {
      hash = (hash ^ block.word(at: index)) &* 0x9E37_79B9_7F4A_7C15
      index &+= 8
    }
    while index < block.count {
      hash = (hash ^ UInt64(block[index])) &* 0x9E37_79B9_7F4A_7C15
      index &+= 1
    }
    return Int(((hash ^ (hash >> 29)) &* 0x9E37_79B9_7F4A_7C15) >> 58)
  }

  private func isEqual(_ block: Span<UInt8>, at place: Int) -> Bool {
    let bytes = bytesOfKnown
    let stored = bytes.span
    let start = place &* Self.knownBytesMax
    var index = 0
    while index &+ 8 <= block.count {
      if block.word(at: index) != stored.word(at: start &+ index) { return false }
      index &+= 8
    }
    while index < block.count {
      if block[index] != stored[start &+ index] { return false }
      index &+= 1
    }
    return true
  }

  private mutating func decode(_ block: Span<UInt8>) throws(HPACKDecoder.Fault) -> Head {
    decodedCount += 1
    var head = Head()
    for field in try decoder.decode([UInt8](copying: block)) {
      if field.name == ":status" { head.status = UInt16(field.value) ?? 0 }
      if field.name == "retry-after" { head.hasRetryAfter = true }
    }
    return head
  }
}

extension [UInt8] {
  /// The bytes of a span.
  init(copying span: Span<UInt8>) {
    self = []
    reserveCapacity(span.count)
    for index in 0..<span.count { append(span[index]) }
  }
}
