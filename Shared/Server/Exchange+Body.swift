import HTTP2
package import JSON

/// Reading request bodies; what does not fit is a `Problem` that says what would.
extension Exchange {
  /// Runs `body`; a `Problem` it throws becomes the answer.
  package func answering(_ body: () throws(Problem) -> Void) {
    do { try body() } catch { respond(error) }
  }

  /// The body as a JSON object with no members but `allowed`.
  package func jsonObject(allowed: [String]) throws(Problem) -> JSONValue {
    guard hasContentType(.json) else {
      throw .unsupportedMediaType("application/json")
    }
    return try Self.jsonObject(request.body, allowed: allowed)
  }

  static func jsonObject(_ body: [UInt8], allowed: [String]) throws(Problem) -> JSONValue {
    let json: JSONValue
    do { json = try JSONParser.parse(body) } catch { throw .malformedJSON(error) }
    guard let members = json.members else {
      throw .badRequest("malformed_json", "The body must be a JSON object.")
    }
    if let unknown = members.first(where: { !allowed.contains($0.name) }) {
      throw .badRequest(
        "unknown_member",
        "The member \"\(unknown.name)\" is not known here; known:"
          + " \(allowed.joined(separator: ", ")).")
    }
    return json
  }
}
