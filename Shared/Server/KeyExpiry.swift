/// How long keys still hold, shown as `citycode_key_expiry_seconds`.
package enum KeyExpiry {
  /// Shows how many seconds the key of this name has left.
  package static func offer(
    _ metrics: Metrics, _ key: String, secondsLeft: @escaping @Sendable () -> Double
  ) {
    metrics.gauge(
      "citycode_key_expiry_seconds", "Until the key runs out; negative when it has.",
      ["key": key], read: secondsLeft)
  }

  /// Seconds from now to `end`, in seconds since 1970.
  package static func secondsLeft(_ end: Int64) -> Double {
    Double(end) - Double(System.wallMilliseconds) / 1e3
  }
}
