package import Codes

/// What one raw record says of one holder, in 16 bytes: what rules are decided from, and what
/// partitions hold.
///
/// Events compare by holder, time, kind, result, place and source, in this order. Two events that
/// differ in no more than the source say the same and count once.
public struct Event: Hashable, Comparable, Sendable, BitwiseCopyable {
  /// Serial 40, minutes 24 (most significant first).
  @usableFromInline package let high: UInt64
  /// Kind 8, result 8, place 40, source 8 (most significant first).
  @usableFromInline package let low: UInt64

  @inlinable
  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// `time` is cut to whole minutes; `kind`, `result` and `source` index the plan's tables;
  /// `place` is a GB/T 2260 code of up to 12 digits as a number, 0 for none.
  package init(
    serial: Serial, time: CityTime, kind: UInt8, result: UInt8, place: UInt64, source: UInt8
  ) {
    high = serial.value << 24 | UInt64(min(time.minutes, 0xFF_FFFF))
    low =
      UInt64(kind) << 56 | UInt64(result) << 48 | (place & 0xFF_FFFF_FFFF) << 8 | UInt64(source)
  }

  @inlinable
  package var serialNumber: UInt64 { high >> 24 }
  /// Minutes since 2020-01-01T00:00Z.
  @inlinable
  package var minutes: UInt32 { UInt32(truncatingIfNeeded: high & 0xFF_FFFF) }
  @inlinable
  package var kind: UInt8 { UInt8(truncatingIfNeeded: low >> 56) }
  @inlinable
  package var result: UInt8 { UInt8(truncatingIfNeeded: low >> 48) }
  @inlinable
  package var place: UInt64 { low >> 8 & 0xFF_FFFF_FFFF }
  @inlinable
  package var source: UInt8 { UInt8(truncatingIfNeeded: low) }

  /// Whether both say the same of the same holder.
  package func repeats(_ other: Event) -> Bool { high == other.high && low >> 8 == other.low >> 8 }

  @inlinable
  public static func < (left: Event, right: Event) -> Bool {
    left.high == right.high ? left.low < right.low : left.high < right.high
  }
}
