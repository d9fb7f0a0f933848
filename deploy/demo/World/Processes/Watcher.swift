/// Ends the processes of a world when the program that made it dies without doing so itself.
///
/// A shell waits for the end of its standard input, a pipe whose other end only this process
/// holds; then it kills what the world's `pids` directory names and the command line confirms.
package struct Watcher: Sendable {
  private let writing: Int32
  private let processID: Int32

  package init(directory: String) throws(WorldError) {
    let script = """
      read -r line
      for pid in $(cat "$1"/pids/*); do
        grep -qsF "$1/" "/proc/$pid/cmdline" && kill -KILL "$pid"
      done
      """
    let (reading, writing) = try Spawn.pipe()
    defer { Spawn.closeDescriptor(reading) }
    self.writing = writing
    processID = try Spawn.start(
      "sh", ["-c", script, "sh", directory],
      streams: .init(input: .descriptor(reading), output: .null, error: .null),
      inOwnSession: true)
  }

  /// Lets the watcher go; the world's processes live or die by other means.
  package func dismiss() async {
    Spawn.send(.kill, to: processID)
    _ = try? await Command.ending(of: processID, within: .seconds(5))
    Spawn.closeDescriptor(writing)
  }
}
