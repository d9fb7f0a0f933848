/// The colour of a holder's code.
package enum Colour: UInt8, CaseIterable, Sendable {
  /// No colour is asked of this holder, or none has been decided yet.
  case none = 0
  case green = 1
  case yellow = 2
  case red = 3

  /// The machine name, such as `green`.
  package var name: String {
    switch self {
    case .none: "none"
    case .green: "green"
    case .yellow: "yellow"
    case .red: "red"
    }
  }

  /// The colour of a machine name.
  package init?(name: some StringProtocol) {
    guard let colour = Colour.allCases.first(where: { $0.name == name }) else { return nil }
    self = colour
  }
}

/// What sort of holder a code stands for.
package enum HolderKind: UInt8, CaseIterable, Sendable {
  case unspecified = 0
  case resident = 1
  /// From Hong Kong, Macao, Taiwan or abroad.
  case visitor = 2
  /// A child or another person whose guardian shows the code.
  case dependant = 3
  case organisation = 4

  /// The machine name, such as `resident`.
  package var name: String {
    switch self {
    case .unspecified: "unspecified"
    case .resident: "resident"
    case .visitor: "visitor"
    case .dependant: "dependant"
    case .organisation: "organisation"
    }
  }

  /// The kind of a machine name.
  package init?(name: some StringProtocol) {
    guard let kind = HolderKind.allCases.first(where: { $0.name == name }) else { return nil }
    self = kind
  }

  /// The kind of a machine name in UTF-8, without allocation.
  package init?(name: Span<UInt8>) {
    for kind in HolderKind.allCases where name.spells(kind.name) {
      self = kind
      return
    }
    return nil
  }
}

/// Three bits of a status that refuse a code whatever its colour.
package struct StatusFlags: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  @inlinable
  package init(rawValue: UInt8) { self.rawValue = rawValue & 7 }

  /// The holder may not be let in until the region lifts this.
  package static let suspended = StatusFlags(rawValue: 1)
  /// The holder's document or phone is reported lost.
  package static let lost = StatusFlags(rawValue: 2)
  /// Not used yet.
  package static let spare = StatusFlags(rawValue: 4)
}

/// What a region says of one holder now, in 64 bits.
///
/// From the least significant bit: colour 2, kind 3, flags 3, reason 8, valid until 24 (minutes
/// since 2020-01-01T00:00Z), revision 16, spare 8 (zero). All zero means "no such holder".
package struct Status: Hashable, Sendable {
  /// The layout above; what a status page stores in little-endian order.
  package var bits: UInt64

  /// "No such holder".
  package static let absent = Status(bits: 0)

  /// Takes stored bits as they are; see `isWellFormed`.
  @inlinable
  package init(bits: UInt64) { self.bits = bits }

  /// `validUntil` is cut to whole minutes and to 24 bits of them, which last until 2051.
  @inlinable
  package init(
    colour: Colour, kind: HolderKind, flags: StatusFlags = [], reason: UInt8 = 0,
    validUntil: CityTime, revision: UInt16 = 0
  ) {
    bits =
      UInt64(colour.rawValue) | UInt64(kind.rawValue) << 2 | UInt64(flags.rawValue) << 5
      | UInt64(reason) << 8 | UInt64(min(validUntil.minutes, 0xFF_FFFF)) << 16
      | UInt64(revision) << 40
  }

  /// Whether the region knows the holder at all.
  @inlinable
  package var exists: Bool { bits != 0 }

  /// Whether the spare bits are zero and the kind is one of the known ones.
  @inlinable
  package var isWellFormed: Bool {
    bits >> 56 == 0 && (bits >> 2) & 7 <= UInt64(HolderKind.organisation.rawValue)
  }

  @inlinable
  package var colour: Colour {
    get { Colour(rawValue: UInt8(truncatingIfNeeded: bits & 3)) ?? .none }
    set { replace(UInt64(newValue.rawValue), at: 0, width: 2) }
  }

  /// `unspecified` also for the three values that no kind has yet.
  @inlinable
  package var kind: HolderKind {
    get { HolderKind(rawValue: UInt8(truncatingIfNeeded: (bits >> 2) & 7)) ?? .unspecified }
    set { replace(UInt64(newValue.rawValue), at: 2, width: 3) }
  }

  @inlinable
  package var flags: StatusFlags {
    get { StatusFlags(rawValue: UInt8(truncatingIfNeeded: (bits >> 5) & 7)) }
    set { replace(UInt64(newValue.rawValue), at: 5, width: 3) }
  }

  /// Index into the region's reason table.
  @inlinable
  package var reason: UInt8 {
    get { UInt8(truncatingIfNeeded: bits >> 8) }
    set { replace(UInt64(newValue), at: 8, width: 8) }
  }

  /// The first minute in which the status no longer holds; set cuts as `init` does.
  @inlinable
  package var validUntil: CityTime {
    get { CityTime(minutes: UInt32(truncatingIfNeeded: (bits >> 16) & 0xFF_FFFF)) }
    set { replace(UInt64(min(newValue.minutes, 0xFF_FFFF)), at: 16, width: 24) }
  }

  /// What a code must carry to be alive; one more kills every earlier code of the holder.
  @inlinable
  package var revision: UInt16 {
    get { UInt16(truncatingIfNeeded: bits >> 40) }
    set { replace(UInt64(newValue), at: 40, width: 16) }
  }

  @inlinable
  mutating func replace(_ value: UInt64, at shift: UInt64, width: UInt64) {
    let mask: UInt64 = ((1 << width) - 1) << shift
    bits = bits & ~mask | value << shift
  }
}
