import Codes
import Security

/// A place in a span of bytes that came from outside. Every read is bounded: it returns `nil`, and
/// moves nothing, when the bytes run out, so a decoder is a chain of `guard let`.
struct FeedCursor {
  private(set) var offset: Int

  init(at offset: Int = 0) { self.offset = offset }

  mutating func number(_ bytes: Span<UInt8>, byteCount: Int) -> UInt64? {
    guard byteCount <= bytes.count - offset else { return nil }
    defer { offset += byteCount }
    return bytes.bigEndianNumber(at: offset, byteCount: byteCount)
  }

  mutating func uint32(_ bytes: Span<UInt8>) -> UInt32? {
    number(bytes, byteCount: 4).map { UInt32($0) }
  }

  mutating func uint64(_ bytes: Span<UInt8>) -> UInt64? { number(bytes, byteCount: 8) }

  mutating func byte(_ bytes: Span<UInt8>) -> UInt8? {
    number(bytes, byteCount: 1).map { UInt8($0) }
  }

  mutating func region(_ bytes: Span<UInt8>) -> Region? {
    uint32(bytes).flatMap { Region($0) }
  }

  mutating func instant(_ bytes: Span<UInt8>) -> Instant? {
    uint64(bytes).map { Instant(milliseconds: $0) }
  }

  mutating func digest(_ bytes: Span<UInt8>) -> Digest? {
    guard let range = range(bytes, byteCount: 32) else { return nil }
    return Digest(bytes.extracting(range))
  }

  /// The next `byteCount` bytes' place.
  mutating func range(_ bytes: Span<UInt8>, byteCount: Int) -> Range<Int>? {
    guard byteCount <= bytes.count - offset else { return nil }
    defer { offset += byteCount }
    return offset..<(offset + byteCount)
  }

  /// Whether the next bytes are `magic`; moves past them.
  mutating func magic(_ bytes: Span<UInt8>, _ magic: UInt32) -> Bool { uint32(bytes) == magic }

  /// A byte of length, then that many bytes of UTF-8 without control characters.
  mutating func text(_ bytes: Span<UInt8>, byteCountMax: Int) -> String? {
    guard let byteCount = byte(bytes), byteCount <= byteCountMax,
      let range = range(bytes, byteCount: Int(byteCount)),
      let valid = try? UTF8Span(validating: bytes.extracting(range))
    else { return nil }
    let text = String(copying: valid)
    return Change.isPlain(text) ? text : nil
  }
}

/// The signed forms of the feed. Each begins with its own four bytes, which are signed too: a
/// signature over one form can never pass for another.
enum FeedMagic {
  /// "CCS" 1
  static let segment: UInt32 = 0x4343_5301
  /// "CCH" 1
  static let head: UInt32 = 0x4343_4801
  /// "CCB" 1
  static let pageBatch: UInt32 = 0x4343_4201
  /// "CCM" 1
  static let manifest: UInt32 = 0x4343_4D01
  static let byteCount = 4
}

/// Ed25519 signatures at the end of what they cover.
enum FeedSignature {
  static let byteCount = 64

  /// Appends the signature over everything in `message` from `start` on.
  static func append(
    to message: inout [UInt8], from start: Int, signedBy key: SigningKey
  ) {
    let signature = key.sign(message.span.extracting(start..<message.count))
    message.append(contentsOf: signature)
  }

  /// Whether the last 64 bytes of `message` sign all before them.
  static func verifies(_ message: Span<UInt8>, key: VerifyingKey) -> Bool {
    guard message.count > byteCount else { return false }
    let end = message.count - byteCount
    return key.verify(
      signature: message.extracting(end..<message.count), of: message.extracting(0..<end))
  }
}
