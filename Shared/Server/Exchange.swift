package import Codes
package import HTTP2

/// One request and the way to answer it, on the loop of its connection.
///
/// Answer once: at once with `respond`, or later through `deferReply()`.
package struct Exchange {
  /// Owned by the session and recycled when the stream closes: read it before deferring.
  package let request: Request
  let admitted: Admitted
  let connection: Connection
  /// No later; nanoseconds of the monotonic clock.
  let arrivedAt: UInt64

  private var timing: RequestTiming {
    RequestTiming(route: admitted.route, arrivedAt: arrivedAt)
  }

  package var principal: Principal { admitted.principal }

  /// The part of the path that stands for `{}` in the route's pattern; empty when there is none.
  package var parameter: ArraySlice<UInt8> { request.path[admitted.parameterRange] }

  /// What follows "?" in the path.
  package var query: ArraySlice<UInt8> { request.path.dropFirst(admitted.pathLength + 1) }

  package var loop: Loop { connection.loop }

  /// The last time the loop read a socket: this request was sent before. Who looked at something
  /// since knows what this request may know.
  package var readNumber: Int { connection.host.readNumber }

  /// How much of an answer to give now.
  package var level: DegradationLevel { connection.host.level }

  /// Answers; `body` is copied.
  package func respond(
    _ status: Int, _ contentType: StaticString, _ body: Span<UInt8>,
    headers: [HeaderField] = []
  ) {
    connection.respond(
      to: request.streamID, timing, status, contentType, body, headers: headers)
  }

  /// Answers with the body that `write` appends to the stream's own reused buffer.
  package func respond(
    _ status: Int, _ contentType: StaticString, writing write: (inout [UInt8]) -> Void
  ) {
    connection.respond(to: request.streamID, timing, status, contentType, writing: write)
  }

  package func respond(_ problem: Problem) {
    connection.respond(to: request.streamID, timing, problem)
  }

  /// Keeps the stream open for an answer that comes later, from any thread. `nil` when the loop
  /// has as many open answers as it may have; the request is then refused as busy.
  package func deferReply() -> DeferredReply? { reply.deferReply() }

  /// The right to answer before this turn of the loop ends; see `LoopService.turnEnded`.
  package var reply: TurnReply {
    TurnReply(connection: connection, streamID: request.streamID, timing: timing)
  }

  /// What tells the services that are asked because of this request which trace it belongs to; none
  /// if nobody keeps one. Until `request` is answered.
  package var traceHeaders: [HeaderField] {
    guard let trace = connection.ownTrace(of: request.streamID) ?? admitted.trace
    else { return [] }
    return [HeaderField(TraceContext.headerName, text: trace.text)]
  }

  /// The value of `name` in the query, percent-decoding not needed for the values we use.
  package func queryValue(_ name: StaticString) -> String? {
    for pair in query.split(separator: UInt8(ascii: "&")) {
      let parts = pair.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2, parts[0].elementsEqual(name.description.utf8) {
        return String(validating: parts[1], as: UTF8.self)
      }
    }
    return nil
  }

  /// `true` if the request's content type is `type`, parameters aside.
  package func hasContentType(_ type: MediaType) -> Bool {
    let wanted = type.bytes.span
    let given = request.contentType.span
    guard given.count >= wanted.count else { return false }
    for index in 0..<wanted.count {
      let lowered = given[index] | (65...90 ~= given[index] ? 0x20 : 0)
      guard lowered == wanted[index] else { return false }
    }
    return given.count == wanted.count || given[wanted.count] == UInt8(ascii: ";")
      || given[wanted.count] == UInt8(ascii: " ")
  }
}

/// The right to answer one request, once, in the turn of the loop that brought it. Nothing happens
/// if its stream has ended.
package struct TurnReply {
  let connection: Connection
  let streamID: Int32
  let timing: RequestTiming

  /// Answers with the body that `write` appends to the stream's own reused buffer.
  package func respond(
    _ status: Int, _ contentType: StaticString, writing write: (inout [UInt8]) -> Void
  ) {
    connection.respond(to: streamID, timing, status, contentType, writing: write)
  }

  /// See `Exchange.deferReply`.
  package func deferReply() -> DeferredReply? {
    guard connection.host.openReplies < connection.host.openRepliesMax else {
      connection.respond(
        to: streamID, timing, .busy("Too many requests are waiting; try again."))
      return nil
    }
    connection.host.openReplies += 1
    return DeferredReply(
      LoopBound(connection, on: connection.loop), streamID, timing, connection.loop)
  }
}

/// A media type that requests may have, in lower case.
package struct MediaType: Sendable {
  let bytes: [UInt8]

  private init(_ name: StaticString) { bytes = Array(name.description.utf8) }

  package static let json = MediaType("application/json")
  package static let text = MediaType("text/plain")
  package static let lines = MediaType("application/x-ndjson")
}

/// The right to answer one request later, once, from any thread.
package final class DeferredReply: Sendable {
  private let connection: LoopBound<Connection>
  private let streamID: Int32
  private let timing: RequestTiming
  package let loop: Loop

  init(
    _ connection: LoopBound<Connection>, _ streamID: Int32, _ timing: RequestTiming, _ loop: Loop
  ) {
    self.connection = connection
    self.streamID = streamID
    self.timing = timing
    self.loop = loop
  }

  package func respond(
    _ status: Int, _ contentType: StaticString, _ body: [UInt8],
    headers: [HeaderField] = []
  ) {
    onLoop { [timing] connection, streamID in
      connection.respond(
        to: streamID, timing, status, contentType, body.span, headers: headers)
    }
  }

  package func respond(_ problem: Problem) {
    onLoop { [timing] connection, streamID in
      connection.respond(to: streamID, timing, problem)
    }
  }

  private func onLoop(_ body: @escaping @Sendable (Connection, Int32) -> Void) {
    if loop.isOnLoop { return finish(body) }
    loop.execute { self.finish(body) }
  }

  private func finish(_ body: (Connection, Int32) -> Void) {
    let connection = connection.value
    connection.host.openReplies -= 1
    body(connection, streamID)
    connection.scheduleFlush()
  }
}
