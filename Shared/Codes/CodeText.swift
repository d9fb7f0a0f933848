/// The text of a QR: base32 of a code, bare or as the last path segment of a URL.
package enum CodeText {
  /// Longer texts are refused unread: the longest code needs a fraction of it.
  package static let byteCountMax = 512

  /// Appends the code's bytes. Takes what follows the last `/`, up to `?` or `#`, in either case,
  /// and skips the blanks, tabs, CR and LF that hand-held scanners and copied text bring. Appends
  /// nothing and returns `false` when nothing is left or it is not base32.
  package static func decode(_ text: Span<UInt8>, into output: inout [UInt8]) -> Bool {
    guard text.count <= byteCountMax else { return false }
    var start = 0
    var end = text.count
    var blankCount = 0
    var index = 0
    scan: while index < text.count {
      switch text[index] {
      case 0x2F:
        start = index + 1
        blankCount = 0
      case 0x3F, 0x23:
        end = index
        break scan
      case 0x20, 0x09, 0x0D, 0x0A:
        blankCount += 1
      default:
        break
      }
      index += 1
    }
    guard end - start > blankCount else { return false }
    if blankCount == 0 { return Base32.decode(text.extracting(start..<end), into: &output) }
    return decodeSkippingBlanks(text.extracting(start..<end), into: &output)
  }

  /// The slower road: copies what is not blank first, on the stack.
  private static func decodeSkippingBlanks(
    _ segment: Span<UInt8>, into output: inout [UInt8]
  ) -> Bool {
    var kept = InlineArray<512, UInt8>(repeating: 0)
    var count = 0
    for index in segment.indices {
      switch segment[index] {
      case 0x20, 0x09, 0x0D, 0x0A: continue
      default:
        kept[count] = segment[index]
        count += 1
      }
    }
    return Base32.decode(kept.span.extracting(0..<count), into: &output)
  }

  /// The text for a QR: base32 of `code` behind `prefix`, such as `HTTPS://CODE.EXAMPLE/C/`.
  package static func encode(_ code: Span<UInt8>, prefix: String? = nil) -> String {
    var text: [UInt8] = []
    if let prefix { text.append(contentsOf: prefix.utf8) }
    Base32.encode(code, into: &text)
    return String(decoding: text, as: UTF8.self)
  }
}
