/// A millisecond of UTC, counted from 2020-01-01T00:00Z: what `as_of` is told in.
package struct Instant: Comparable, Hashable, Sendable, CustomStringConvertible {
  /// Milliseconds since 2020-01-01T00:00Z.
  package var milliseconds: UInt64

  /// From milliseconds since 2020-01-01T00:00Z.
  @inlinable
  package init(milliseconds: UInt64) { self.milliseconds = milliseconds }

  /// From Unix time in milliseconds; a time before 2020 becomes 2020-01-01T00:00Z.
  package init(unixMilliseconds: Int64) {
    milliseconds = UInt64(
      clamping: unixMilliseconds.subtractingClamped(CivilTime.epochUnixSeconds * 1_000))
  }

  /// The first millisecond of `time`'s second.
  @inlinable
  package init(_ time: CityTime) { milliseconds = UInt64(time.seconds) * 1_000 }

  /// Reads an RFC 3339 date-time of any zone offset, cut to milliseconds; `nil` before 2020.
  package init?(rfc3339 text: some StringProtocol) {
    let bytes = Array(text.utf8)
    guard let milliseconds = CivilTime.milliseconds(rfc3339: bytes.span), milliseconds >= 0
    else { return nil }
    self.milliseconds = UInt64(milliseconds)
  }

  /// The second that holds this millisecond; beyond 2156 the last one.
  @inlinable
  package var cityTime: CityTime { CityTime(seconds: UInt32(clamping: milliseconds / 1_000)) }

  /// Milliseconds since 1970-01-01T00:00Z.
  package var unixMilliseconds: Int64 {
    Int64(clamping: milliseconds) &+ CivilTime.epochUnixSeconds * 1_000
  }

  /// RFC 3339 with milliseconds, such as `2026-11-24T11:33:47.250Z`.
  package var description: String {
    var text: [UInt8] = []
    append(to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends the 24 ASCII bytes of `description`; beyond the year 9999 its last millisecond.
  package func append(to output: inout [UInt8]) {
    let shown = Int(min(milliseconds, 251_824_463_999_999))
    CivilTime.append(seconds: shown / 1_000, to: &output)
    output.append(0x2E)
    CivilTime.append(shown % 1_000, digits: 3, to: &output)
    output.append(0x5A)
  }

  /// The instant `milliseconds` later, or earlier when negative; stops at both ends.
  @inlinable
  package func advanced(byMilliseconds milliseconds: Int64) -> Instant {
    let magnitude = milliseconds.magnitude
    let (sum, overflow) =
      milliseconds < 0
      ? self.milliseconds.subtractingReportingOverflow(magnitude)
      : self.milliseconds.addingReportingOverflow(magnitude)
    guard overflow else { return Instant(milliseconds: sum) }
    return Instant(milliseconds: milliseconds < 0 ? 0 : .max)
  }

  /// Milliseconds from `earlier` to this instant; 0 when `earlier` is later.
  @inlinable
  package func milliseconds(since earlier: Instant) -> UInt64 {
    milliseconds > earlier.milliseconds ? milliseconds - earlier.milliseconds : 0
  }

  @inlinable
  package static func < (left: Instant, right: Instant) -> Bool {
    left.milliseconds < right.milliseconds
  }
}
