/// The world of a directory that runs without the program that started it.
package struct Background: Sendable {
  package let directory: String

  package init(directory: String) { self.directory = directory }

  package var worldDirectory: String { "\(directory)/world" }

  /// The variables of the world, for `. FILE` in a shell.
  package var environmentFile: String { "\(Spawn.resolved(directory))/env" }

  /// In the order in which they end.
  private static let services = ["verifier", "relay", "issuer"]

  /// The services that run, by name.
  package var running: [String] { processes.map(\.name) }

  /// What the pid files name and the kernel confirms: another process may have the number by now.
  private var processes: [(name: String, processID: Int32)] {
    let pids = "\(worldDirectory)/pids"
    let names = Files.names(in: pids)
    let world = Spawn.resolved(worldDirectory)
    return names.compactMap { name in
      let text = Files.text("\(pids)/\(name)").split(separator: "\n").first ?? ""
      guard let processID = Int32(text), isOurs(processID, world) else { return nil }
      return (name, processID)
    }
  }

  private func isOurs(_ processID: Int32, _ world: String) -> Bool {
    Files.text("/proc/\(processID)/cmdline").contains("\(world)/")
  }

  /// Ends all processes: those that call others first, SIGKILL after 15 seconds. Their number.
  package func stop() async throws -> Int {
    Spawn.removeFile("\(directory)/env")
    let processes = processes
    for service in Self.services {
      let some = processes.filter { $0.name.hasSuffix(service) }
      for process in some { Spawn.send(.terminate, to: process.processID) }
      for process in some { try await awaitEnd(process.processID) }
    }
    return processes.count
  }

  private func awaitEnd(_ processID: Int32) async throws {
    let world = Spawn.resolved(worldDirectory)
    let deadline = ContinuousClock.now + .seconds(15)
    while isOurs(processID, world) {
      if ContinuousClock.now > deadline { Spawn.send(.kill, to: processID) }
      guard ContinuousClock.now < deadline + .seconds(5) else {
        throw WorldError("process \(processID) does not end")
      }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  /// Removes what an earlier world left.
  package func clear() async throws {
    guard running.isEmpty else { throw WorldError("a world is up in \(directory)") }
    for name in ["env", "sample-codes"] { Spawn.removeFile("\(directory)/\(name)") }
    try await Files.removeDirectory(worldDirectory)
  }
}
