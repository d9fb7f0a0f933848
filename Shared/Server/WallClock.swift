package import Codes

/// The wall clock, read only in the services' shells.
package enum WallClock {
  /// Now, in milliseconds since 2020-01-01T00:00Z (0 before that).
  package static func now() -> Instant {
    Instant(milliseconds: UInt64(max(0, System.wallMilliseconds - 1_577_836_800_000)))
  }
}
