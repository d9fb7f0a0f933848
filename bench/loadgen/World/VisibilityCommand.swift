import ArgumentParser
import JSON
import Server
import World

/// `loadgen visibility`: how long an acknowledged change stays unseen.
struct VisibilityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "visibility",
    abstract: "Measure the time from an acknowledged change of status to a scan that shows it.",
    discussion: """
      Changes the colours of some holders at the issuer, one change after the other, scans a code
      of the holder until the answer has the new colour, and restores the colours at the end. The
      time counts from the acknowledgement to the end of the first scan that shows the change.

      EXAMPLES
        loadgen visibility --world-env .run/env --changes 200 --json out.json
        loadgen visibility --second-verifier-url https://127.0.0.1:9450
      """)

  @Option(help: "The file of variables that `make up` wrote.")
  var worldEnv = ".run/env"

  @Option(help: "How many changes.")
  var changes = 200

  @Option(help: "A verifier of another host, which the tokens of the first one also open.")
  var secondVerifierUrl: String?

  @Option(help: "The variable that holds the token for the second verifier.")
  var secondTokenVariable = "POINT_TOKEN"

  @Option(help: "Where the figures go as JSON.")
  var json: String?

  func validate() throws {
    guard 1...1_000_000 ~= changes else {
      throw ValidationError("--changes must be 1 to 1000000")
    }
  }

  func run() throws {
    let run = try VisibilityRun(
      WorldEnvironment(path: worldEnv), secondURL: secondVerifierUrl,
      secondTokenVariable: secondTokenVariable)
    let changes = changes
    let json = json
    try waiting {
      let text = try await run.measure(changes: changes)
      if let json { try Files.write(text, to: json) }
      System.writeOutput(text)
    }
  }
}
