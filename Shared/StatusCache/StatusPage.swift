package import Codes
import Storage

/// One page of statuses: 4,080 bytes, which with LMDB's own 16 fill one overflow page.
///
/// | bytes | field |
/// |---|---|
/// | 0–1 | format, 1 (little-endian, as everything here) |
/// | 2–3 | zero |
/// | 4–7 | CRC-32C of bytes 8...4079 |
/// | 8–15 | version: log position of the page's last change |
/// | 16– | 508 statuses of 8 bytes |
package struct StatusPage: Sendable, Equatable {
  package static let byteCount = 4_080
  package static let headerByteCount = 16
  /// Statuses in one page.
  package static let statusCount = 508

  package private(set) var bytes: [UInt8]

  /// A page of holders that do not exist.
  package init() { bytes = [UInt8](repeating: 0, count: Self.byteCount) }

  /// Copies a stored page; `nil` if its format or checksum is wrong.
  package init?(checking stored: Span<UInt8>) {
    guard Self.isIntact(stored) else { return nil }
    bytes = [UInt8](copying: stored)
  }

  /// Whether format and checksum of a stored page are right.
  package static func isIntact(_ stored: Span<UInt8>) -> Bool {
    guard stored.count == byteCount, stored[0] == 1, stored[1] == 0 else { return false }
    let head = stored.littleEndianWord(at: 0)
    return UInt32(head >> 32) == CRC32C.checksum(stored.extracting(8...))
  }

  /// The log position of the last change, of a stored page.
  package static func version(_ stored: Span<UInt8>) -> UInt64 { stored.littleEndianWord(at: 8) }

  /// Where in a page the status at `slot` begins.
  @inline(__always)
  static func offset(ofSlot slot: Int) -> Int { headerByteCount + 8 * slot }

  /// The status at `slot` of a stored page.
  @inline(__always)
  package static func status(_ stored: Span<UInt8>, slot: Int) -> Status {
    Status(bits: stored.littleEndianWord(at: offset(ofSlot: slot)))
  }

  package subscript(slot: Int) -> Status {
    get { Self.status(bytes.span, slot: slot) }
    set {
      var span = bytes.mutableSpan
      span.setLittleEndianWord(newValue.bits, at: Self.offset(ofSlot: slot))
    }
  }

  /// Writes version and checksum; the page can be stored.
  package mutating func seal(version: UInt64) {
    var span = bytes.mutableSpan
    Self.seal(&span, at: 0, version: version)
  }

  /// Writes the header of the page that lies at `offset` of `pages`.
  package static func seal(_ pages: inout MutableSpan<UInt8>, at offset: Int, version: UInt64) {
    pages.setLittleEndianWord(version, at: offset + 8)
    let checksum = CRC32C.checksum(pages.span.extracting(offset + 8..<offset + byteCount))
    pages.setLittleEndianWord(UInt64(checksum) << 32 | 1, at: offset)
  }
}

extension Serial {
  /// The page that holds this holder's status.
  package var page: UInt32 { UInt32(value / UInt64(StatusPage.statusCount)) }

  /// The place on that page.
  package var slot: Int { Int(value % UInt64(StatusPage.statusCount)) }
}
