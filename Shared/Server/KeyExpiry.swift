package import Security
import Synchronization

/// When the certificates of a service run out, shown as `citycode_key_expiry_seconds`.
package final class KeyExpiry: Sendable {
  private let certificateEnd = Atomic<Int64>(0)
  private let authorityEnd = Atomic<Int64>(0)

  /// Reads the files that are in use from now on: once at the start, and again with each new
  /// certificate.
  package func read(certificateFile: String, clientCAFile: String) throws(SecurityError) {
    certificateEnd.store(
      try CertificateFile.firstEnd(path: certificateFile), ordering: .relaxed)
    authorityEnd.store(try CertificateFile.firstEnd(path: clientCAFile), ordering: .relaxed)
  }

  /// Shows both.
  func offer(_ metrics: Metrics) {
    Self.offer(metrics, "certificate") {
      Self.secondsLeft(self.certificateEnd.load(ordering: .relaxed))
    }
    Self.offer(metrics, "client_ca") {
      Self.secondsLeft(self.authorityEnd.load(ordering: .relaxed))
    }
  }

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
