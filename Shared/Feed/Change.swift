package import Codes

/// One entry of the change log: the status a holder has from now on, and who ordered it. The
/// reason is in the status.
package struct Change: Equatable, Sendable {
  /// The bound of `actor`, `authority` and `ticket`, each.
  package static let textByteCountMax = 64
  /// The longest encoding.
  package static let byteCountMax = 20 + 3 * textByteCountMax
  /// The shortest encoding.
  package static let byteCountMin = 20

  package let serial: Serial
  package let status: Status
  package let time: CityTime
  /// Who ordered the change.
  package let actor: String
  /// By which authority.
  package let authority: String
  /// Under which ticket.
  package let ticket: String

  /// `nil` for a status that is not well formed and for a text that is longer than 64 bytes or
  /// holds control characters.
  package init?(
    serial: Serial, status: Status, time: CityTime, actor: String, authority: String,
    ticket: String
  ) {
    guard status.isWellFormed, Change.fits(actor), Change.fits(authority), Change.fits(ticket)
    else { return nil }
    self.serial = serial
    self.status = status
    self.time = time
    self.actor = actor
    self.authority = authority
    self.ticket = ticket
  }

  /// Whether `text` may stand in a change.
  package static func fits(_ text: String) -> Bool {
    text.utf8.count <= textByteCountMax && isPlain(text)
  }

  /// No control characters: these texts reach logs and terminals.
  static func isPlain(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
  }

  /// Appends serial 5, status 8, time 4, then the three texts, each after a byte of length.
  package func encode(into output: inout [UInt8]) {
    output.appendBigEndian(serial.value, byteCount: 5)
    output.appendBigEndian(status.bits)
    output.appendBigEndian(time.seconds)
    for text in [actor, authority, ticket] {
      output.append(UInt8(text.utf8.count))
      output.append(contentsOf: text.utf8)
    }
  }

  /// Reads a change that was stored alone; `nil` for anything that `encode` did not write.
  package init?(_ encoded: Span<UInt8>) {
    var cursor = FeedCursor()
    guard let change = Change.decode(encoded, &cursor), cursor.offset == encoded.count
    else { return nil }
    self = change
  }

  static func decode(_ bytes: Span<UInt8>, _ cursor: inout FeedCursor) -> Change? {
    guard let serial = cursor.number(bytes, byteCount: 5).flatMap({ Serial($0) }),
      let bits = cursor.uint64(bytes),
      let seconds = cursor.uint32(bytes),
      let actor = cursor.text(bytes, byteCountMax: textByteCountMax),
      let authority = cursor.text(bytes, byteCountMax: textByteCountMax),
      let ticket = cursor.text(bytes, byteCountMax: textByteCountMax)
    else { return nil }
    return Change(
      serial: serial, status: Status(bits: bits), time: CityTime(seconds: seconds),
      actor: actor, authority: authority, ticket: ticket)
  }
}
