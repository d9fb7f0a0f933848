/// Which program this is.
package enum BuildInfo {
  /// The version of all services, raised with each release.
  package static let version = "0.1.0"

  /// The commit it was built from, as the image's build wrote it into the environment; "unknown"
  /// elsewhere. It is a label, so what no commit's name looks like is not taken.
  static func revision(_ environment: [String: String]) -> String {
    let text = environment["CITYCODE_REVISION"] ?? ""
    let isName = text.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
      default: false
      }
    }
    return isName && 1...64 ~= text.utf8.count ? text : "unknown"
  }
}

/// The figures that every service shows of its own process, under the names that Prometheus' client
/// libraries use.
enum ProcessMetrics {
  static func offer(_ metrics: Metrics, environment: [String: String] = System.environment) {
    metrics.gauge(
      "citycode_build_info", "Which program this is; always 1.",
      ["version": BuildInfo.version, "revision": BuildInfo.revision(environment)]
    ) { 1 }
    metrics.counter("process_cpu_seconds_total", "User and system time of this process.") {
      Double(System.processorNanoseconds) / 1e9
    }
    metrics.gauge(
      "process_resident_memory_bytes", "Memory in use, shared pages of the map included."
    ) { System.residentBytes.map { Double($0) } ?? .nan }
    metrics.gauge("process_open_fds", "Descriptors open.") {
      System.openDescriptors.map { Double($0) } ?? .nan
    }
    metrics.gauge("process_max_fds", "Descriptors allowed.") {
      Double(System.raiseDescriptorLimit(to: 0))
    }
    let start = Double(System.wallMilliseconds) / 1e3
    metrics.gauge("process_start_time_seconds", "When this process started, Unix time.") { start }
  }
}
