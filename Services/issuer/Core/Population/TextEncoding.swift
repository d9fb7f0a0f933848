/// Looks at bytes that should be UTF-8 and are not.
enum TextEncoding {
  /// Whether `bytes` are valid UTF-8.
  static func isUTF8(_ bytes: Span<UInt8>) -> Bool {
    (try? UTF8Span(validating: bytes)) != nil
  }

  /// Whether all of `bytes` that is not ASCII has the form of GB 18030, which holds GBK and
  /// GB 2312: two bytes, the second of 0x40–0x7E or 0x80–0xFE, or four, digits in between.
  static func looksLikeGB18030(_ bytes: Span<UInt8>) -> Bool {
    var index = 0
    while index < bytes.count {
      if bytes[index] < 0x80 {
        index += 1
        continue
      }
      guard 0x81...0xFE ~= bytes[index], index + 1 < bytes.count else { return false }
      switch bytes[index + 1] {
      case 0x40...0x7E, 0x80...0xFE:
        index += 2
      case 0x30...0x39:
        guard index + 3 < bytes.count, 0x81...0xFE ~= bytes[index + 2],
          0x30...0x39 ~= bytes[index + 3]
        else { return false }
        index += 4
      default:
        return false
      }
    }
    return true
  }

  /// Whether `bytes` begin with the byte order mark of UTF-16.
  static func startsLikeUTF16(_ bytes: Span<UInt8>) -> Bool {
    bytes.count >= 2
      && (bytes[0] == 0xFF && bytes[1] == 0xFE || bytes[0] == 0xFE && bytes[1] == 0xFF)
  }
}
