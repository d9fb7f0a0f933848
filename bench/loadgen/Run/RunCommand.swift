import ArgumentParser
import JSON
import RawHTTP2
import Server

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Send requests for a while, open or closed loop, and report.",
    discussion: """
      EXAMPLES:
        loadgen run --url http://127.0.0.1:8080 --method GET --path /index.html --closed
        loadgen run --url "$VERIFIER_H2C_URL" --path /v1/scans --bearer-file token \\
          --corpus codes --form text --closed --server-pid 4711 --json out.json
        loadgen run --url "$VERIFIER_URL" --ca "$CA_FILE" --path /v1/scans/batch \\
          --bearer-file token --corpus codes --form batch=256 --rate 500 --arrivals poisson
        loadgen run --mix morning.json --rate 50000 --give-up-milliseconds 1000
      """)

  @OptionGroup var target: TargetOptions
  @OptionGroup var load: LoadOptions

  @Option(help: "Several classes of requests in one run: a JSON file with their descriptions.")
  var mix: String?

  @Option(help: "HTTP method.")
  var method = "POST"

  @Option(help: "Path, and query if any.")
  var path: String?

  @Option(name: .customLong("header"), help: "A field of every request: 'name: value'.")
  var headers: [String] = []

  @Option(help: "A file with a token, sent with every request as authorization: Bearer.")
  var bearerFile: String?

  @Option(help: "A file that is the body of every request.")
  var bodyFile: String?

  @Option(help: "A file of codes, one a line: CODE TAB EXPECTED-OUTCOME (without: accepted).")
  var corpus: String?

  @Option(help: "How codes become bodies: text, json or batch=N.")
  var form = "text"

  @Option(help: "Connections in all.")
  var connections = 16

  @Option(help: "Requests in flight on a connection, if the server allows as many.")
  var streams = 32

  @Option(help: "The status an answer should have.")
  var expectStatus = 200

  @Option(help: "What is checked: none, status or outcome. Default: outcome with --corpus.")
  var check: String?

  @Option(help: "The scenario's name in the report.")
  var scenario = "run"

  func run() throws {
    let plan = try makePlan()
    var runner = Runner(plan: plan, serverProcesses: load.serverPID)
    if System.isErrorTerminal { runner.onSecond = Progress.show }
    let result = try runner.run()
    let json = Report.json(result, scenario: scenario)
    try load.write(json)
    Summary.show(result, to: load.json)
    if result.total.wrong > 0 { throw ExitCode(3) }
  }

  private func makePlan() throws -> Plan {
    var plan = try load.plan()
    plan.caFile = target.ca
    plan.resumes = !target.noResumption
    if let mix {
      plan.classes = try Mix.classes(file: mix)
    } else {
      plan.classes = [try makeClass()]
    }
    for item in plan.classes where item.connections < plan.threads {
      throw Failure(
        "class \(item.name) has \(item.connections) connections, fewer than threads"
          + " (\(plan.threads)): give it more")
    }
    return plan
  }

  private func makeClass() throws -> ClassPlan {
    guard !target.url.isEmpty else { throw ValidationError("--url is missing (or --mix)") }
    guard let path else { throw ValidationError("--path is missing") }
    var item = ClassPlan(
      name: scenario, endpoints: try target.endpoints(), method: method, path: path)
    item.headers = try headers.map(Inputs.header)
    if let bearerFile {
      let token = try Inputs.text(bearerFile)
      item.headers.append(HeaderField("authorization", "Bearer \(token)"))
    }
    item.connections = connections
    item.streams = streams
    item.expectedStatus = expectStatus
    try Inputs.setBodies(of: &item, bodyFile: bodyFile, corpus: corpus, form: form)
    if let check { item.check = try Inputs.check(check, of: item) }
    return item
  }

  func validate() throws {
    guard 1...100_000 ~= connections, 1...4_096 ~= streams else {
      throw ValidationError("--connections must be 1 to 100000, --streams 1 to 4096")
    }
    guard bodyFile == nil || corpus == nil else {
      throw ValidationError("give --body-file or --corpus, not both")
    }
  }
}
