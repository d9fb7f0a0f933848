import Server
import Synchronization

/// One service of a world: a process that is started, stopped, killed and started again.
package final class Daemon: Sendable {
  /// What the service said when it began to listen.
  package struct Addresses: Sendable {
    package let https: String
    package let h2c: String?
    package let admin: String
  }

  /// For people and file names, such as "310000-issuer".
  package let name: String
  /// "issuer", "verifier" or "relay".
  package let service: String
  package let configurationFile: String
  package let logFile: String
  private let outputFile: String
  private let pidFile: String
  private let executable: String
  private let state = Mutex<(processID: Int32?, addresses: Addresses?)>((nil, nil))

  package init(
    name: String, service: String, configurationFile: String, directory: String,
    programs: Programs
  ) {
    self.name = name
    self.service = service
    self.configurationFile = configurationFile
    logFile = "\(directory)/logs/\(name).log"
    outputFile = "\(directory)/logs/\(name).out"
    pidFile = "\(directory)/pids/\(name)"
    executable = programs.path(of: service)
  }

  package var processID: Int32? { state.withLock { $0.processID } }

  /// Whether the process that was started still runs.
  package var isAlive: Bool {
    guard let processID else { return false }
    let state = Files.text("/proc/\(processID)/stat").split(separator: ")").last ?? ""
    return !state.isEmpty && !state.hasPrefix(" Z")
  }

  package var addresses: Addresses? { state.withLock { $0.addresses } }

  /// Starts the process and waits for its line that says it is ready; with at most so many
  /// descriptors (ulimit -n) and `under` another program that becomes it, if asked.
  package func start(descriptorsMax: Int? = nil, under program: [String] = []) async throws {
    precondition(processID == nil, "\(name) runs already")
    Spawn.removeFile(outputFile)
    var command = [executable, "serve", "--config", configurationFile]
    if let descriptorsMax { command = ["prlimit", "--nofile=\(descriptorsMax)"] + command }
    command = program + command
    let process = try Spawn.start(
      command[0], Array(command.dropFirst()),
      streams: .init(output: .file(outputFile), error: .appended(logFile)), inOwnSession: true)
    state.withLock { $0 = (process, nil) }
    try Files.write("\(process)\n", to: pidFile)
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      if let addresses = Self.addresses(in: Files.text(outputFile)) {
        return state.withLock { $0.addresses = addresses }
      }
      if let ending = Spawn.reap(process) {
        forget()
        throw WorldError("\(name) ended at its start (\(ending)):\n  \(Files.tail(logFile))")
      }
      guard ContinuousClock.now < deadline else {
        await kill()
        throw WorldError("\(name) was not ready after 60 s:\n  \(Files.tail(logFile))")
      }
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  /// Asks the process to finish what it has begun and end; kills it after 15 seconds.
  @discardableResult
  package func stop() async -> Spawn.Ending? { await end(with: .terminate) }

  /// Ends the process at once, as a power cut or the kernel's memory killer does.
  @discardableResult
  package func kill() async -> Spawn.Ending? { await end(with: .kill) }

  package func restart() async throws {
    await stop()
    try await start()
  }

  /// Halts the process without ending it (SIGSTOP), or lets it go on (SIGCONT).
  package func send(_ signal: Spawn.Signal) {
    if let processID { Spawn.send(signal, to: processID) }
  }

  private func end(with signal: Spawn.Signal) async -> Spawn.Ending? {
    guard let process = processID else { return nil }
    Spawn.send(signal, to: process)
    // The caller may have been cancelled; ending processes must not depend on that.
    let ending = await Task.detached { () -> Spawn.Ending? in
      if let ending = try? await Command.ending(of: process, within: .seconds(15)) {
        return ending
      }
      Spawn.send(.kill, to: process)
      return try? await Command.ending(of: process, within: .seconds(15))
    }.value
    forget()
    return ending
  }

  private func forget() {
    state.withLock { $0 = (nil, nil) }
    Spawn.removeFile(pidFile)
  }

  /// Reads `ready issuer https=127.0.0.1:8440 h2c=- admin=127.0.0.1:8442`.
  static func addresses(in output: String) -> Addresses? {
    guard let end = output.firstIndex(of: "\n"), output.hasPrefix("ready ") else { return nil }
    var values: [Substring: String] = [:]
    for word in output[..<end].split(separator: " ") {
      let parts = word.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { values[parts[0]] = String(parts[1]) }
    }
    guard let https = values["https"], let admin = values["admin"] else { return nil }
    let h2c = values["h2c"] == "-" ? nil : values["h2c"]
    return Addresses(https: https, h2c: h2c, admin: admin)
  }
}

/// Where the services' programs and the repository are.
package struct Programs: Sendable {
  private let directory: String
  /// The repository: the directory that holds `deploy/scenes`.
  package let root: String

  /// The programs built beside the one that runs now.
  package init() throws(WorldError) {
    let own = Spawn.ownExecutable
    directory = own.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
    var root = directory
    while !root.isEmpty, !Spawn.exists("\(root)/deploy/scenes") {
      root = root.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
    }
    guard !root.isEmpty else {
      throw WorldError("there is no repository with deploy/scenes above \(own)")
    }
    self.root = root
    for program in ["issuer", "verifier", "relay"] where !Spawn.exists(path(of: program)) {
      throw WorldError("\(path(of: program)) is missing: run `swift build` first")
    }
  }

  package func path(of program: String) -> String { "\(directory)/\(program)" }

  package var scenes: String { "\(root)/deploy/scenes" }
}
