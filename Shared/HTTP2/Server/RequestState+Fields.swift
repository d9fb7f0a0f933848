extension RequestState {
  /// Puts a field where it belongs: the ones every service reads have a buffer of their own.
  mutating func store(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
    // The buffers are the library's and live until the callback returns.
    let key = unsafe Span(_unsafeElements: name)
    switch name.count {
    case 5 where key.equals(":path"):
      unsafe path.set(value)
    case 6 where key.equals("accept") && accept.isEmpty:
      unsafe accept.set(value)
    case 7 where key.equals(":method"):
      method = Method(unsafe Span(_unsafeElements: value))
    case 7 where key.equals(":scheme"):
      break
    case 10 where key.equals(":authority"):
      unsafe authority.set(value)
    case 12 where key.equals("content-type") && contentType.isEmpty:
      unsafe contentType.set(value)
    case 13 where key.equals("authorization") && authorization.isEmpty:
      unsafe authorization.set(value)
    case 14 where key.equals("content-length"):
      contentLength = unsafe Self.decimal(Span(_unsafeElements: value))
    case 4 where key.equals("host") && authority.isEmpty:
      unsafe authority.set(value)
    default:
      unsafe fields.append(name: name, value: value)
    }
  }

  /// A `content-length`, which the library has checked to be digits; huge ones saturate.
  private static func decimal(_ text: Span<UInt8>) -> Int {
    var number = 0
    for index in 0..<text.count {
      guard number < 1 << 48 else { return .max }
      number = number * 10 + Int(text[index] &- 48)
    }
    return number
  }
}
