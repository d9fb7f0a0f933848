/// The text of a QR: base32 of a code, bare or as the last path segment of a URL.
package enum CodeText {
  /// Longer texts are refused unread: the longest code needs a fraction of it.
  package static let byteCountMax = 512

  /// Appends the code's bytes. Takes what follows the last `/`, up to `?` or `#`, in either case,
  /// and skips the blanks, tabs, CR and LF that hand-held scanners and copied text bring. Appends
  /// nothing and returns `false` when nothing is left or it is not base32.
  package static func decode(_ text: Span<UInt8>, into output: inout [UInt8]) -> Bool {
    guard text.count <= byteCountMax else { return false }
    // The everyday text has nothing to cut or skip: what follows its last "/" decodes as it is.
    var start = text.count
    while start > 0, text[start - 1] != 0x2F { start -= 1 }
    if start < text.count, !hasCut(text, before: start),
      Base32.decode(text.extracting(start..<text.count), into: &output)
    {
      return true
    }
    return decodeSkipping(text, into: &output)
  }

  /// Whether a `?` or `#` stands before `end`: then what follows the last `/` is not the path's.
  private static func hasCut(_ text: Span<UInt8>, before end: Int) -> Bool {
    for index in 0..<end where text[index] == 0x3F || text[index] == 0x23 { return true }
    return false
  }

  /// The slower road: copies, on the stack, what is neither cut nor blank.
  private static func decodeSkipping(_ text: Span<UInt8>, into output: inout [UInt8]) -> Bool {
    var kept = InlineArray<512, UInt8>(repeating: 0)
    var count = 0
    scan: for index in text.indices {
      switch text[index] {
      case 0x3F, 0x23: break scan
      case 0x2F: count = 0
      case 0x20, 0x09, 0x0D, 0x0A: continue
      default:
        kept[count] = text[index]
        count += 1
      }
    }
    guard count > 0 else { return false }
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
