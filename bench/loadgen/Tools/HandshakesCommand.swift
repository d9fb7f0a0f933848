import ArgumentParser
import Histogram
import JSON
import Server

struct Handshakes: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Open, secure and close connections over and over; report handshakes a second.",
    discussion: """
      A handshake lasts from the connect call to the server's HTTP/2 SETTINGS.

      EXAMPLES:
        loadgen handshakes --url "$VERIFIER_URL" --ca "$CA_FILE" --server-pid 4711
        loadgen handshakes --url "$VERIFIER_URL" --ca "$CA_FILE" --resumed --json out.json
      """)

  @OptionGroup var target: TargetOptions

  @Flag(help: "Resume sessions with tickets, from the second connection on.")
  var resumed = false

  @Flag(help: "Each connection carries one request.")
  var withRequest = false

  @Option(help: "Path of that request (GET).")
  var path = "/"

  @Option(help: "The status its answer should have.")
  var expectStatus = 200

  @Option(help: "Connections being opened at once.")
  var connections = 8

  @Option(help: "Threads, one a core.")
  var threads = 1

  @Option(help: "Cores for the threads, such as 1 or 1,3.")
  var cores: String?

  @Option(help: "Measured seconds.")
  var duration = 4.0

  @Option(help: "Seconds before that which do not count.")
  var warmup = 1.0

  @Option(name: .customLong("server-pid"), help: "A server's process, to report what it used.")
  var serverPID: [Int32] = []

  @Option(help: "Where the report goes.")
  var json: String?

  func validate() throws {
    guard duration > 0, warmup >= 0, 1...64 ~= threads, threads...10_000 ~= connections else {
      throw ValidationError(
        "--duration must be above 0, --connections at least as many as --threads")
    }
  }

  func run() throws {
    guard !target.url.isEmpty else { throw ValidationError("--url is missing") }
    var item = ClassPlan(
      name: "handshakes", endpoints: try target.endpoints(), method: "GET", path: path)
    item.connections = connections
    item.streams = 1
    item.expectedStatus = expectStatus
    var plan = Plan(classes: [item])
    plan.use = .handshakes(withRequest: withRequest)
    plan.threads = threads
    plan.cores = (cores ?? "").split(separator: ",").compactMap { Int($0) }
    plan.seconds = duration
    plan.warmupSeconds = warmup
    plan.caFile = target.ca
    plan.resumes = resumed
    var runner = Runner(plan: plan, serverProcesses: serverPID)
    if System.isErrorTerminal { runner.onSecond = Progress.show }
    let result = try runner.run()
    let total = result.total
    if let json { try Inputs.write(Report.text(report(result)), to: json) }
    System.writeOutput(
      "\(Int(Double(total.ok) / duration)) handshakes/s, \(total.resumed) of \(total.ok) resumed,"
        + " \(total.errors) failed, p99 \(total.latency.whole.valueAtPercentile(99)) us\n")
    guard total.ok > 0 else { throw Failure("no handshake was done") }
    guard total.wrong == 0 else { throw ExitCode(3) }
  }

  private func report(_ result: RunResult) -> JSONValue {
    let total = result.total
    return Report.object(
      [
        ("scenario", .string("handshakes")), ("resumed", .bool(resumed)),
        ("with_request", .bool(withRequest)), ("seconds", .double(duration)),
        ("handshakes", .integer(Int64(total.ok))),
        ("per_second", .double(Double(total.ok) / duration)),
        ("resumed_count", .integer(Int64(total.resumed))),
        ("full_count", .integer(Int64(total.ok - total.resumed))),
        ("failed", .integer(Int64(total.errors))), ("wrong", .integer(Int64(total.wrong))),
        ("void", .bool(total.wrong > 0)), ("latency_us", Report.latency(total.latency.whole)),
        ("threads", .integer(Int64(threads))),
      ] + Report.usage(result, ok: total.ok))
  }
}
