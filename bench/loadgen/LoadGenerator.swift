import ArgumentParser

/// Loads servers with HTTP/2 requests and measures their answers.
@main
struct LoadGenerator: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "loadgen",
    abstract: "Loads an HTTP/2 server with requests, checks every answer and measures its time.",
    discussion: """
      In an open loop requests start on a fixed schedule and times count from the intended start,
      so a server that stalls shows it. In a closed loop every stream is always in use.

      EXIT STATUS: 0 done and every answer right, 3 an answer was wrong (the run is void),
      64 wrong usage, 1 anything else.
      """,
    subcommands: [
      Run.self, Handshakes.self, Idle.self, Selftest.self, CorpusCommand.self,
      VisibilityCommand.self,
    ])
}
