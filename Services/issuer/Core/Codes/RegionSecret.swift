package import Codes
package import Feed
package import Security

/// What only the issuer knows, and everything derived from it (RFC 5869, HKDF-SHA-256).
///
/// Two files: the region secret, from which epoch keys come (`SecretSchedule`), and the pepper,
/// under which documents are stored. They are apart because the first can be replaced while codes
/// are made and the second never.
package struct RegionSecret: Sendable, CustomStringConvertible, CustomReflectable {
  private let region: Region
  /// Where epoch keys and the handle key come from.
  package var schedule: SecretSchedule
  private let documentMAC: AES256CMAC

  /// Both secrets have 32 bytes.
  package init(region: Region, secret: [UInt8], pepper: [UInt8]) {
    self.init(
      region: region, schedule: SecretSchedule(region: region, secret: secret), pepper: pepper)
  }

  /// The pepper has 32 bytes.
  package init(region: Region, schedule: SecretSchedule, pepper: [UInt8]) {
    precondition(pepper.count == 32, "secrets have 32 bytes")
    self.region = region
    self.schedule = schedule
    documentMAC = AES256CMAC(key: pepper.span)
  }

  /// Never the secret.
  package var description: String { "secret of region \(region)" }
  /// Nor in a dump.
  package var customMirror: Mirror { Mirror(self, children: []) }

  /// The AES-256 key that seals the codes of one hour.
  package func key(of epoch: KeyEpoch) -> [UInt8] { schedule.key(of: epoch) }

  /// The keys a verifier may hold at `now`: from two hours back, for codes still in their life, to
  /// `hoursAhead` hours ahead, for the time it may be cut off from its issuer.
  package func epochKeys(near now: CityTime, hoursAhead: Int) -> EpochKeyFile {
    let current = KeyEpoch(at: now).number
    // A host whose clock stands at the beginning of 2020 must not stop here.
    let epochs = (max(current, 2) - 2)...(current + UInt32(hoursAhead))
    return EpochKeyFile(
      region: region,
      keys: epochs.map { number in
        let epoch = KeyEpoch(number: number)
        return EpochKeyFile.Key(epoch: epoch, bytes: key(of: epoch))
      })
  }

  /// The key of the cipher that turns serials into handles.
  package var handleKey: [UInt8] { schedule.handleKey }

  /// What stands for a document in storage: the AES-256-CMAC under the pepper of type and canonical
  /// number (at 2^26 holders a collision has probability 2^-77).
  package func key(of type: DocumentType, canonical number: Span<UInt8>) -> Bytes16 {
    var message: [UInt8] = [type.rawValue]
    message.append(copying: number)
    return Self.key(documentMAC.tag(of: message.span))
  }

  /// The same MAC for one thread: `key(of:canonical:)` is its tag of type and canonical number.
  package func documentTags() -> AES256CMAC { AES256CMAC(copying: documentMAC) }

  private static func key(_ tag: CMACTag) -> Bytes16 { Bytes16(high: tag.high, low: tag.low) }

  /// As `key(of:canonical:)` for a checked document.
  package func key(of document: Document) -> Bytes16 {
    let number = Array(document.number.utf8)
    return key(of: document.type, canonical: number.span)
  }

  /// What stands for a phone number with a name in storage, made as the key of a document is;
  /// `nil` when one of both is none. See `ContactText` for what is taken for the same.
  package func contactKey(phone: Span<UInt8>, name: Span<UInt8>) -> Bytes16? {
    // No document type has this number.
    var message: [UInt8] = [0x40]
    guard ContactText.appendPhone(phone, to: &message), ContactText.appendName(name, to: &message)
    else { return nil }
    return Self.key(documentMAC.tag(of: message.span))
  }
}
