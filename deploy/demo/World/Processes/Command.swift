import Server

/// Runs a program to its end.
package enum Command {
  package struct Result: Sendable {
    package let ending: Spawn.Ending
    package let output: String
    package let error: String

    package var hasSucceeded: Bool { ending == .exited(0) }
  }

  /// Runs `program` and hands back all it printed. Killed after `timeoutSeconds`.
  package static func run(
    _ program: String, _ arguments: [String], input: Spawn.Stream = .null,
    timeoutSeconds: Int = 60
  ) async throws -> Result {
    let (output, error) = (Scratch.path(), Scratch.path())
    defer {
      Spawn.removeFile(output)
      Spawn.removeFile(error)
    }
    let process = try Spawn.start(
      program, arguments,
      streams: .init(input: input, output: .file(output), error: .file(error)))
    let endings: [Spawn.Ending]
    do {
      endings = try await Self.endings(of: [process], within: .seconds(timeoutSeconds))
    } catch let error as WorldError { throw WorldError("\(program): \(error.message)") }
    return Result(ending: endings[0], output: Files.text(output), error: Files.text(error))
  }

  /// Runs `program`, which must exit 0.
  @discardableResult
  package static func require(_ program: String, _ arguments: [String]) async throws -> String {
    let result = try await run(program, arguments)
    guard result.hasSucceeded else {
      throw WorldError("\(program) failed (\(result.ending)): \(result.error)")
    }
    return result.output
  }

  /// Waits for the end of all children; those that still run after `limit`, or when the task is
  /// cancelled, are killed.
  static func endings(
    of processes: [Int32], within limit: Duration
  ) async throws -> [Spawn.Ending] {
    let deadline = ContinuousClock.now + limit
    var endings: [Spawn.Ending] = []
    do {
      for process in processes {
        guard let ending = try await ending(of: process, within: deadline - .now) else {
          throw WorldError("process \(process) did not end within \(limit)")
        }
        endings.append(ending)
      }
      return endings
    } catch {
      for process in processes.dropFirst(endings.count) {
        Spawn.send(.kill, to: process)
        await Task.detached { _ = try? await Self.ending(of: process, within: .seconds(5)) }.value
      }
      throw error
    }
  }

  /// Waits for the end of a child; `nil` when it still runs after `limit`.
  package static func ending(
    of processID: Int32, within limit: Duration
  ) async throws -> Spawn.Ending? {
    let deadline = ContinuousClock.now + limit
    while true {
      if let ending = Spawn.reap(processID) { return ending }
      guard ContinuousClock.now < deadline else { return nil }
      try await Task.sleep(for: .milliseconds(2))
    }
  }
}

/// Names for files that live for one command.
enum Scratch {
  private static let counter = Counter()

  static func path() -> String {
    "/tmp/citycode-\(System.processID)-\(counter.next())"
  }
}
