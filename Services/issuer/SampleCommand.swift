import ArgumentParser
import Codes
import IssuerCore
import Server

/// `issuer sample`: a population to try things with.
struct SampleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample",
    abstract: "Write a sample population as CSV to standard output.",
    discussion: """
      Same number of people, seed and region, same bytes. No real person is in it.

      EXAMPLES
        issuer sample --people 10000 --seed 1 > people.csv
        issuer sample --people 34000000 --seed 1 | issuer load - --config issuer.json
      """)

  @Option(help: "How many rows.")
  var people: Int

  @Option(help: "What the sample is drawn from.")
  var seed: UInt64 = 1

  @Option(help: "The region most residents come from.")
  var region = "310000"

  func run() throws {
    guard let region = Region(text: region) else {
      throw ValidationError("--region must be a GB/T 2260 code of six digits")
    }
    guard 1...SamplePopulation.peopleMax ~= people else {
      throw ValidationError("--people must be 1 to \(SamplePopulation.peopleMax)")
    }
    var population = SamplePopulation(people: people, seed: seed, region: region)
    var chunk: [UInt8] = []
    var goesOn = true
    while goesOn {
      chunk.removeAll(keepingCapacity: true)
      goesOn = population.appendRows(into: &chunk, upTo: 1 << 20)
      guard System.writeOutput(chunk) else { throw ExitCode(1) }
    }
  }
}
