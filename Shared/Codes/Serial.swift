/// A holder's dense number inside its region: 40 bits, given at registration, never reused.
package struct Serial: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The largest serial: 2⁴⁰ − 1.
  package static let max = Serial(unchecked: 0xFF_FFFF_FFFF)

  /// 1...2⁴⁰ − 1.
  package let value: UInt64

  /// `nil` for 0, which means "nobody", and for anything beyond 40 bits.
  @inlinable
  package init?(_ value: UInt64) {
    guard value != 0, value <= 0xFF_FFFF_FFFF else { return nil }
    self.value = value
  }

  /// For a value that the caller has checked or just counted up to.
  @inlinable
  package init(unchecked value: UInt64) { self.value = value }

  package var description: String { String(value) }

  @inlinable
  package static func < (left: Serial, right: Serial) -> Bool { left.value < right.value }
}
