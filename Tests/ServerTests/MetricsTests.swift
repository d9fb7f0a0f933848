import Testing

@testable import Server

@Suite struct MetricsTests {
  @Test("counters of the same name and labels are one line, the sum of all loops")
  func sums() {
    let metrics = Metrics()
    let first = metrics.counter("citycode_scans_total", "Scans.", ["outcome": "accepted"])
    let second = metrics.counter("citycode_scans_total", "Scans.", ["outcome": "accepted"])
    let other = metrics.counter("citycode_scans_total", "Scans.", ["outcome": "forged"])
    first.add()
    second.add(41)
    other.add(3)
    #expect(
      metrics.exposition == """
        # HELP citycode_scans_total Scans.
        # TYPE citycode_scans_total counter
        citycode_scans_total{outcome="accepted"} 42
        citycode_scans_total{outcome="forged"} 3

        """)
  }

  @Test("a family's lines stand together, in the order in which they were registered")
  func order() {
    let metrics = Metrics()
    _ = metrics.counter("b_total", "B.")
    metrics.gauge("a", "A.", ["x": "1"]) { 1.5 }
    _ = metrics.counter("b_total", "B.", ["k": "v", "l": "w"])
    metrics.gauge("a", "A.", ["x": "1"]) { 2 }
    #expect(
      metrics.exposition == """
        # HELP b_total B.
        # TYPE b_total counter
        b_total 0
        b_total{k="v",l="w"} 0
        # HELP a A.
        # TYPE a gauge
        a{x="1"} 3.5

        """)
  }

  @Test("label values are escaped as the format asks")
  func escapes() {
    let metrics = Metrics()
    _ = metrics.counter("a_total", "A.", ["path": "x\\y\"z\nn"])
    #expect(metrics.exposition.contains(#"a_total{path="x\\y\"z\nn"} 0"#))
    _ = metrics.counter("b_total", "B.", ["path": "x\r\ny"])
    #expect(metrics.exposition.split(separator: "\n").contains { $0.hasSuffix(#"\ny"} 0"#) })
  }

  @Test("a gauge is read anew for each page")
  func gauges() {
    let metrics = Metrics()
    let counter = metrics.counter("n_total", "N.")
    metrics.gauge("n_now", "N.") { Double(counter.value) }
    #expect(metrics.exposition.contains("\nn_now 0.0\n"))
    counter.add(7)
    #expect(metrics.exposition.contains("\nn_now 7.0\n"))
  }

  /// The value of one line of a page.
  private func value(_ page: String, _ series: String) -> Double? {
    let line = page.split(separator: "\n").first { $0.hasPrefix(series + " ") }
    return line.flatMap { Double($0.dropFirst(series.count + 1)) }
  }

  @Test("a histogram's buckets are cumulative, end with +Inf and agree with count and sum")
  func histograms() throws {
    let metrics = Metrics()
    let loops = (0..<2).map { _ in
      metrics.histogram("d_seconds", "D.", ["route": "/v1/scans"])
    }
    for (index, microseconds): (Int, UInt64) in [0, 50, 51, 1_000, 1_001, 10_000_000, 99_000_000]
      .enumerated()
    {
      loops[index % 2].record(microseconds: microseconds)
    }
    let page = metrics.exposition
    #expect(page.contains("# TYPE d_seconds histogram\n"))
    func bucket(_ bound: String) -> Double? {
      value(page, "d_seconds_bucket{route=\"/v1/scans\",le=\"\(bound)\"}")
    }
    #expect(bucket("5e-05") == 2)
    #expect(bucket("0.0001") == 3)
    #expect(bucket("0.001") == 4)
    #expect(bucket("0.0025") == 5)
    #expect(bucket("2.5") == 5)
    #expect(bucket("10.0") == 6)
    #expect(bucket("+Inf") == 7)
    #expect(value(page, "d_seconds_count{route=\"/v1/scans\"}") == 7)
    #expect(value(page, "d_seconds_sum{route=\"/v1/scans\"}") == 109.002102)
    let counts = page.split(separator: "\n").filter { $0.hasPrefix("d_seconds_bucket") }
      .compactMap { Double($0.split(separator: " ")[1]) }
    #expect(counts == counts.sorted())
    #expect(counts.count == 17)
  }

  @Test("a histogram without labels has none but its bounds")
  func plainHistogram() {
    let metrics = Metrics()
    metrics.histogram("d_seconds", "D.").record(microseconds: 1)
    let page = metrics.exposition
    #expect(page.contains("\nd_seconds_bucket{le=\"+Inf\"} 1\n"))
    #expect(page.contains("\nd_seconds_count 1\n"))
  }

  @Test("a duration counts as often as it is said to have happened, on the right side of a bound")
  func repeatedDurations() {
    let metrics = Metrics()
    let histogram = metrics.histogram("d_seconds", "D.")
    histogram.record(microseconds: 50, count: 32)
    histogram.record(microseconds: 51, count: 3)
    let page = metrics.exposition
    #expect(value(page, "d_seconds_bucket{le=\"5e-05\"}") == 32)
    #expect(value(page, "d_seconds_bucket{le=\"0.0001\"}") == 35)
    #expect(value(page, "d_seconds_count") == 35)
    #expect(value(page, "d_seconds_sum") == 0.001753)
  }

  @Test("what others count is read for each page, and what loops set is the sum of all")
  func readings() {
    let metrics = Metrics()
    metrics.counter("c_total", "C.") { 12.5 }
    let loops = (0..<2).map { _ in metrics.level("l", "L.") }
    loops[0].set(3)
    loops[1].set(4)
    #expect(metrics.exposition.contains("# TYPE c_total counter\nc_total 12.5\n"))
    #expect(metrics.exposition.contains("# TYPE l gauge\nl 7.0\n"))
    loops[0].set(0)
    #expect(metrics.exposition.contains("\nl 4.0\n"))
  }

  @Test("what is no number is spelled as the format has it, and help texts keep to their line")
  func spelling() {
    let metrics = Metrics()
    metrics.gauge("n", "A \\ and\na \"quote\".") { .nan }
    metrics.gauge("p", "P.") { .infinity }
    metrics.gauge("m", "M.") { -.infinity }
    let page = metrics.exposition
    #expect(page.contains(#"# HELP n A \\ and\na "quote"."# + "\n"))
    #expect(page.contains("\nn NaN\n") && page.contains("\np +Inf\n"))
    #expect(page.contains("\nm -Inf\n"))
  }

  @Test("a process shows what it uses")
  func process() throws {
    let metrics = Metrics()
    ProcessMetrics.offer(metrics, environment: ["CITYCODE_REVISION": "0123abc"])
    let page = metrics.exposition
    let build = "citycode_build_info{version=\"\(BuildInfo.version)\",revision=\"0123abc\"}"
    #expect(value(page, build) == 1)
    #expect(try #require(value(page, "process_cpu_seconds_total")) > 0)
    #expect(try #require(value(page, "process_resident_memory_bytes")) > 1_000_000)
    let open = try #require(value(page, "process_open_fds"))
    #expect(try open >= 3 && open < #require(value(page, "process_max_fds")))
    #expect(try #require(value(page, "process_start_time_seconds")) > 1_600_000_000)
    for bad in ["", "a b", "x\"y", String(repeating: "a", count: 65)] {
      #expect(BuildInfo.revision(["CITYCODE_REVISION": bad]) == "unknown")
    }
  }

  @Test("every line is a comment or a name, labels and a number")
  func form() {
    let metrics = Metrics()
    metrics.counter("a_total", "A.", ["x": "y"]).add()
    metrics.gauge("g", "G.") { -0.25 }
    metrics.histogram("h_seconds", "H.").record(microseconds: 77)
    let page = metrics.exposition
    #expect(page.hasSuffix("\n"))
    for line in page.split(separator: "\n") where !line.hasPrefix("# ") {
      #expect(
        line.wholeMatch(of: /[a-z_]+(\{([a-z]+="[^"]*",?)+\})? -?[0-9.e-]+/) != nil, "\(line)")
    }
  }
}
