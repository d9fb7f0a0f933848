import Foundation
import RawHTTP2
import Synchronization
import World

/// Says once, to many threads, that it is time to stop.
final class StopFlag: Sendable {
  private let isSet = Atomic<Bool>(false)
  func set() { isSet.store(true, ordering: .releasing) }
  var isRaised: Bool { isSet.load(ordering: .acquiring) }
}

/// Runs `body`, whose calls block, on a thread of its own.
func onThread<Value: Sendable>(
  _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
  }
}

/// What an honest client went through.
struct HonestReport: Sendable {
  var accepted = 0
  /// Answers that were none: refused, late, or lost with the connection.
  var failed = 0
  var latencies: [Duration] = []
  var lastFault = ""

  var p99: Duration {
    let sorted = latencies.sorted()
    return sorted.isEmpty ? .zero : sorted[(sorted.count * 99 - 1) / 100]
  }

  /// Accepted of all, in thousandths.
  var perMille: Double { Double(accepted) * 1_000 / Double(max(1, accepted + failed)) }
}

/// A gate with one connection that scans one code again and again.
final class HonestScanner {
  private let endpoint: RawHTTP2.Endpoint
  private let token: String
  private let code: [UInt8]
  private var connection: RawConnection
  private var nextStreamID: UInt32 = 1
  private(set) var report = HonestReport()

  init(of endpoint: RawHTTP2.Endpoint, token: String, code: String) throws {
    self.endpoint = endpoint
    self.token = token
    self.code = Array(code.utf8)
    connection = try Self.open(endpoint)
  }

  /// Scans every `pause` until `stop`, at least `times` times.
  static func run(
    of endpoint: RawHTTP2.Endpoint, token: String, code: String, times: Int = 0,
    pause: TimeInterval = 0.002, until stop: StopFlag? = nil
  ) throws -> HonestReport {
    let scanner = try HonestScanner(of: endpoint, token: token, code: code)
    while scanner.report.latencies.count < times || stop.map({ !$0.isRaised }) ?? false {
      scanner.scan()
      Thread.sleep(forTimeInterval: pause)
      if scanner.report.failed > 1_000 { break }
    }
    return scanner.report
  }

  private static func open(_ endpoint: RawHTTP2.Endpoint) throws -> RawConnection {
    let connection = try RawConnection(opening: endpoint)
    connection.send(.windowUpdate(0, 1 << 30))
    return connection
  }

  func scan() {
    let begin = ContinuousClock.now
    do {
      let block = connection.block(
        "POST", adding: HeaderField("authorization", "Bearer \(token)"),
        HeaderField("content-type", "text/plain"))
      connection.send(
        .headers(nextStreamID, block, .endHeaders), .data(nextStreamID, code, .endStream))
      // Generous: a machine that builds something else may stand still for seconds.
      let response = try connection.expectResponse(on: nextStreamID, within: .seconds(10))
      guard response.status == 200 else { throw connection.unmet("200, not \(response.status)") }
      report.accepted += 1
      nextStreamID += 2
    } catch {
      report.failed += 1
      report.lastFault = String("\(error)".prefix(300))
      if let fresh = try? Self.open(endpoint) {
        connection = fresh
        nextStreamID = 1
      }
    }
    report.latencies.append(.now - begin)
  }
}

extension World {
  /// The verifier as raw clients see it.
  func verifierEndpoint(isTLS: Bool) -> RawHTTP2.Endpoint {
    let ports = home.ports["verifier"]!
    return RawHTTP2.Endpoint(
      address: "127.0.0.1", port: UInt16(isTLS ? ports.https : ports.h2c),
      tls: isTLS ? .init(caFile: certificateFile) : nil, path: "/v1/scans")
  }

  /// The sum of a metric's series of the verifier whose text begins with `name`.
  func verifierMetric(_ name: String) async throws -> Double {
    let text = try await Command.require(
      "curl", ["-sS", "--http1.1", home.adminURL("verifier") + "/metrics"])
    return text.split(separator: "\n").filter { $0.hasPrefix(name) }
      .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
  }
}

/// What the system says of another process.
enum ProcessFacts {
  /// A line of /proc/PID/status in bytes, such as `VmRSS` or `VmHWM`, the highest VmRSS so far.
  static func memory(_ field: String, of processID: Int32) -> Int? {
    Files.text("/proc/\(processID)/status").split(separator: "\n")
      .first { $0.hasPrefix("\(field):") }?
      .split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { Int($0) }.map { $0 * 1_024 }
  }

  /// The processor time used so far.
  static func processorSeconds(of processID: Int32) -> Double? {
    let text = Files.text("/proc/\(processID)/stat")
    guard let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 13, let user = Double(fields[11]), let system = Double(fields[12])
    else { return nil }
    return (user + system) / 100
  }
}
