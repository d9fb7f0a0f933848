import ArgumentParser
import Glibc
import Histogram
import JSON
import Server

struct Selftest: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Stop a server for two seconds in an open-loop run: p99 must show it.",
    discussion: """
      A generator that waits for answers before it goes on would send less during the stop and
      show a good p99. This one must not: the self-test fails unless p99 is above a second.

      EXAMPLES:
        loadgen selftest --url http://127.0.0.1:8080 --method GET --path / --server-pid 4711
      """)

  private static let stopSeconds = 2.0
  /// Of six seconds of requests a third meets the stop, evenly 0 to 2 s late.
  private static let seconds = 6.0
  private static let p99MicrosecondsMin: UInt64 = 1_000_000
  private static let maxMicrosecondsMin: UInt64 = 1_800_000

  @OptionGroup var target: TargetOptions

  @Option(help: "HTTP method.")
  var method = "GET"

  @Option(help: "Path.")
  var path = "/"

  @Option(name: .customLong("header"), help: "A field of every request: 'name: value'.")
  var headers: [String] = []

  @Option(help: "A file that is the body of every request.")
  var bodyFile: String?

  @Option(help: "The status an answer should have.")
  var expectStatus = 200

  @Option(help: "Requests a second.")
  var rate = 2_000.0

  @Option(name: .customLong("server-pid"), help: "The server's process; it must be yours.")
  var serverPID: Int32

  @Option(help: "Where the report goes.")
  var json: String?

  func run() throws {
    guard !target.url.isEmpty else { throw ValidationError("--url is missing") }
    guard serverPID > 1, kill(serverPID, 0) == 0 else {
      throw Failure("there is no process \(serverPID) of yours: see --server-pid")
    }
    // Ctrl-C in the middle must not leave the server stopped.
    System.blockStopSignals()
    let processID = serverPID
    _ = SystemThread {
      _ = System.waitForSignal()
      kill(processID, SIGCONT)
      _exit(130)
    }
    let calm = try measure(seconds: 2, stopping: false)
    let stopped = try measure(seconds: Self.seconds, stopping: true)
    try judge(calm, stopped)
  }

  private func measure(seconds: Double, stopping: Bool) throws -> RunResult {
    var item = ClassPlan(
      name: "selftest", endpoints: try target.endpoints(), method: method, path: path)
    item.headers = try headers.map(Inputs.header)
    item.connections = 4
    item.expectedStatus = expectStatus
    if let bodyFile { item.bodies = Bodies([try Inputs.file(bodyFile)]) }
    var plan = Plan(classes: [item])
    plan.ratePerSecond = rate
    plan.seconds = seconds
    plan.warmupSeconds = 0.5
    plan.caFile = target.ca
    var runner = Runner(plan: plan, serverProcesses: [serverPID])
    let processID = serverPID
    if stopping {
      runner.onSecond = { second, _ in
        guard second == 2 else { return }
        kill(processID, SIGSTOP)
        System.sleep(milliseconds: UInt32(Self.stopSeconds * 1_000))
        kill(processID, SIGCONT)
      }
    }
    defer { if stopping { kill(processID, SIGCONT) } }
    return try runner.run()
  }

  private func judge(_ calm: RunResult, _ stopped: RunResult) throws {
    let before = calm.total.latency.whole
    let total = stopped.total
    let after = total.latency.whole
    let p99 = after.valueAtPercentile(99)
    var faults: [String] = []
    if p99 < Self.p99MicrosecondsMin { faults.append("p99 is \(p99) us: the stop does not show") }
    if after.max < Self.maxMicrosecondsMin {
      faults.append("the longest answer took less than 1.8 s")
    }
    let intended = Int(rate * Self.seconds)
    if abs(total.sent - intended) > max(2, intended / 1_000) {
      faults.append("\(total.sent) requests were sent, not \(intended): the schedule slipped")
    }
    if total.ok != total.sent { faults.append("\(total.sent - total.ok) requests failed") }
    if before.valueAtPercentile(99) >= Self.p99MicrosecondsMin {
      faults.append("p99 was above a second before the stop: the server is too slow for this")
    }
    let report = Report.object([
      ("scenario", .string("selftest")), ("passed", .bool(faults.isEmpty)),
      ("stop_seconds", .double(Self.stopSeconds)), ("offered_per_second", .double(rate)),
      ("sent", .integer(Int64(total.sent))), ("ok", .integer(Int64(total.ok))),
      ("calm_latency_us", Report.latency(before)), ("latency_us", Report.latency(after)),
      ("faults", .array(faults.map { .string($0) })),
    ])
    if let json { try Inputs.write(Report.text(report), to: json) }
    System.writeOutput(
      "p99 \(before.valueAtPercentile(99)) us calm, \(p99) us with a stop of two seconds,"
        + " max \(after.totalCount > 0 ? after.max : 0) us\n")
    guard faults.isEmpty else {
      throw Failure("self-test failed: \(faults.joined(separator: "; "))")
    }
    System.writeOutput("self-test passed\n")
  }
}
