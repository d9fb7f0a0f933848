import ArgumentParser
import IssuerCore

/// `loadgen corpus`: the codes that the other measurements scan.
struct CorpusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "corpus",
    abstract: "Make codes of holders from all over the population, with the outcome of each.",
    discussion: """
      Writes FILE with lines CODE TAB OUTCOME; FILE.handles, bodies for POST /v1/codes, one a line;
      FILE.foreign, the partner region's codes with their outcome at home; and FILE.spare, handles
      of holders without a code here, whose status may be changed. Every code was scanned once.

      EXAMPLES
        loadgen corpus --world-env .run/env --count 100000 --out /tmp/codes
      """)

  @Option(help: "The file of variables that `make up` wrote.")
  var worldEnv = ".run/env"

  @Option(help: "How many codes, of as many holders where the population has them.")
  var count = 100_000

  @Option(help: "People of the home region; as `make up` was told unless given.")
  var people: Int?

  @Option(help: "How many codes of the partner region.")
  var foreign = 2_000

  @Option(help: "Percent of the codes that are forged.")
  var forged = 1.0

  @Option(help: "Percent of the codes whose time is over.")
  var expired = 1.0

  @Option(help: "Percent of the holders whose codes are killed.")
  var killed = 1.0

  @Option(help: "Seconds that the codes count, a multiple of 15 up to 3825.")
  var lifetime = 3_600

  @Option(help: "What holders, kinds and order are drawn from.")
  var seed: UInt64 = 1

  @Flag(help: "Put half of the codes behind a URL, as signs and posters have them.")
  var urlForms = false

  @Option(help: "Where the codes go.")
  var out: String

  func validate() throws {
    guard 1...10_000_000 ~= count, 0...1_000_000 ~= foreign else {
      throw ValidationError("--count must be 1 to 10000000, --foreign 0 to 1000000")
    }
    guard [forged, expired, killed].allSatisfy({ 0...100 ~= $0 }) else {
      throw ValidationError("--forged, --expired and --killed are percent, 0 to 100")
    }
    guard 15...IssueTerms.lifetimeSecondsMax ~= lifetime, lifetime % 15 == 0 else {
      throw ValidationError(
        "--lifetime must be 15 to \(IssueTerms.lifetimeSecondsMax) in steps of 15")
    }
  }

  func run() throws {
    let run = CorpusRun(
      worldEnv: worldEnv, count: count, people: people, foreign: foreign,
      shares: .init(forged: forged, expired: expired, killed: killed), lifetimeSeconds: lifetime,
      seed: seed, prefix: urlForms ? "HTTPS://CODE.EXAMPLE/C/" : "", out: out)
    try waiting { try await run.make() }
  }
}
