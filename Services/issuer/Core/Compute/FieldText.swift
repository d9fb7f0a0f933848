/// What is done to the text of a field before it is looked at.
enum FieldText {
  /// Without the blanks (space, tab, U+3000) around it.
  @inline(__always)
  static func trimmed(_ bytes: Span<UInt8>, _ field: Range<Int>) -> Range<Int> {
    guard !field.isEmpty else { return field }
    let first = bytes[field.lowerBound]
    let last = bytes[field.upperBound - 1]
    if first > 0x20, first != 0xE3, last > 0x20, last != 0x80 { return field }
    return reallyTrimmed(bytes, field)
  }

  private static func reallyTrimmed(_ bytes: Span<UInt8>, _ field: Range<Int>) -> Range<Int> {
    var start = field.lowerBound
    var end = field.upperBound
    while start < end {
      if bytes[start] == 0x20 || bytes[start] == 0x09 {
        start += 1
      } else if end - start >= 3, isWideBlank(bytes, start) {
        start += 3
      } else {
        break
      }
    }
    while start < end {
      if bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 {
        end -= 1
      } else if end - start >= 3, isWideBlank(bytes, end - 3) {
        end -= 3
      } else {
        break
      }
    }
    return start..<end
  }

  private static func isWideBlank(_ bytes: Span<UInt8>, _ place: Int) -> Bool {
    bytes[place] == 0xE3 && bytes[place + 1] == 0x80 && bytes[place + 2] == 0x80
  }

  /// Appends a number as it is meant: without any blanks, full-width characters as ASCII, letters
  /// in upper case. At most `limit` bytes, one more than any number has.
  static func appendNumber(
    _ bytes: Span<UInt8>, _ field: Range<Int>, limit: Int, to output: inout [UInt8]
  ) {
    output.append(addingCapacity: limit) { output in
      var place = field.lowerBound
      let end = field.upperBound
      while place < end, output.count < limit {
        var byte = bytes[place]
        place += 1
        if byte == 0x20 || byte == 0x09 { continue }
        if byte == 0xE3, place + 2 <= end, isWideBlank(bytes, place - 1) {
          place += 2
          continue
        }
        if byte == 0xEF, place + 2 <= end {
          // U+FF01 to U+FF5E.
          switch (bytes[place], bytes[place + 1]) {
          case (0xBC, let third) where 0x81...0xBF ~= third:
            byte = third - 0x60
            place += 2
          case (0xBD, let third) where 0x80...0x9E ~= third:
            byte = third - 0x20
            place += 2
          default: break
          }
        }
        output.append(0x61...0x7A ~= byte ? byte - 0x20 : byte)
      }
    }
  }

  /// Whether all bytes are digits or letters in upper case, so that the number is as it is meant.
  static func isPlain(_ bytes: Span<UInt8>, _ field: Range<Int>) -> Bool {
    for index in field where !(0x30...0x39 ~= bytes[index] || 0x41...0x5A ~= bytes[index]) {
      return false
    }
    return true
  }
}
