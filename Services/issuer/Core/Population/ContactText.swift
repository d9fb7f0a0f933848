/// Phone numbers and names in the form in which they are compared: by both together a holder is
/// found whose document is missing or wrong.
package enum ContactText {
  /// The digits of a canonical phone number.
  private static let phoneDigitCount = 11

  /// Appends the eleven digits of the mobile number `raw`, or appends nothing and returns `false`
  /// when it is none. Blanks and hyphens are dropped, as is the country's code: +86, 0086 or 86.
  package static func appendPhone(_ raw: Span<UInt8>, to output: inout [UInt8]) -> Bool {
    let start = output.count
    var isCountryMarked = false
    var index = 0
    while let character = next(raw, &index) {
      switch character {
      case 0x30...0x39: output.append(character)
      case 0x2D: continue
      case 0x2B where output.count == start && !isCountryMarked: isCountryMarked = true
      default:
        output.removeLast(output.count - start)
        return false
      }
    }
    let surplus = output.count - start - phoneDigitCount
    if surplus == 2 || surplus == 4 && !isCountryMarked {
      let isChina =
        output[start + surplus - 2] == 0x38 && output[start + surplus - 1] == 0x36
        && (surplus == 2 || output[start] == 0x30 && output[start + 1] == 0x30)
      if isChina { output.removeSubrange(start..<start + surplus) }
    } else if isCountryMarked {
      output.removeLast(output.count - start)
      return false
    }
    guard output.count - start == phoneDigitCount, output[start] == 0x31 else {
      output.removeLast(output.count - start)
      return false
    }
    return true
  }

  /// Appends the name `raw` without its blanks, ASCII letters in upper case and full-width ones as
  /// ASCII; returns whether anything is left.
  package static func appendName(_ raw: Span<UInt8>, to output: inout [UInt8]) -> Bool {
    let start = output.count
    var index = 0
    while let character = next(raw, &index) {
      output.append(0x61...0x7A ~= character ? character - 0x20 : character)
    }
    return output.count > start
  }

  /// The next byte at or behind `index` that is not part of a blank (space, tab, U+3000); a
  /// character of U+FF01 to U+FF5E becomes its ASCII form.
  private static func next(_ raw: Span<UInt8>, _ index: inout Int) -> UInt8? {
    while index < raw.count {
      let byte = raw[index]
      index += 1
      if byte < 0x80 {
        if byte == 0x20 || byte == 0x09 { continue }
        return byte
      }
      guard byte == 0xE3 || byte == 0xEF, index + 1 < raw.count else { return byte }
      let (second, third) = (raw[index], raw[index + 1])
      switch (byte, second, third) {
      case (0xE3, 0x80, 0x80):
        index += 2
      case (0xEF, 0xBC, 0x81...0xBF):
        index += 2
        return third - 0x60
      case (0xEF, 0xBD, 0x80...0x9E):
        index += 2
        return third - 0x20
      default:
        return byte
      }
    }
    return nil
  }
}
