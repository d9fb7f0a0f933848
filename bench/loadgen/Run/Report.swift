import Codes
import Histogram
import JSON

/// Numbers of a run as JSON. Times of answers are microseconds.
enum Report {
  static func json(_ result: RunResult, scenario: String) -> JSONValue {
    let total = result.total
    let plan = result.plan
    var members: [(String, JSONValue)] = [
      ("scenario", .string(scenario)), ("mode", .string(plan.isClosed ? "closed" : "open")),
      ("offered_per_second", .double(plan.ratePerSecond ?? 0)), ("seconds", .double(plan.seconds)),
    ]
    members += counts(total, seconds: plan.seconds)
    members.append(("void", .bool(total.wrong > 0)))
    members.append(("latency_us", latency(total.latency.whole)))
    members.append(("refusal_latency_us", latency(total.refusalLatency.whole)))
    members.append(("outcomes", outcomes(total)))
    if plan.classes.count > 1 {
      let classes = zip(plan.classes, result.classes).map { item, tally in
        (
          item.name,
          object(
            counts(tally, seconds: plan.seconds) + [
              ("latency_us", latency(tally.latency.whole)),
              ("refusal_latency_us", latency(tally.refusalLatency.whole)),
            ])
        )
      }
      members.append(("classes", object(classes)))
    }
    members += usage(result, ok: total.okInTime)
    members.append(("threads", .integer(Int64(plan.threads))))
    members.append(("timeline", timeline(total)))
    return object(members)
  }

  static func usage(_ result: RunResult, ok: Int) -> [(String, JSONValue)] {
    let servers = result.servers.map { server in
      object([
        ("pid", .integer(Int64(server.processID))),
        ("cpu_seconds", .double(server.processorSeconds)),
        ("rss_kib", .integer(Int64(server.after.residentKiB))),
        ("rss_kib_before", .integer(Int64(server.before.residentKiB))),
      ])
    }
    let seconds = result.servers.reduce(0) { $0 + $1.processorSeconds }
    let late = result.total.lateness.whole
    let own = result.generatorProcessorSeconds
    return [
      ("server", .array(servers)),
      ("per_server_cpu_second", seconds > 0 ? .double(Double(ok) / seconds) : .null),
      (
        "generator",
        object([
          ("cpu_seconds", .double(own)),
          ("cpu_us_per_answer", ok > 0 ? .double(own * 1e6 / Double(ok)) : .null),
          ("late_p99_us", .integer(Int64(late.valueAtPercentile(99)))),
          ("late_max_us", .integer(Int64(late.totalCount > 0 ? late.max : 0))),
        ])
      ),
    ]
  }

  private static func counts(_ tally: Tally, seconds: Double) -> [(String, JSONValue)] {
    let numbers = [
      ("sent", tally.sent), ("answered", tally.answered), ("ok", tally.ok),
      ("refused", tally.refused), ("refused_without_retry_after", tally.refusedWithoutRetryAfter),
      ("unsent", tally.unsent), ("lost", tally.lost), ("errors", tally.errors),
      ("wrong", tally.wrong), ("resent", tally.resent),
    ]
    return [("per_second", .double(Double(tally.okInTime) / seconds))]
      + numbers.map { ($0, .integer(Int64($1))) }
  }

  static func latency(_ histogram: Histogram<UInt64>) -> JSONValue {
    guard histogram.totalCount > 0 else { return object([("count", .integer(0))]) }
    func at(_ percentile: Double) -> JSONValue {
      .integer(Int64(histogram.valueAtPercentile(percentile)))
    }
    var curve: [JSONValue] = []
    for step in histogram.percentiles(ticksPerHalfDistance: 5) {
      curve.append(
        .array([.double(step.percentileLevelIteratedTo), .integer(Int64(step.value))]))
    }
    return object([
      ("count", .integer(Int64(histogram.totalCount))), ("p50", at(50)), ("p90", at(90)),
      ("p99", at(99)), ("p999", at(99.9)), ("p9999", at(99.99)),
      ("max", .integer(Int64(histogram.max))), ("mean", .double(histogram.mean)),
      ("curve", .array(curve)),
    ])
  }

  private static func outcomes(_ tally: Tally) -> JSONValue {
    var members: [(String, JSONValue)] = []
    for outcome in Outcome.allCases where tally.outcomes[Int(outcome.rawValue)] > 0 {
      members.append((outcome.name, .integer(Int64(tally.outcomes[Int(outcome.rawValue)]))))
    }
    let unknown = tally.outcomes[OutcomeFinder.unknown]
    if unknown > 0 { members.append(("unknown", .integer(Int64(unknown)))) }
    return object(members)
  }

  private static func timeline(_ tally: Tally) -> JSONValue {
    .array(
      tally.seconds.enumerated().map { index, second in
        .array(
          [index + 1, second.ok, second.refused, second.unsent, Int(second.p99)]
            .map { .integer(Int64($0)) })
      })
  }

  static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    .object(members.map { JSONValue.Member(name: $0, value: $1) })
  }

  static func text(_ json: JSONValue) -> [UInt8] {
    var writer = JSONWriter()
    writer.value(json)
    writer.endLine()
    return writer.bytes
  }
}
