/// A second of UTC, counted from 2020-01-01T00:00Z; 32 bits last until 2156.
package struct CityTime: Comparable, Hashable, Sendable, CustomStringConvertible {
  /// Seconds since 2020-01-01T00:00Z.
  package var seconds: UInt32

  /// From seconds since 2020-01-01T00:00Z.
  @inlinable
  package init(seconds: UInt32) { self.seconds = seconds }

  /// From Unix time; what lies outside the 32 bits becomes the first or the last second.
  package init(unixSeconds: Int64) {
    seconds = UInt32(clamping: unixSeconds.subtractingClamped(CivilTime.epochUnixSeconds))
  }

  /// From whole minutes since 2020-01-01T00:00Z; beyond 32 bits of seconds becomes the last one.
  @inlinable
  package init(minutes: UInt32) { seconds = UInt32(clamping: UInt64(minutes) * 60) }

  /// Reads an RFC 3339 date-time of any zone offset; a fraction of a second is cut off.
  /// `nil` for other text and for times outside 2020...2156.
  package init?(rfc3339 text: some StringProtocol) {
    let bytes = Array(text.utf8)
    self.init(rfc3339: bytes.span)
  }

  /// As `init(rfc3339:)` for text, from ASCII bytes and without allocation.
  package init?(rfc3339 text: Span<UInt8>) {
    guard let milliseconds = CivilTime.milliseconds(rfc3339: text), milliseconds >= 0,
      let seconds = UInt32(exactly: milliseconds / 1_000)
    else { return nil }
    self.seconds = seconds
  }

  /// Seconds since 1970-01-01T00:00Z.
  package var unixSeconds: Int64 { Int64(seconds) + CivilTime.epochUnixSeconds }

  /// Whole minutes since 2020-01-01T00:00Z, rounded down.
  @inlinable
  package var minutes: UInt32 { seconds / 60 }

  /// RFC 3339, such as `2026-11-24T11:33:47Z`.
  package var description: String {
    var text: [UInt8] = []
    append(to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends the 20 ASCII bytes of `description`; no allocation when `output` has room.
  package func append(to output: inout [UInt8]) {
    CivilTime.append(seconds: Int(seconds), to: &output)
    output.append(0x5A)
  }

  /// The time `seconds` later, or earlier when negative; stops at the first and last second.
  @inlinable
  package func advanced(bySeconds seconds: Int64) -> CityTime {
    CityTime(seconds: UInt32(clamping: Int64(self.seconds).addingClamped(seconds)))
  }

  /// Whole seconds from `earlier` to this time; negative when `earlier` is later.
  @inlinable
  package func seconds(since earlier: CityTime) -> Int64 {
    Int64(seconds) - Int64(earlier.seconds)
  }

  @inlinable
  package static func < (left: CityTime, right: CityTime) -> Bool {
    left.seconds < right.seconds
  }
}

extension Int64 {
  @usableFromInline
  func addingClamped(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other > 0 ? .max : .min) : sum
  }

  func subtractingClamped(_ other: Int64) -> Int64 {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other > 0 ? .min : .max) : difference
  }
}
