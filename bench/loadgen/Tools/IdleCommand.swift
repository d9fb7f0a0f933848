import ArgumentParser
import Histogram
import JSON
import Server

struct Idle: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Open many connections with one request each, hold them, report the server's memory.",
    discussion: """
      EXAMPLES:
        loadgen idle --url "$VERIFIER_H2C_URL" --connections 10000 --hold 10 --server-pid 4711
      """)

  /// How long opening them all may take.
  private static let openingSecondsMax: UInt64 = 120

  @OptionGroup var target: TargetOptions

  @Option(help: "Path of the one request (GET).")
  var path = "/"

  @Option(help: "The status its answer should have; 0 for any.")
  var expectStatus = 0

  @Option(help: "Connections in all.")
  var connections = 10_000

  @Option(help: "Seconds to hold them all open.")
  var hold = 10.0

  @Option(name: .customLong("server-pid"), help: "The server's process.")
  var serverPID: [Int32] = []

  @Option(help: "Core for this program's thread.")
  var cores: String?

  @Option(help: "Where the report goes.")
  var json: String?

  func validate() throws {
    guard 1...1_000_000 ~= connections, hold > 0 else {
      throw ValidationError("--connections must be 1 to 1000000, --hold above 0")
    }
    guard !serverPID.isEmpty else {
      throw ValidationError("--server-pid is missing: whose memory is it?")
    }
  }

  func run() throws {
    guard !target.url.isEmpty else { throw ValidationError("--url is missing") }
    var item = ClassPlan(
      name: "idle", endpoints: try target.endpoints(), method: "GET", path: path)
    item.connections = connections
    item.streams = 1
    item.expectedStatus = expectStatus
    item.check = expectStatus == 0 ? .none : .status
    var plan = Plan(classes: [item])
    plan.use = .idle
    plan.cores = (cores ?? "").split(separator: ",").compactMap { Int($0) }.prefix(1).map { $0 }
    plan.warmupSeconds = 0
    plan.seconds = 86_400
    plan.caFile = target.ca
    let runner = Runner(plan: plan, serverProcesses: serverPID)
    let observation = Observation()
    let result = try runner.run { control in try watch(control, observation) }
    let total = result.total
    let report = report(observation, total)
    if let json { try Inputs.write(Report.text(report), to: json) }
    System.writeOutput(
      "\(observation.openAfterHold) of \(connections) open after \(hold) s; server"
        + " \(observation.before) KiB before, \(observation.open) open, \(observation.held) held:"
        + " \(observation.kibPerConnection(connections)) KiB a connection\n")
    guard total.wrong == 0 else { throw ExitCode(3) }
  }

  /// What was seen, KiB over all servers.
  private final class Observation {
    var before = 0
    var open = 0
    var held = 0
    var openingSeconds = 0.0
    var openAfterHold = 0

    func kibPerConnection(_ count: Int) -> Double {
      (Double(held - before) / Double(count) * 100).rounded() / 100
    }
  }

  private var residentKiB: Int {
    serverPID.reduce(0) { $0 + (ProcessUsage(of: $1)?.residentKiB ?? 0) }
  }

  private func watch(_ control: RunControl, _ observation: Observation) throws {
    observation.before = residentKiB
    let start = System.monotonicNanoseconds
    control.begin(at: start)
    while control.openCount < connections, !control.isStopped {
      System.sleep(milliseconds: 5)
      let seconds = (System.monotonicNanoseconds - start) / 1_000_000_000
      // Without a single one after a while there will be none.
      if seconds >= (control.openCount == 0 ? 5 : Self.openingSecondsMax) { break }
    }
    observation.openingSeconds = Double(System.monotonicNanoseconds - start) / 1e9
    guard control.openCount == connections else {
      control.stop()
      throw Failure(
        "only \(control.openCount) of \(connections) connections could be opened:"
          + " \(control.connectFault ?? "the server does not answer")")
    }
    System.sleep(milliseconds: 500)
    observation.open = residentKiB
    System.sleep(milliseconds: UInt32(hold * 1_000))
    observation.held = residentKiB
    observation.openAfterHold = control.openCount
    control.stop()
  }

  private func report(_ observation: Observation, _ total: Tally) -> JSONValue {
    Report.object([
      ("scenario", .string("idle")), ("connections", .integer(Int64(connections))),
      ("open_after_hold", .integer(Int64(observation.openAfterHold))),
      ("hold_seconds", .double(hold)), ("opening_seconds", .double(observation.openingSeconds)),
      ("rss_kib_before", .integer(Int64(observation.before))),
      ("rss_kib_open", .integer(Int64(observation.open))),
      ("rss_kib_held", .integer(Int64(observation.held))),
      ("kib_per_connection", .double(observation.kibPerConnection(connections))),
      ("wrong", .integer(Int64(total.wrong))), ("void", .bool(total.wrong > 0)),
    ])
  }
}
