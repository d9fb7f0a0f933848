/// The text of a JSON object that may come again with another value of one string member.
///
/// Machines write the same object time after time and change one text in it, such as the code of
/// a scan. What was parsed and found right once need not be parsed again: the octets before and
/// behind that text are compared, and the text itself must be free of anything JSON gives a
/// meaning.
package struct RepeatedObject: Sendable {
  private let prefix: [UInt8]
  private let suffix: [UInt8]

  /// Remembers `body`, which was parsed as one object of strings, `value` being that of `member`.
  /// `nil` where the member's text cannot be told from the rest for certain.
  package init?(_ body: [UInt8], varying member: String, value: String) {
    let text = Array(value.utf8)
    guard !text.isEmpty, Self.isPlain(text.span, 0..<text.count),
      !body.contains(UInt8(ascii: "\\"))
    else { return nil }
    // Without a backslash every quote begins or ends a string, so this can only be the member.
    let name = Array("\"\(member)\"".utf8)
    guard let nameStart = Self.find(name, in: body, from: 0) else { return nil }
    var start = nameStart + name.count
    var colons = 0
    while start < body.count, body[start] != UInt8(ascii: "\"") {
      if body[start] == UInt8(ascii: ":") { colons += 1 }
      start += 1
    }
    let end = start + 1 + text.count
    guard colons == 1, end < body.count, Array(body[(start + 1)..<end]) == text,
      body[end] == UInt8(ascii: "\"")
    else { return nil }
    prefix = Array(body[...start])
    suffix = Array(body[end...])
  }

  /// Where the member's text stands in `body`, if nothing else differs.
  package func value(in body: Span<UInt8>) -> Range<Int>? {
    guard body.count > prefix.count + suffix.count else { return nil }
    let range = prefix.count..<(body.count - suffix.count)
    for index in 0..<prefix.count where body[index] != prefix[index] { return nil }
    let end = range.upperBound
    for index in 0..<suffix.count where body[end + index] != suffix[index] { return nil }
    return Self.isPlain(body, range) ? range : nil
  }

  /// Printable ASCII without quote and backslash.
  private static func isPlain(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
    var isPlain = true
    for index in range {
      let byte = text[index]
      isPlain = isPlain && 0x20...0x7E ~= byte && byte != 0x22 && byte != 0x5C
    }
    return isPlain
  }

  private static func find(_ text: [UInt8], in body: [UInt8], from start: Int) -> Int? {
    guard body.count >= text.count else { return nil }
    return (start...(body.count - text.count)).first {
      body[$0..<($0 + text.count)].elementsEqual(text)
    }
  }
}
