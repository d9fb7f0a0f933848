import Codes
import Feed
import HTTP2
import IssuerCore
import Server
import StatusCache

/// The feed: sealed segments after a position, snapshots for new hosts, epoch keys near now.
extension IssuerLoop {
  var feedRoutes: [Route] {
    [
      Route(.get, "/v1/feed/segments", grant: Grant.followFeed) { [self] exchange in
        exchange.answering { () throws(Problem) in try segments(exchange) }
      },
      Route(.get, "/v1/feed/head", grant: Grant.followFeed) { [self] exchange in
        exchange.respond(200, "application/vnd.citycode.head", issuer.ledger.head.span)
      },
      Route(.get, "/v1/feed/snapshot", grant: Grant.followFeed) { [self] exchange in
        exchange.answering { () throws(Problem) in try snapshot(exchange) }
      },
      Route(.get, "/v1/feed/pages", grant: Grant.followFeed) { [self] exchange in
        exchange.answering { () throws(Problem) in try pages(exchange) }
      },
      Route(.get, "/v1/feed/epoch-keys", grant: Grant.followFeed) { [self] exchange in
        let keys = secret.epochKeys(near: now, hoursAhead: issuer.epochKeysHoursAhead)
        exchange.respond(200, "text/plain", keys.bytes.span)
      },
    ]
  }

  /// Longest a request for segments waits for the next one.
  private static let waitSecondsMax = 25

  /// Bytes of segments in one answer, beyond the first.
  private static let answerBytesMax = 1 << 20

  private func segments(_ exchange: Exchange) throws(Problem) {
    guard let after = exchange.queryValue("after").flatMap({ UInt64($0) }), after < .max else {
      throw .badRequest("bad_after", "\"after\" is the number of the last segment you have.")
    }
    let wait = exchange.queryValue("wait_seconds").flatMap { Int($0) } ?? 0
    guard 0...Self.waitSecondsMax ~= wait else {
      throw .badRequest(
        "bad_wait", "\"wait_seconds\" must be 0 to \(Self.waitSecondsMax).")
    }
    guard wait > 0, issuer.ledger.lastSegment <= after else {
      let body = try segmentsBody(after: after)
      return exchange.respond(200, Self.segmentsType, body.span)
    }
    guard let deferred = exchange.deferReply() else { return }
    let this = LoopBound(self, on: exchange.loop)
    issuer.ledger.wait(forSegmentAfter: after, seconds: wait, on: exchange.loop) {
      this.value.respondLater(deferred, after: after)
    }
  }

  private func respondLater(_ deferred: DeferredReply, after: UInt64) {
    do throws(Problem) {
      let body = try segmentsBody(after: after)
      deferred.respond(200, Self.segmentsType, body)
    } catch {
      deferred.respond(error)
    }
    registry.reset()
  }

  private static let segmentsType: StaticString = "application/vnd.citycode.segments"

  /// The head, then the segments after number `after`, as many as fit.
  private func segmentsBody(after: UInt64) throws(Problem) -> [UInt8] {
    let head = issuer.ledger.head
    var body: [UInt8] = []
    Framing.append(head.span, to: &body)
    do {
      try registry.forEachSegment(after: after) { segment in
        Framing.append(segment, to: &body)
        return body.count < Self.answerBytesMax
      }
    } catch {
      throw .busy("The change log cannot be read now.")
    }
    return body
  }

  private static let cacheUnreadable = Problem.busy("The status cache cannot be read now.")

  private func snapshot(_ exchange: Exchange) throws(Problem) {
    do { try cache.renew() } catch { throw Self.cacheUnreadable }
    var body: [UInt8] = []
    SnapshotManifest(
      region: issuer.region, generation: cache.generation, pageCount: cache.pageCount,
      position: cache.chain, asOf: cache.asOf
    ).encode(signedBy: issuer.sealerKey, into: &body)
    exchange.respond(200, "application/vnd.citycode.manifest", body.span)
  }

  private func pages(_ exchange: Exchange) throws(Problem) {
    guard let generation = exchange.queryValue("generation").flatMap({ UInt32($0) }),
      let first = exchange.queryValue("first").flatMap({ UInt32($0) }),
      let count = exchange.queryValue("count").flatMap({ Int($0) }), 1...256 ~= count
    else {
      throw .badRequest(
        "bad_pages", "\"generation\", \"first\" and \"count\" (1 to 256) say which pages.")
    }
    var bytes: [UInt8] = []
    do { try cache.renew() } catch { throw Self.cacheUnreadable }
    guard cache.generation == generation else {
      throw Problem(410, "generation_gone", "That generation is no longer current: start over.")
    }
    do { try cache.appendPages(first: first, count: count, to: &bytes) } catch {
      throw Self.cacheUnreadable
    }
    guard !bytes.isEmpty else {
      throw Problem(404, "no_such_page", "The generation has fewer pages.")
    }
    var body: [UInt8] = []
    PageBatch(
      region: issuer.region, generation: generation, firstPage: first, pages: bytes,
      position: cache.chain
    ).encode(signedBy: issuer.sealerKey, into: &body)
    exchange.respond(200, "application/vnd.citycode.pages", body.span)
  }
}
