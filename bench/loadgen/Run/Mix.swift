import JSON
import RawHTTP2

/// Reads the description of several classes of requests:
///
/// ```json
/// {"classes": [
///   {"name": "scan", "weight": 70, "url": "http://127.0.0.1:8081", "path": "/v1/scans",
///    "headers": [["authorization", "Bearer ..."]], "corpus": "codes", "form": "text",
///    "connections": 4, "streams": 32},
///   {"name": "issue", "weight": 25, "url": "http://127.0.0.1:8080", "path": "/v1/codes",
///    "headers": [["content-type", "application/json"]], "bodies": "one-a-line"}]}
/// ```
enum Mix {
  private static let known: Set<String> = [
    "name", "weight", "url", "urls", "method", "path", "headers", "corpus", "form", "bodies",
    "body_file", "check", "expect_status", "connections", "streams",
  ]

  static func classes(file path: String) throws -> [ClassPlan] {
    let bytes = try Inputs.file(path)
    let json: JSONValue
    do throws(JSONError) { json = try JSONParser.parse(bytes) } catch {
      throw Failure("\(path): \(error.description)")
    }
    guard let list = json["classes"]?.array, !list.isEmpty else {
      throw Failure("\(path): it has no \"classes\"")
    }
    return try list.enumerated().map { index, item in
      do { return try make(item) } catch {
        throw Failure("\(path), class \(index + 1): \(error)")
      }
    }
  }

  private static func make(_ json: JSONValue) throws -> ClassPlan {
    for member in json.members ?? [] where !known.contains(member.name) {
      throw Failure("there is no setting \(member.name); known: \(known.sorted())")
    }
    guard let name = json["name"]?.string, let path = json["path"]?.string else {
      throw Failure("a class has a name and a path")
    }
    let urls = json["urls"]?.array?.compactMap(\.string) ?? [json["url"]?.string ?? ""]
    var item = ClassPlan(name: name, endpoints: try urls.map(Inputs.endpoint), path: path)
    item.method = json["method"]?.string ?? "POST"
    item.weight = try weight(json["weight"])
    for pair in json["headers"]?.array ?? [] {
      guard let pair = pair.array, pair.count == 2, let name = pair[0].string,
        let value = pair[1].string
      else { throw Failure("headers are [[name, value], ...]") }
      item.headers.append(HeaderField(name.lowercased(), value))
    }
    item.connections = try count(json, "connections", 1...100_000) ?? 4
    item.streams = try count(json, "streams", 1...4_096) ?? 32
    item.expectedStatus = try count(json, "expect_status", 200...599) ?? 200
    try Inputs.setBodies(
      of: &item, bodyFile: json["body_file"]?.string, corpus: json["corpus"]?.string,
      form: json["form"]?.string ?? "text")
    if let bodies = json["bodies"]?.string {
      item.bodies = try Bodies.lines(try Inputs.file(bodies), path: bodies)
    }
    if let check = json["check"]?.string { item.check = try Inputs.check(check, of: item) }
    return item
  }

  private static func weight(_ json: JSONValue?) throws -> Double {
    switch json {
    case nil: return 1
    case .integer(let number) where number > 0: return Double(number)
    case .double(let number) where number > 0: return number
    default: throw Failure("a weight is a number above 0")
    }
  }

  private static func count(
    _ json: JSONValue, _ name: String, _ range: ClosedRange<Int>
  ) throws -> Int? {
    guard let value = json[name] else { return nil }
    guard let number = value.integer, range.contains(Int(number)) else {
      throw Failure("\(name) must be \(range.lowerBound) to \(range.upperBound)")
    }
    return Int(number)
  }
}
