import Security
import Server

/// What stops a command, with the cure.
struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// What a run found.
struct RunResult {
  var plan: Plan
  /// In the order of the plan's classes.
  var classes: [Tally]
  var servers: [ServerUsage]
  var generatorProcessorSeconds: Double

  var total: Tally {
    classes.dropFirst().reduce(into: classes[0]) { $0.add($1) }
  }
}

/// Runs a plan: starts its threads, watches the clock and the servers, puts the tallies together.
struct Runner {
  let plan: Plan
  var serverProcesses: [Int32] = []
  /// Called once at each whole second of the measured span.
  var onSecond: (Int, RunControl) -> Void = { _, _ in }

  /// Runs for the plan's time.
  func run() throws -> RunResult { try run(during: nil) }

  /// Runs until `body` is done, which must begin it and stop it.
  func run(_ body: @escaping (RunControl) throws -> Void) throws -> RunResult {
    try run(during: body)
  }

  private func run(during body: ((RunControl) throws -> Void)?) throws -> RunResult {
    let context = try makeContext()
    for processID in serverProcesses where ProcessUsage(of: processID) == nil {
      throw Failure("there is no process \(processID): see --server-pid")
    }
    let open = plan.classes.reduce(0) { $0 + $1.connections }
    guard Usage.allowOpenFiles(open + 64) else {
      throw Failure("\(open) connections need more open files than allowed: see ulimit -n")
    }
    let control = RunControl()
    let threads = (0..<plan.threads).map { index in
      SystemThread { [plan] in
        Worker(plan, index: index, context: context, control: control).run()
      }
    }
    while control.readyCount < plan.threads, !control.isStopped { System.sleep(milliseconds: 1) }
    var servers: [ServerUsage] = []
    var generatorSeconds = 0.0
    if !control.isStopped {
      if let body { try body(control) } else { (servers, generatorSeconds) = measure(control) }
    }
    for thread in threads { thread.join() }
    if let fault = control.fault { throw Failure(fault) }
    let results = control.results
    guard results.count == plan.threads else {
      throw Failure("the run was stopped before it began")
    }
    let classes = plan.classes.indices.map { index in
      results.dropFirst().reduce(into: results[0][index]) { $0.add($1[index]) }
    }
    let isEmpty = classes.allSatisfy { $0.ok + $0.refused + $0.wrong == 0 }
    if isEmpty, plan.use != .idle, let fault = control.connectFault { throw Failure(fault) }
    return RunResult(
      plan: plan, classes: classes, servers: servers,
      generatorProcessorSeconds: generatorSeconds)
  }

  /// Lets the threads begin and measures what the processes use in the span.
  private func measure(_ control: RunControl) -> ([ServerUsage], Double) {
    let begin = System.monotonicNanoseconds + 5_000_000
    control.begin(at: begin)
    let start = begin + UInt64(plan.warmupSeconds * 1e9)
    Self.sleep(until: start, control)
    let before = serverProcesses.map(ProcessUsage.init(of:))
    let ownBefore = Usage.processorSeconds
    watch(from: start, control)
    let ownSeconds = Usage.processorSeconds - ownBefore
    var servers: [ServerUsage] = []
    for (processID, before) in zip(serverProcesses, before) {
      guard let before, let after = ProcessUsage(of: processID) else { continue }
      servers.append(ServerUsage(processID: processID, before: before, after: after))
    }
    return (servers, ownSeconds)
  }

  private func makeContext() throws -> TLSContext? {
    guard plan.classes.contains(where: { $0.endpoints.contains(where: \.isSecure) }) else {
      return nil
    }
    guard let caFile = plan.caFile else {
      throw Failure("https needs --ca FILE, the authorities the server's certificate is under")
    }
    return try TLSContext.client(caFile: caFile, resumesSessions: plan.resumes)
  }

  private func watch(from start: UInt64, _ control: RunControl) {
    let end = start + UInt64(plan.seconds * 1e9)
    var second: UInt64 = 1
    while start + second * 1_000_000_000 < end, !control.isStopped {
      Self.sleep(until: start + second * 1_000_000_000, control)
      onSecond(Int(second), control)
      second += 1
    }
    Self.sleep(until: end, control)
  }

  private static func sleep(until time: UInt64, _ control: RunControl) {
    while !control.isStopped {
      let now = System.monotonicNanoseconds
      guard now < time else { return }
      System.sleep(milliseconds: UInt32(min((time - now) / 1_000_000 + 1, 50)))
    }
  }
}
