package import HTTP2
package import JSON
package import Security
package import Server

/// What a service answered.
package struct Answer: Sendable {
  package let status: Int
  package let contentType: String
  package let body: [UInt8]

  package var text: String { String(decoding: body, as: UTF8.self) }

  /// The body as JSON; `null` when it is none.
  package var json: JSONValue { (try? JSONParser.parse(body)) ?? .null }

  /// The name of the problem this answer reports, such as "forbidden".
  package var problem: String? {
    guard contentType == "application/problem+json" else { return nil }
    return json["type"]?.string?.split(separator: ":").last.map(String.init)
  }

  /// This answer if it is a success, else an error that says what was answered instead.
  package func required(_ what: String) throws(WorldError) -> Answer {
    guard 200..<300 ~= status else {
      throw WorldError("\(what): status \(status), \(json["detail"]?.string ?? text)")
    }
    return self
  }

  /// The text of a member, which must be there.
  package func string(_ name: String) throws(WorldError) -> String {
    guard let value = json[name]?.string else {
      throw WorldError("the answer has no text \"\(name)\": \(text)")
    }
    return value
  }
}

/// A caller of one service: HTTP/2 over TLS, kept open, with a token or a certificate.
package final class APIClient: Sendable {
  private let loop: Loop
  private let upstream: LoopBound<Upstream>
  private let headers: [HeaderField]
  package let url: String

  /// `tls` is needed when `url` is https; a `token` travels with every request.
  package init(_ url: String, tls: TLSContext?, token: String?, on loop: Loop) throws {
    self.url = url
    self.loop = loop
    headers = token.map { [HeaderField("authorization", secret: Array("Bearer \($0)".utf8))] } ?? []
    let parsed = try UpstreamURL(url)
    upstream = try loop.run { LoopBound(Upstream(parsed, tls: tls, on: loop), on: loop) }
  }

  /// How often a request is sent again that was refused because of load.
  private static let attemptsMax = 20

  /// Sends a request, again if it is refused because of load: that is a 503 without a body. Throws
  /// when there is no answer within the time, with the failure's name.
  package func send(
    _ method: HTTP2.Method, _ path: String, type: String? = nil, headers more: [HeaderField] = [],
    body: [UInt8] = [], timeoutMilliseconds: Int = 15_000
  ) async throws -> Answer {
    var answer: Answer
    var attempts = 0
    repeat {
      if attempts > 0 { try await Task.sleep(for: .milliseconds(20 * attempts)) }
      attempts += 1
      answer = try await sendOnce(
        method, path, type: type, headers: more, body: body,
        timeoutMilliseconds: timeoutMilliseconds)
    } while answer.status == 503 && answer.body.isEmpty && attempts < Self.attemptsMax
    return answer
  }

  private func sendOnce(
    _ method: HTTP2.Method, _ path: String, type: String?, headers more: [HeaderField],
    body: [UInt8], timeoutMilliseconds: Int
  ) async throws -> Answer {
    let fields = headers + (type.map { [HeaderField("content-type", text: $0)] } ?? []) + more
    let (loop, upstream) = (loop, upstream)
    let result = await withCheckedContinuation { continuation in
      loop.execute {
        upstream.value.send(
          method, path, headers: fields, body: body, timeoutMilliseconds: timeoutMilliseconds
        ) { continuation.resume(returning: $0) }
      }
    }
    switch result {
    case .success(let response):
      return Answer(
        status: response.status, contentType: response.contentType, body: response.body)
    case .failure(let failure):
      throw WorldError("\(url) gives no answer: \(failure.rawValue)")
    }
  }

  /// Sends a JSON object that `members` writes.
  package func send(
    _ method: HTTP2.Method, _ path: String, headers: [HeaderField] = [],
    timeoutMilliseconds: Int = 15_000, json members: (inout JSONWriter) -> Void
  ) async throws -> Answer {
    var json = JSONWriter()
    json.object(members)
    return try await send(
      method, path, type: "application/json", headers: headers, body: json.bytes,
      timeoutMilliseconds: timeoutMilliseconds)
  }

  package func get(_ path: String) async throws -> Answer { try await send(.get, path) }

  package func close() {
    let upstream = upstream
    loop.execute { upstream.value.close() }
  }
}
