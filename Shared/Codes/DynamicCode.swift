/// The everyday code, format 1: 50 bytes, checked online.
///
/// | bytes | field |
/// |---|---|
/// | 0 | format and algorithm suite: 1 = AES-256-GCM |
/// | 1–3 | region |
/// | 4–5 | key epoch |
/// | 6–17 | nonce |
/// | 18–33 | sealed claims |
/// | 34–49 | tag; bytes 0–17 are the associated data |
package enum DynamicCode {
  package static let byteCount = 50
  /// The first byte.
  package static let format: UInt8 = 1
  /// The header, which is also the associated data.
  package static let headerRange = 0..<18
  package static let nonceRange = 6..<18
  /// The sealed claims with their tag.
  package static let sealedRange = 18..<50
  package static let claimsByteCount = 16

  /// The part that anybody can read: where to ask and which key to use.
  package struct Header: Hashable, Sendable {
    package var region: Region
    /// See `KeyEpoch.resolve(wire:near:)`.
    package var epochWire: UInt16
    package var nonce: Bytes12

    @inlinable
    package init(region: Region, epochWire: UInt16, nonce: Bytes12) {
      self.region = region
      self.epochWire = epochWire
      self.nonce = nonce
    }

    /// Reads the first 18 bytes of `code`; `nil` for another format, a short code or a region
    /// that does not have six digits.
    @inlinable
    package init?(_ code: Span<UInt8>) {
      guard code.count >= DynamicCode.headerRange.upperBound, code[0] == DynamicCode.format,
        let region = Region(UInt32(code.bigEndianNumber(at: 1, byteCount: 3)))
      else { return nil }
      self.region = region
      epochWire = code.bigEndian(at: 4)
      nonce = Bytes12(code.extracting(DynamicCode.nonceRange))
    }

    /// Appends the 18 bytes.
    @inlinable
    package func append(to output: inout [UInt8]) {
      output.append(DynamicCode.format)
      output.appendBigEndian(UInt64(region.number), byteCount: 3)
      output.appendBigEndian(epochWire)
      nonce.append(to: &output)
    }
  }

  /// The sealed part: whose code it is and when it counts.
  package struct Claims: Hashable, Sendable {
    /// One unit of `lifetimeUnits`.
    package static let lifetimeUnitSeconds: UInt32 = 15

    package var serial: Serial
    package var validFrom: CityTime
    /// 1...255 units of 15 s.
    package var lifetimeUnits: UInt8
    package var kind: HolderKind
    package var flags: StatusFlags
    /// The front end that asked for the code.
    package var channel: UInt16
    /// The scene the code is meant for; 0 = any.
    package var sceneHint: UInt8
    /// The holder's revision when the code was made.
    package var revision: UInt16

    @inlinable
    package init(
      serial: Serial, validFrom: CityTime, lifetimeUnits: UInt8, kind: HolderKind,
      flags: StatusFlags = [], channel: UInt16, sceneHint: UInt8 = 0, revision: UInt16
    ) {
      self.serial = serial
      self.validFrom = validFrom
      self.lifetimeUnits = lifetimeUnits
      self.kind = kind
      self.flags = flags
      self.channel = channel
      self.sceneHint = sceneHint
      self.revision = revision
    }

    /// Reads exactly 16 opened bytes; `nil` for what no issuer seals: serial 0, lifetime 0, an
    /// unknown kind, spare bits set.
    @inlinable
    package init?(_ opened: Span<UInt8>) {
      guard opened.count == DynamicCode.claimsByteCount,
        let serial = Serial(opened.bigEndianNumber(at: 0, byteCount: 5)), opened[9] != 0,
        opened[10] >> 6 == 0, let kind = HolderKind(rawValue: opened[10] & 7)
      else { return nil }
      self.serial = serial
      validFrom = CityTime(seconds: opened.bigEndian(at: 5))
      lifetimeUnits = opened[9]
      self.kind = kind
      flags = StatusFlags(rawValue: opened[10] >> 3)
      channel = opened.bigEndian(at: 11)
      sceneHint = opened[13]
      revision = opened.bigEndian(at: 14)
    }

    /// Appends the 16 bytes.
    @inlinable
    package func append(to output: inout [UInt8]) {
      output.appendBigEndian(serial.value, byteCount: 5)
      output.appendBigEndian(validFrom.seconds)
      output.append(lifetimeUnits)
      output.append(kind.rawValue | flags.rawValue << 3)
      output.appendBigEndian(channel)
      output.append(sceneHint)
      output.appendBigEndian(revision)
    }

    /// The first second in which the code no longer counts.
    @inlinable
    package var validUntil: CityTime {
      validFrom.advanced(bySeconds: Int64(lifetimeUnits) * Int64(Claims.lifetimeUnitSeconds))
    }
  }
}
