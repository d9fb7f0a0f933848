/// Counts of one loop, shown as `citycode_http_requests_total` and `citycode_connections_...`.
final class RequestCounters: Sendable {
  /// By the first digit of the status, less one.
  let byClass: [Metrics.Counter]
  let inFlight: Metrics.Level
  let opened: Metrics.Counter
  let refused: Metrics.Counter
  let ended: Metrics.Counter
  let late: Metrics.Counter
  private let diskFull: Metrics.Counter
  private let mapFull: Metrics.Counter
  let handshakes: HandshakeCounters

  init(_ metrics: Metrics) {
    byClass = ["1xx", "2xx", "3xx", "4xx", "5xx"].map {
      metrics.counter(
        "citycode_http_requests_total", "Requests answered, by class of status.", ["class": $0])
    }
    inFlight = metrics.level("citycode_in_flight", "Requests begun and not yet answered.")
    handshakes = HandshakeCounters(metrics)
    opened = metrics.counter("citycode_connections_opened_total", "Connections accepted.")
    refused = metrics.counter(
      "citycode_connections_refused_total", "Connections closed at once: too many were open.")
    func requestsRefused(_ reason: String) -> Metrics.Counter {
      metrics.counter(
        "citycode_requests_refused_total",
        "Requests answered 503 because they had waited too long, or 507 for want of room.",
        ["reason": reason])
    }
    late = requestsRefused("late")
    diskFull = requestsRefused("disk_full")
    mapFull = requestsRefused("map_full")
    ended = metrics.counter(
      "citycode_connections_ended_total", "Connections this side closed for a broken limit.")
  }

  /// Counts a 507.
  func outOfRoom(_ problem: Problem) {
    switch problem.name {
    case "disk_full": diskFull.add()
    case "map_full": mapFull.add()
    default: break
    }
  }
}

/// How long the requests of one loop took, by `Router.labels`.
struct RequestDurations {
  let byRoute: [Metrics.Histogram]

  init(_ metrics: Metrics, _ labels: [String]) {
    byRoute = labels.map {
      metrics.histogram(
        "citycode_request_duration_seconds",
        "From the last byte of a request to its answer, as far as a loop can know.", ["route": $0])
    }
  }
}
