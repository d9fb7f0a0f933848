/// The hour whose key seals a code.
package struct KeyEpoch: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// How long an epoch lasts.
  package static let lengthSeconds: UInt32 = 3_600

  /// Whole hours since 2020-01-01T00:00Z.
  package let number: UInt32

  @inlinable
  package init(number: UInt32) { self.number = number }

  /// The epoch that `time` lies in.
  @inlinable
  package init(at time: CityTime) { number = time.seconds / KeyEpoch.lengthSeconds }

  /// What a code carries: the low 16 bits. They come round every seven and a half years, so the
  /// hour alone would run out in mid 2027.
  @inlinable
  package var wire: UInt16 { UInt16(truncatingIfNeeded: number) }

  /// The epoch nearest to `time` whose low 16 bits are `wire`; never before 2020.
  @inlinable
  package static func resolve(wire: UInt16, near time: CityTime) -> KeyEpoch {
    let now = KeyEpoch(at: time)
    let distance = Int64(Int16(bitPattern: wire &- now.wire))
    let number = Int64(now.number) + distance
    return KeyEpoch(number: UInt32(number < 0 ? number + 65_536 : number))
  }

  /// The epoch's first second; the last second there is for an epoch beyond it.
  package var start: CityTime {
    CityTime(seconds: UInt32(clamping: UInt64(number) * UInt64(KeyEpoch.lengthSeconds)))
  }

  package var description: String { String(number) }

  @inlinable
  package static func < (left: KeyEpoch, right: KeyEpoch) -> Bool { left.number < right.number }
}
