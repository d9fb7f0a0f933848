import HTTP2
package import JSON
import Synchronization

/// An app of the city, as the issuer sees it: registers holders and gets their codes.
package struct Channel: Sendable {
  package let client: APIClient
  /// All codes it was given, for tests that look for them where they must not be.
  private let seen: Trace

  package init(client: APIClient, seen: Trace) {
    self.client = client
    self.seen = seen
  }

  /// The handle of a person, who may be registered already.
  package func register(_ person: Person) async throws -> String {
    try await registration(person).required("registering a \(person.kind)").string("handle")
  }

  package func registration(
    _ person: Person, idempotencyKey: String? = nil
  ) async throws -> Answer {
    let headers = idempotencyKey.map { [HeaderField("idempotency-key", text: $0)] } ?? []
    return try await client.send(.post, "/v1/holders", headers: headers) { json in
      json.field("document", object: { Self.write(person.document, to: &$0) })
      json.field("kind", person.kind)
      if let guardian = person.guardian {
        json.field("guardian", object: { Self.write(guardian, to: &$0) })
      }
    }
  }

  private static func write(_ document: Person.Document, to json: inout JSONWriter) {
    json.field("type", document.type)
    json.field("number", document.number)
  }

  /// What a code is asked for with.
  package struct Wish: Sendable {
    package var dependant: String?
    package var validFrom: String?
    package var lifetimeSeconds = 60

    package init(dependant: String? = nil, validFrom: String? = nil, lifetimeSeconds: Int = 60) {
      self.dependant = dependant
      self.validFrom = validFrom
      self.lifetimeSeconds = lifetimeSeconds
    }
  }

  package func code(of handle: String, _ wish: Wish = Wish()) async throws -> String {
    let answer = try await codeAnswer(of: handle, wish).required("making a code")
    let code = try answer.string("code")
    seen.note(code)
    return code
  }

  package func codeAnswer(
    of handle: String, _ wish: Wish = Wish(), query: String = ""
  ) async throws -> Answer {
    try await client.send(.post, "/v1/codes" + query) { json in
      json.field("handle", handle)
      if let dependant = wish.dependant { json.field("dependant", dependant) }
      if let validFrom = wish.validFrom { json.field("valid_from", validFrom) }
      json.field("lifetime_seconds", wish.lifetimeSeconds)
    }
  }

  /// A code drawn with block characters.
  package func picture(of handle: String) async throws -> String {
    try await codeAnswer(of: handle, query: "?as=terminal").required("drawing a code").text
  }

  package func status(of handle: String) async throws -> JSONValue {
    try await client.get("/v1/holders/\(handle)/status").required("reading a status").json
  }
}

/// Remembers texts.
package final class Trace: Sendable {
  private let texts = Mutex<[String]>([])

  package init() {}

  package func note(_ text: String) { texts.withLock { $0.append(text) } }

  package var all: [String] { texts.withLock { $0 } }
}
