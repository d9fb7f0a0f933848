package import Codes
import Security

/// The secrets of a region in the order in which they take effect: an epoch's key comes from the
/// last secret whose first epoch is not after it.
///
/// The file is 64 hexadecimal digits, as `issuer keys` makes it, or what `issuer keys rotate`
/// makes of that:
///
/// ```
/// citycode-region-secret 1
/// handles 8f0e...      the key of handles: it outlives the secret it was derived from
/// from 0 77a1...
/// from 60519 c0de...   the keys of this epoch and all after it
/// ```
///
/// A new secret begins with an epoch for which nobody can have a code or a key yet: the issuer
/// makes codes up to `IssueTerms.horizonSeconds` ahead and gives verifiers keys as far ahead as
/// they may have to go on alone. So no code dies of a rotation, and no verifier that is cut off
/// has a wrong key. The old secret goes from the file once the last code made under it is over.
package struct SecretSchedule: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
  private struct Entry: Sendable, Equatable {
    let from: KeyEpoch
    let secret: [UInt8]
  }

  private let region: Region
  /// The key of the cipher that turns serials into handles.
  package let handleKey: [UInt8]
  /// Rising; never empty.
  private let entries: [Entry]

  /// How far behind the last epoch given out a new secret begins: the running issuer has one hour
  /// at least to take the file over.
  private static let noticeHours: UInt32 = 2
  private static let entriesMax = 64
  private static let title = "citycode-region-secret 1"

  /// One secret of 32 bytes for all epochs.
  package init(region: Region, secret: [UInt8]) {
    precondition(secret.count == 32, "secrets have 32 bytes")
    self.region = region
    entries = [Entry(from: KeyEpoch(number: 0), secret: secret)]
    handleKey = Self.derive(from: secret, region, "handle key", [])
  }

  private init(region: Region, handleKey: [UInt8], entries: [Entry]) {
    self.region = region
    self.handleKey = handleKey
    self.entries = entries
  }

  /// Never a secret.
  package var description: String { "\(entries.count) secrets of region \(region)" }
  /// Nor in a dump.
  package var customMirror: Mirror { Mirror(self, children: []) }

  // MARK: Keys

  private static func derive(
    from secret: [UInt8], _ region: Region, _ purpose: String, _ context: [UInt8]
  ) -> [UInt8] {
    let salt = Array("citycode v1 \(region)".utf8)
    let info = Array(purpose.utf8) + context
    return HKDF.derive(secret: secret.span, salt: salt.span, info: info.span, byteCount: 32)
  }

  /// Before the first epoch there is, where only a clock that was set back can be, the first
  /// secret holds.
  private func secret(of epoch: KeyEpoch) -> [UInt8] {
    (entries.last { $0.from <= epoch } ?? entries[0]).secret
  }

  /// The AES-256 key that seals the codes of one hour.
  package func key(of epoch: KeyEpoch) -> [UInt8] {
    var context: [UInt8] = []
    context.appendBigEndian(epoch.number)
    return Self.derive(from: secret(of: epoch), region, "epoch key ", context)
  }

  // MARK: Rotation

  /// The last epoch of which somebody may have a code or a key at `now`, when verifiers get the
  /// keys of so many hours in advance.
  package static func lastGiven(at now: CityTime, hoursAhead: Int) -> KeyEpoch {
    let codes = UInt32(IssueTerms.horizonSeconds) / KeyEpoch.lengthSeconds
    return KeyEpoch(number: KeyEpoch(at: now).number + max(codes, UInt32(hoursAhead)))
  }

  /// The epoch with which a secret made at `now` begins.
  package static func nextStart(at now: CityTime, hoursAhead: Int) -> KeyEpoch {
    KeyEpoch(number: lastGiven(at: now, hoursAhead: hoursAhead).number + noticeHours)
  }

  /// This schedule with a further secret from `start` on. One that was to begin then or later,
  /// which nobody has used, makes room for it; one whose codes are all over at `now` is dropped.
  package func adding(_ secret: [UInt8], from start: KeyEpoch, at now: CityTime) -> SecretSchedule {
    precondition(secret.count == 32, "secrets have 32 bytes")
    var kept = entries.filter { $0.from < start } + [Entry(from: start, secret: secret)]
    // Two epochs back a code may still be in its life; one more is for clocks that differ.
    let oldest = KeyEpoch(number: max(KeyEpoch(at: now).number, 3) - 3)
    while kept.count > 1, kept[1].from <= oldest { kept.removeFirst() }
    return SecretSchedule(region: region, handleKey: handleKey, entries: kept)
  }

  /// The first epoch whose key is another than in `earlier`, of those that somebody may have a
  /// code or a key of at `now`; `nil` if there is none and this schedule may take its place.
  package func conflict(
    with earlier: SecretSchedule, at now: CityTime, hoursAhead: Int
  ) -> KeyEpoch? {
    let first = max(KeyEpoch(at: now).number, 2) - 2
    let last = Self.lastGiven(at: now, hoursAhead: hoursAhead).number
    return (first...last).lazy.map { KeyEpoch(number: $0) }
      .first { secret(of: $0) != earlier.secret(of: $0) }
  }

  /// How many secrets there are, and with which epoch the last of them begins.
  package var count: Int { entries.count }
  /// The first epoch of the last secret.
  package var lastStart: KeyEpoch { entries[entries.count - 1].from }

  // MARK: The file

  /// Reads either form; `nil` if anything in it is not as described.
  package init?(_ bytes: [UInt8], region: Region) {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    let lines = text.split(whereSeparator: \.isNewline).map { $0.split(separator: " ") }
    guard lines.first?.joined(separator: " ") == Self.title else {
      guard let secret = Self.bytes32(text.filter { !$0.isWhitespace }) else { return nil }
      self.init(region: region, secret: secret)
      return
    }
    guard 3...(Self.entriesMax + 2) ~= lines.count, lines[1].count == 2, lines[1][0] == "handles",
      let handleKey = Self.bytes32(lines[1][1])
    else { return nil }
    var entries: [Entry] = []
    for line in lines.dropFirst(2) {
      guard line.count == 3, line[0] == "from", let number = UInt32(line[1]),
        let secret = Self.bytes32(line[2])
      else { return nil }
      let from = KeyEpoch(number: number)
      if let last = entries.last, last.from >= from { return nil }
      entries.append(Entry(from: from, secret: secret))
    }
    self.init(region: region, handleKey: handleKey, entries: entries)
  }

  private static func bytes32(_ digits: some StringProtocol) -> [UInt8]? {
    guard let bytes = Hexadecimal.bytes(of: digits), bytes.count == 32 else { return nil }
    return bytes
  }

  /// The second form.
  package var bytes: [UInt8] {
    var text = "\(Self.title)\nhandles \(Hexadecimal.text(of: handleKey.span))\n"
    for entry in entries {
      text += "from \(entry.from.number) \(Hexadecimal.text(of: entry.secret.span))\n"
    }
    return Array(text.utf8)
  }
}
