import Synchronization

/// The numbers a service shows at `/metrics`, in the Prometheus text format (0.0.4).
///
/// Each event loop registers its own counters under the same name and labels, so that counting
/// never contends; the page adds them up.
package final class Metrics: Sendable {
  private let families = Mutex<[Family]>([])

  package init() {}

  /// A number that only grows. Thread-safe; one writer is the fast case.
  package final class Counter: Sendable {
    private let number = Atomic<UInt64>(0)

    /// Adds `amount`.
    package func add(_ amount: UInt64 = 1) { number.wrappingAdd(amount, ordering: .relaxed) }
    package var value: UInt64 { number.load(ordering: .relaxed) }
  }

  /// A duration histogram with fixed buckets from 50 µs to 10 s.
  package final class Histogram: Sendable {
    static let boundsMicroseconds: [UInt64] = [
      50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
      1_000_000, 2_500_000, 10_000_000,
    ]
    private let buckets: [Counter] = (0...boundsMicroseconds.count).map { _ in Counter() }
    private let sumMicroseconds = Counter()

    /// Counts a duration, `count` times.
    package func record(microseconds: UInt64, count: UInt64 = 1) {
      var index = 0
      while index < Self.boundsMicroseconds.count, microseconds > Self.boundsMicroseconds[index] {
        index += 1
      }
      buckets[index].add(count)
      sumMicroseconds.add(microseconds &* count)
    }

    var snapshot: (counts: [UInt64], sumMicroseconds: UInt64) {
      (buckets.map(\.value), sumMicroseconds.value)
    }
  }

  /// A number that one thread sets and the page reads, such as how much is under way.
  package final class Level: Sendable {
    private let number = Atomic<Int>(0)

    /// Replaces the number.
    package func set(_ value: Int) { number.store(value, ordering: .relaxed) }
    package var value: Int { number.load(ordering: .relaxed) }
  }

  private enum Instrument {
    case counter(Counter)
    /// A gauge, or a counter that somebody else keeps.
    case reading(@Sendable () -> Double)
    case histogram(Histogram)
  }

  private struct Series {
    let labels: String
    let instrument: Instrument
  }

  private struct Family {
    let name: String
    let help: String
    let type: String
    var series: [Series]
  }

  /// Registers a counter; see the type for what the same name again means.
  package func counter(
    _ name: String, _ help: String, _ labels: KeyValuePairs<String, String> = [:]
  ) -> Counter {
    let counter = Counter()
    register(name, help, "counter", labels, .counter(counter))
    return counter
  }

  /// Registers a histogram of durations; its name ends in `_seconds`.
  package func histogram(
    _ name: String, _ help: String, _ labels: KeyValuePairs<String, String> = [:]
  ) -> Histogram {
    let histogram = Histogram()
    register(name, help, "histogram", labels, .histogram(histogram))
    return histogram
  }

  /// A number read when the page is asked for; `read` runs on the admin port's thread.
  package func gauge(
    _ name: String, _ help: String, _ labels: KeyValuePairs<String, String> = [:],
    read: @escaping @Sendable () -> Double
  ) {
    register(name, help, "gauge", labels, .reading(read))
  }

  /// A counter that somebody else keeps, the kernel for example; `read` as for `gauge`.
  package func counter(
    _ name: String, _ help: String, _ labels: KeyValuePairs<String, String> = [:],
    read: @escaping @Sendable () -> Double
  ) {
    register(name, help, "counter", labels, .reading(read))
  }

  /// Registers a gauge that its owner sets; the page shows the sum of those of all loops.
  package func level(
    _ name: String, _ help: String, _ labels: KeyValuePairs<String, String> = [:]
  ) -> Level {
    let level = Level()
    register(name, help, "gauge", labels, .reading { Double(level.value) })
    return level
  }

  /// Shows how full an LMDB environment's map is, 0 to 1; NaN while `read` does not know.
  package func offerMapUse(_ name: String, read: @escaping @Sendable () throws -> Double?) {
    gauge(
      "citycode_lmdb_map_used_ratio", "How full the LMDB map is; writes fail at 1.",
      ["environment": name]
    ) { (try? read()) ?? .nan }
  }

  private func register(
    _ name: String, _ help: String, _ type: String, _ labels: KeyValuePairs<String, String>,
    _ instrument: Instrument
  ) {
    let labelText = labels.map { "\($0.key)=\"\(Self.escape($0.value))\"" }.joined(separator: ",")
    families.withLock { families in
      let series = Series(labels: labelText, instrument: instrument)
      if let index = families.firstIndex(where: { $0.name == name }) {
        families[index].series.append(series)
      } else {
        families.append(Family(name: name, help: help, type: type, series: [series]))
      }
    }
  }

  /// Label values know three escapes, and help texts the two of them that are not the quote.
  private static func escape(_ value: String, isHelp: Bool = false) -> String {
    var escaped = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\"" where !isHelp: escaped += "\\\""
      case "\n": escaped += "\\n"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// The page for `GET /metrics`.
  package var exposition: String {
    var page = ""
    for family in families.withLock({ $0 }) {
      let help = Self.escape(family.help, isHelp: true)
      page += "# HELP \(family.name) \(help)\n# TYPE \(family.name) \(family.type)\n"
      var order: [String] = []
      var merged: [String: [Instrument]] = [:]
      for series in family.series {
        if merged[series.labels] == nil { order.append(series.labels) }
        merged[series.labels, default: []].append(series.instrument)
      }
      for labels in order { Self.write(family.name, labels, merged[labels]!, to: &page) }
    }
    return page
  }

  private static func write(
    _ name: String, _ labels: String, _ instruments: [Instrument], to page: inout String
  ) {
    let suffix = labels.isEmpty ? "" : "{\(labels)}"
    var count: UInt64 = 0
    var reading: Double?
    var histograms: [Histogram] = []
    for instrument in instruments {
      switch instrument {
      case .counter(let counter): count += counter.value
      case .reading(let read): reading = (reading ?? 0) + read()
      case .histogram(let histogram): histograms.append(histogram)
      }
    }
    if let reading {
      page += "\(name)\(suffix) \(text(reading))\n"
    } else if histograms.isEmpty {
      page += "\(name)\(suffix) \(count)\n"
    } else {
      writeHistogram(name, labels, histograms, to: &page)
    }
  }

  /// As the format spells it, which has other words than Swift for what is no number.
  private static func text(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    return value.isInfinite ? (value < 0 ? "-Inf" : "+Inf") : "\(value)"
  }

  private static func writeHistogram(
    _ name: String, _ labels: String, _ histograms: [Histogram], to page: inout String
  ) {
    let prefix = labels.isEmpty ? "" : "\(labels),"
    let suffix = labels.isEmpty ? "" : "{\(labels)}"
    var counts = [UInt64](repeating: 0, count: Histogram.boundsMicroseconds.count + 1)
    var sum: UInt64 = 0
    for histogram in histograms {
      let snapshot = histogram.snapshot
      for (index, count) in snapshot.counts.enumerated() { counts[index] += count }
      sum += snapshot.sumMicroseconds
    }
    var cumulative: UInt64 = 0
    for (index, bound) in Histogram.boundsMicroseconds.enumerated() {
      cumulative += counts[index]
      page += "\(name)_bucket{\(prefix)le=\"\(Double(bound) / 1e6)\"} \(cumulative)\n"
    }
    cumulative += counts[counts.count - 1]
    page += "\(name)_bucket{\(prefix)le=\"+Inf\"} \(cumulative)\n"
    page += "\(name)_sum\(suffix) \(Double(sum) / 1e6)\n\(name)_count\(suffix) \(cumulative)\n"
  }
}
