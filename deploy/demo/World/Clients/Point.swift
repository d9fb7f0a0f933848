import HTTP2
package import JSON

/// What a point was told about one code.
package struct Scan: Sendable {
  package let outcome: String
  package let json: JSONValue
  package let duration: Duration

  /// Throws unless the outcome is `wanted`.
  @discardableResult
  package func expected(_ wanted: String, _ what: String) throws(WorldError) -> Scan {
    guard outcome == wanted else {
      throw WorldError("\(what): expected the outcome \(wanted), the verifier said \(outcome)")
    }
    return self
  }

  package func string(_ name: String) -> String { json[name]?.string ?? "" }
}

/// A place where codes are scanned, as the verifier sees it.
package struct Point: Sendable {
  package let client: APIClient

  package init(client: APIClient) { self.client = client }

  /// Scans a text the way a gate does; `scene` when it is not the point's own.
  package func scan(_ text: String, scene: String? = nil, point: String? = nil) async throws -> Scan
  {
    var headers: [HeaderField] = []
    if let scene { headers.append(HeaderField("citycode-scene", text: scene)) }
    if let point { headers.append(HeaderField("citycode-point", text: point)) }
    let start = ContinuousClock.now
    let answer = try await client.send(
      .post, "/v1/scans", type: "text/plain", headers: headers, body: Array(text.utf8),
      timeoutMilliseconds: 10_000
    ).required("scanning")
    return Scan(
      outcome: try answer.string("outcome"), json: answer.json,
      duration: ContinuousClock.now - start)
  }

  /// The outcomes of many texts, in order.
  package func scanAll(_ texts: [String]) async throws -> [String] {
    var outcomes: [String] = []
    for start in stride(from: 0, to: texts.count, by: 256) {
      let chunk = texts[start..<min(start + 256, texts.count)]
      let answer = try await client.send(
        .post, "/v1/scans/batch", type: "text/plain",
        body: Array(chunk.joined(separator: "\n").utf8)
      ).required("scanning a batch")
      outcomes += answer.json["answers"]?.array?.map { $0["outcome"]?.string ?? "" } ?? []
    }
    return outcomes
  }

  /// What the journal holds of a scan.
  package func journalEntry(_ receipt: String) async throws -> Answer {
    try await client.get("/v1/scans/\(receipt)")
  }
}
