import Foundation
import Storage

/// A process for tests of what several processes do to one cache: `Probe COMMAND DIRECTORY ...`.
/// Says one line per thing that happened; a failure is "error CODE text" and exit status 1.
@main
enum Probe {
  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard arguments.count >= 2 else { return end("usage: Probe COMMAND DIRECTORY ...") }
    let rest = Array(arguments.dropFirst(2))
    do {
      switch arguments[0] {
      case "hold": try EnvironmentProbe.hold(arguments[1], rest)
      case "write": try EnvironmentProbe.write(arguments[1], rest)
      case "fill": try EnvironmentProbe.fill(arguments[1], rest)
      case "follow": try CacheProbe.follow(arguments[1], rest)
      case "watch": try CacheProbe.watch(arguments[1])
      case "stall": try CacheProbe.stall(arguments[1])
      default: end("no such command: \(arguments[0])")
      }
    } catch let error as StorageError {
      end("error \(error.code.rawValue) \(error)")
    } catch {
      end("error \(error)")
    }
  }

  static func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
  }

  private static func end(_ line: String) {
    say(line)
    exit(1)
  }

  /// Waits for a line from the test, or for the end of what it says.
  static func wait() { _ = readLine() }
}
