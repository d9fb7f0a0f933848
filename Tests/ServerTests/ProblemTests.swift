import JSON
import Server
import Testing

@Suite struct ProblemTests {
  private static let all: [Problem] = [
    .badRequest("bad_code", "\"code\" is the scanned text."), .notFound(),
    .methodNotAllowed("GET, PUT"), .forbidden("This needs the grant scans.write."),
    .unsupportedMediaType("application/json"), .bodyTooLarge(4_096), .headersTooLarge(),
    .busy("Too many requests."), .malformedJSON(fault(of: "[1, 0x]")),
    Problem(409, "conflict", "\u{1} 码"), Problem(410, "gone", ""), Problem(422, "x", "y"),
    Problem(500, "internal", "z"), Problem(501, "x", "y"), Problem(507, "x", "y"),
  ]

  private static func fault(of text: String) -> JSONError {
    do {
      _ = try JSONParser.parse(Array(text.utf8))
    } catch {
      return error
    }
    preconditionFailure("not JSON")
  }

  @Test("RFC 9457: a problem's body is JSON with type, title, status and detail", arguments: all)
  func body(problem: Problem) throws {
    let json = try JSONParser.parse(problem.body)
    #expect(json.members?.map(\.name) == ["type", "title", "status", "detail"])
    #expect(json["type"]?.string == "urn:citycode:problem:\(problem.name)")
    #expect(json["status"]?.integer == Int64(problem.status))
    #expect(json["detail"]?.string == problem.detail)
    #expect(json["title"]?.string?.isEmpty == false)
    #expect(problem.name.utf8.allSatisfy { 0x61...0x7A ~= $0 || $0 == 0x5F })
  }

  @Test("each maker has its status and what the client needs to go on")
  func makers() {
    let statuses = Self.all.prefix(9).map(\.status)
    #expect(statuses == [400, 404, 405, 403, 415, 413, 431, 503, 400])
    #expect(Problem.methodNotAllowed("GET, PUT").allow == "GET, PUT")
    #expect(Problem.busy("x").retryAfterSeconds == 1)
    #expect(Problem.bodyTooLarge(4_096).detail.contains("4096"))
    #expect(Problem.malformedJSON(Self.fault(of: "[1, 0x]")).detail.contains("at byte 5"))
    for problem in Self.all where problem.status != 405 { #expect(problem.allow == nil) }
  }
}
