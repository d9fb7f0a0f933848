import ArgumentParser
import Codes
import IssuerCore
import Security
import Server
import Storage

/// `issuer explain`: why a plan's rules decide as they do about one person.
struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say which records and which rule of a plan make one person's colour.",
    discussion: """
      Reads the plan's files as compute does, but keeps only what concerns this person. Changes
      nothing; the issuer may be running. Colours that were set by hand are not known here.

      EXAMPLES
        issuer explain --plan plan.yaml --document resident_id:11010519491231002X \\
          --config issuer.json
        issuer explain --plan plan.yaml --document passport:AB123456 --as-of \\
          2020-03-01T00:00:00+08:00 --config issuer.json
      """)

  @OptionGroup var options: IssuerOptions
  @OptionGroup var planOptions: PlanOptions
  @Option(help: "TYPE:NUMBER, a type such as resident_id or passport.") var document: String

  func run() throws {
    try options.run("explain") { configuration in
      let document = try Self.document(document)
      let registered = try ComputeCommand.registered(configuration)
      let plan = try planOptions.loaded()
      let serial = try Self.serial(of: document, among: registered)
      let engine = ComputeEngine(
        plan, registered,
        try planOptions.options(spill: configuration.string("data_directory")))
      let events = try engine.events(of: serial)
      System.writeOutput(plan.words(plan.explain(events), of: events))
    }
  }

  /// Closes the registry again: the engine opens it for itself.
  private static func serial(
    of document: Document, among registered: ComputeEngine.Registered
  ) throws -> Serial {
    let reader = try RegistryReader(try registered.open())
    if let serial = try reader.serial(ofDocument: registered.secret.key(of: document)) {
      return serial
    }
    System.writeError("issuer explain: nobody is registered with this document\n")
    throw ExitCode(1)
  }

  /// Never says the number: what is written may be kept.
  private static func document(_ text: String) throws(ConfigurationError) -> Document {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      throw ConfigurationError("--document must be TYPE:NUMBER, like resident_id:1101...")
    }
    guard let type = DocumentType(name: parts[0]) else {
      let names = DocumentType.allCases.map(\.name).joined(separator: ", ")
      throw ConfigurationError("--document begins with a type: \(names)")
    }
    do throws(DocumentFault) { return try Document(type: type, text: parts[1]) } catch {
      throw ConfigurationError("--document is no number of a \(type.name): \(error.name)")
    }
  }
}
