import Codes
import HTTP2
import JSON
import RelayCore
import Server

/// The relay on one event loop: a foreign code on its way out, a partner's on its way in.
///
/// ```
/// verifier ─ /v1/foreign-scans ─► relay ─ /v1/partner-scans ─► partner's relay
///                                         partner's verifier ◄─ /v1/scans ─┘
/// ```
/// Each hop has less time than the one before it, so that whoever waits longest still gets a
/// named answer: verifier 2,000 ms, relay 1,500 ms, partner's relay four fifths of that.
final class RelayLoop: LoopService {
  private let parts: RelayParts
  private let verifier: Upstream?
  private let partners: [Region: Upstream]
  private let counters: [Region: PartnerCounters]
  private(set) var router = Router([])

  init(parts: RelayParts, loop: Loop, metrics: Metrics) throws {
    self.parts = parts
    verifier = parts.verifierURL.map { Upstream($0, sharing: parts.tls, on: loop) }
    partners = parts.partnerURLs.mapValues { Upstream($0, sharing: parts.tls, on: loop) }
    counters = Dictionary(
      uniqueKeysWithValues: parts.partnerURLs.keys.sorted { "\($0)" < "\($1)" }
        .map { ($0, PartnerCounters(metrics, $0)) })
    router = Router([
      Route(.post, "/v1/foreign-scans", grant: Grant.relayScan, bodyBytesMax: 4_096) {
        [unowned self] exchange in
        exchange.answering { () throws(Problem) in try carryOut(exchange) }
      },
      Route(.post, "/v1/partner-scans", grant: Grant.partnerScan, bodyBytesMax: 4_096) {
        [unowned self] exchange in
        exchange.answering { () throws(Problem) in try carryIn(exchange) }
      },
    ])
  }

  func turnEnded() {}

  private static let members = ["code", "scene", "point"]

  /// A code of a partner region, scanned at home.
  private func carryOut(_ exchange: Exchange) throws(Problem) {
    let json = try exchange.jsonObject(allowed: Self.members)
    var code: [UInt8] = []
    let text = Array((json["code"]?.string ?? "").utf8)
    guard CodeText.decode(text.span, into: &code),
      let (region, _) = parts.partners.partner(ofCode: code.span), let partner = partners[region]
    else {
      throw Problem(422, "not_a_partner", "The code is of no region this relay has as partner.")
    }
    pass(
      exchange, to: partner, "/v1/partner-scans", exchange.request.body,
      timeoutMilliseconds: parts.partnerTimeoutMilliseconds, counters[region])
  }

  /// A code of this region, scanned by a partner: its own verifier says.
  private func carryIn(_ exchange: Exchange) throws(Problem) {
    let json = try exchange.jsonObject(allowed: Self.members)
    guard let verifier else {
      throw .busy("This relay has no verifier to ask (verifier_url is not set).")
    }
    guard let code = json["code"]?.string, let scene = json["scene"]?.string,
      let point = json["point"]?.string
    else { throw .badRequest("bad_scan", "\"code\", \"scene\" and \"point\" must be strings.") }
    var body = JSONWriter()
    body.object {
      $0.field("code", code)
      $0.field("scene", scene)
      $0.field("point", Self.partnerPoint(point, of: exchange.principal.region))
    }
    pass(
      exchange, to: verifier, "/v1/scans", body.bytes,
      timeoutMilliseconds: parts.partnerTimeoutMilliseconds * 4 / 5)
  }

  /// The partner's point under its region's name: two regions may both have a "gate-1". Cut to
  /// the 64 bytes that a journal keeps.
  private static func partnerPoint(_ point: String, of region: String) -> String {
    var name = "\(region)/\(point)"
    while name.utf8.count > 64 { name.removeLast() }
    return name
  }

  /// Sends `body` on and the answer back; the far side's silence becomes 504.
  private func pass(
    _ exchange: Exchange, to upstream: Upstream, _ path: String, _ body: [UInt8],
    timeoutMilliseconds: Int, _ counters: PartnerCounters? = nil
  ) {
    let trace = exchange.traceHeaders
    guard let deferred = exchange.deferReply() else { return }
    upstream.send(
      .post, path, headers: [HeaderField("content-type", "application/json")] + trace, body: body,
      timeoutMilliseconds: timeoutMilliseconds
    ) { result in
      counters?.count(result)
      switch result {
      case .success(let response) where response.status == 200:
        deferred.respond(200, "application/json", response.body)
      case .success(let response):
        deferred.respond(
          Problem(502, "partner_refused", "The far side answered \(response.status)."))
      case .failure(let failure):
        deferred.respond(
          Problem(504, failure.rawValue, "The far side did not answer: \(failure.rawValue)."))
      }
    }
  }
}

/// `citycode_partner_requests_total` of one loop about one partner.
private struct PartnerCounters {
  let answered: Metrics.Counter
  let unreachable: Metrics.Counter

  init(_ metrics: Metrics, _ partner: Region) {
    func counter(_ result: String) -> Metrics.Counter {
      metrics.counter(
        "citycode_partner_requests_total",
        "Scans sent to a partner; unreachable: it gave no answer, or none that a gate can use.",
        ["partner": "\(partner)", "result": result])
    }
    answered = counter("answered")
    unreachable = counter("unreachable")
  }

  func count(_ result: Result<UpstreamResponse, UpstreamFailure>) {
    if case .success(let response) = result, response.status == 200 {
      answered.add()
    } else {
      unreachable.add()
    }
  }
}
