import JSON
import Logging
import Synchronization
import Testing

@testable import Server

@Suite struct LogTests {
  @Test("a JSON line is one object, whatever stands in its texts")
  func json() throws {
    let line = LogLine(service: "verifier", format: .json)
    let text = line.text(
      .error, "the \"disk\" is full\n",
      [
        "path": "a\\b\r\n\u{1}", "count": .stringConvertible(7), "level": "3",
        "list": ["x", .stringConvertible(1)], "inner": ["b": "2", "a": "1"],
      ])
    #expect(text.hasSuffix("}\n") && text.filter { $0 == "\n" }.count == 1)
    let json = try JSONParser.parse(Array(text.utf8))
    #expect(json["level"]?.string == "error" && json["service"]?.string == "verifier")
    #expect(json["message"]?.string == "the \"disk\" is full\n")
    #expect(json["path"]?.string == "a\\b\r\n\u{1}" && json["count"]?.integer == 7)
    #expect(json["event_level"]?.string == "3")
    #expect(json["list"]?.array?.count == 2 && json["inner"]?["b"]?.string == "2")
    let time = try #require(json["time"]?.string)
    #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
  }

  @Test("a line for people has its keys in order and quotes what has spaces")
  func text() {
    let line = LogLine(service: "relay", format: .text)
    let text = line.text(.info, "following", ["b": "2", "a": "x \"y\"\n", "c": "1=1"])
    #expect(text.hasSuffix(#" info relay following a="x \"y\"\n" b=2 c="1=1""# + "\n"))
  }

  @Test("settings choose the form, and refuse others")
  func settings() throws {
    func configuration(_ overrides: [String]) throws -> Configuration {
      try Configuration(service: "relay", settings: LogSettings.all, overrides: overrides)
    }
    #expect(try LogSettings.format(try configuration(["log_format=json"])) == .json)
    #expect(try LogSettings.format(try configuration(["log_format=text"])) == .text)
    #expect(throws: ConfigurationError.self) {
      try LogSettings.format(try configuration(["log_format=xml"]))
    }
    #expect(try LogSettings.requests(try configuration([])) == nil)
    let quiet = ["log_requests_one_in=5", "log_level=error"]
    #expect(try LogSettings.requests(try configuration(quiet)) == nil)
    let log = try #require(try LogSettings.requests(try configuration(["log_requests_one_in=5"])))
    #expect(log.oneIn == 5)
    log.close()
  }

  /// Keeps what a log writes, and holds its writer while `isSlow`.
  private final class Reader: Sendable {
    private let text = Mutex("")
    let isSlow = Atomic(true)

    func take(_ more: String) {
      while isSlow.load(ordering: .acquiring) { System.sleep(milliseconds: 1) }
      text.withLock { $0 += more }
    }

    var lines: [Substring] { text.withLock { $0 }.split(separator: "\n") }
  }

  @Test("a reader of standard error that is slow costs lines, which are counted, and never time")
  func drops() throws {
    let reader = Reader()
    let log = RequestLog(LogLine(service: "verifier", format: .json), oneIn: 1) {
      reader.take($0)
    }
    let written = 5_000
    // The writer waits for the reader all the while: none of these calls may.
    for _ in 0..<written {
      log.write(
        LoggedRequest(trace: nil, principal: "gate"), route: "POST /v1/scans", status: 200,
        microseconds: 80)
    }
    reader.isSlow.store(false, ordering: .releasing)
    log.close()
    var seen = 0
    var dropped = 0
    for line in reader.lines {
      let json = try JSONParser.parse(Array(line.utf8))
      if json["message"]?.string == "request" {
        seen += 1
        #expect(json["duration_microseconds"]?.integer == 80 && json["status"]?.integer == 200)
      } else {
        dropped += Int(try #require(json["count"]?.integer))
      }
    }
    #expect(seen + dropped == written)
    #expect(dropped > 1_000 && seen > 500, "\(seen) written, \(dropped) dropped")
  }

  @Test("a request's line names caller, trace and call, and a fault of ours is an error")
  func request() throws {
    let reader = Reader()
    reader.isSlow.store(false, ordering: .releasing)
    let log = RequestLog(LogLine(service: "relay", format: .json), oneIn: 1) { reader.take($0) }
    let given = TraceContext(high: 1, low: 2, parentID: 3, isSampled: true)
    let request = LoggedRequest(trace: given, principal: "gate")
    log.write(request, route: "POST /v1/scans", status: 503, microseconds: 9)
    log.close()
    let line = try #require(reader.lines.first)
    let json = try JSONParser.parse(Array(line.utf8))
    #expect(json["level"]?.string == "error" && json["principal"]?.string == "gate")
    #expect(json["trace_id"]?.string == "00000000000000010000000000000002")
    #expect(json["parent_id"]?.string == "0000000000000003")
    #expect(request.trace.text.contains(try #require(json["request_id"]?.string)))
    #expect(request.trace.parentID != 3)
  }
}
