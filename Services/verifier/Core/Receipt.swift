package import Codes

/// The lasting name of one scan, ordered by time.
///
/// | bytes | field |
/// |---|---|
/// | 0–5 | milliseconds since 2020-01-01T00:00Z |
/// | 6–9 | the verifier process, drawn at random when it starts |
/// | 10 | its event loop |
/// | 11–15 | counter of that loop |
package struct Receipt: Hashable, Sendable, Comparable {
  package let bytes: Bytes16

  package init(_ bytes: Bytes16) { self.bytes = bytes }

  /// Reads the 26 base32 characters of `text`.
  package init?(text: some StringProtocol) {
    guard let decoded = Base32.bytes(of: text), decoded.count == 16 else { return nil }
    bytes = Bytes16(decoded.span)
  }

  package var text: String { Base32.text(of: bytes.bytes.span) }

  /// The bytes that name process and loop: receipts of one stream share them.
  package var stream: [UInt8] { Array(bytes.bytes[6...10]) }

  package static func < (left: Receipt, right: Receipt) -> Bool {
    left.bytes.bytes.lexicographicallyPrecedes(right.bytes.bytes)
  }
}

/// Makes the receipts of one event loop: strictly rising, whatever the wall clock does.
package struct ReceiptSource {
  private let process: UInt32
  private let loop: UInt8
  private var counter: UInt64 = 0
  private var lastMilliseconds: UInt64 = 0

  package init(process: UInt32, loop: UInt8) {
    self.process = process
    self.loop = loop
  }

  /// Appends the next receipt's 16 bytes.
  package mutating func appendNext(at now: Instant, to bytes: inout [UInt8]) {
    lastMilliseconds = max(lastMilliseconds, now.milliseconds)
    counter += 1
    bytes.appendBigEndian(lastMilliseconds, byteCount: 6)
    bytes.appendBigEndian(process)
    bytes.append(loop)
    bytes.appendBigEndian(counter, byteCount: 5)
  }
}
