import HTTP2
package import JSON

/// An authority, as the issuer sees it: changes statuses and kills codes.
package struct Commission: Sendable {
  package let client: APIClient

  package init(client: APIClient) { self.client = client }

  /// Sets a colour; answered when the change is durable.
  package func set(
    _ colour: String, of handle: String, reason: Int = 1, idempotencyKey: String? = nil
  ) async throws -> JSONValue {
    try await answer(setting: colour, of: handle, reason: reason, idempotencyKey: idempotencyKey)
      .required("setting the colour \(colour)").json
  }

  package func answer(
    setting colour: String, of handle: String, reason: Int = 1, validUntil: String? = nil,
    flags: [String]? = nil, idempotencyKey: String? = nil
  ) async throws -> Answer {
    let headers = idempotencyKey.map { [HeaderField("idempotency-key", text: $0)] } ?? []
    return try await client.send(
      .put, "/v1/holders/\(handle)/status", headers: headers, timeoutMilliseconds: 5_000
    ) { json in
      json.field("colour", colour)
      json.field("reason", reason)
      if let validUntil { json.field("valid_until", validUntil) }
      if let flags {
        json.field(
          "flags",
          array: { list in
            for flag in flags { list.value(flag) }
          })
      }
      json.field("actor", "officer-17")
      json.field("ticket", "T-2026-0117")
    }
  }

  /// Kills all codes that the holder has had so far.
  package func killCodes(of handle: String) async throws -> JSONValue {
    try await client.send(.post, "/v1/holders/\(handle)/revocations") { json in
      json.field("reason", 9)
      json.field("actor", "hotline-3")
      json.field("ticket", "LOST-PHONE-42")
    }.required("killing codes").json
  }

  /// The statuses of many holders, in order.
  package func statuses(of handles: [String]) async throws -> [JSONValue] {
    var json = JSONWriter()
    for handle in handles {
      json.object { $0.field("handle", handle) }
      json.endLine()
    }
    let answer = try await client.send(
      .post, "/v1/statuses", type: "application/x-ndjson", body: json.bytes
    ).required("reading statuses")
    return try answer.body.split(separator: 0x0A).map { try JSONParser.parse(Array($0)) }
  }
}
