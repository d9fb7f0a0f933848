import Foundation

/// Another process of a test: the probe executable that was built beside the tests, or a program
/// that runs it. Its lines are read one by one; it ends with this value at the latest.
package final class Probe {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private var buffer: [UInt8] = []

  /// Where the probe lies: the tests are run from the directory it was built in.
  package static func path(_ name: String) -> String {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    // `swift test` runs a helper of the toolchain that loads the tests as a library.
    for place in [tests, CommandLine.arguments.first ?? ""] + CommandLine.arguments {
      let path = URL(fileURLWithPath: place).deletingLastPathComponent().path + "/\(name)"
      if FileManager.default.isExecutableFile(atPath: path) { return path }
    }
    return name
  }

  /// Starts `arguments`, found like a shell would.
  package init(_ arguments: [String]) throws {
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.standardInput = input
    process.standardOutput = output
    process.standardError = output
    try process.run()
  }

  deinit { kill() }

  package var processID: Int32 { process.processIdentifier }

  /// The next line, `nil` at the end.
  package func line() -> String? {
    while true {
      if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: buffer[..<end], as: UTF8.self)
        buffer.removeSubrange(...end)
        return line
      }
      let more = output.fileHandleForReading.availableData
      if more.isEmpty {
        let rest = String(decoding: buffer, as: UTF8.self)
        buffer = []
        return rest.isEmpty ? nil : rest
      }
      buffer.append(contentsOf: more)
    }
  }

  /// All lines to the end.
  package func rest() -> [String] {
    var lines: [String] = []
    while let line = line() { lines.append(line) }
    return lines
  }

  /// Ends its input, which most probes take as a wish to end.
  package func endInput() { try? input.fileHandleForWriting.close() }

  /// Ends its input and waits; its exit status.
  @discardableResult
  package func finish() -> Int32 {
    endInput()
    process.waitUntilExit()
    return process.terminationStatus
  }

  package func signal(_ number: Int32) { Foundation.kill(process.processIdentifier, number) }

  /// Kills it as hard as can be, and waits.
  package func kill() {
    guard process.isRunning else { return }
    signal(SIGKILL)
    process.waitUntilExit()
  }
}
