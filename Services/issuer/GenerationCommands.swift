import ArgumentParser
import Codes
import Security
import Server
import StatusCache
import Storage

/// Where the issuer's settings come from, for commands beside `serve`.
struct IssuerOptions: ParsableArguments {
  @Option(name: .long, help: "JSON file of settings, as for serve.")
  var config: String?

  @Option(name: .customLong("set"), help: "One setting, key=value; may be repeated.")
  var overrides: [String] = []

  func configuration() throws(ConfigurationError) -> Configuration {
    try Configuration(
      service: "issuer", settings: IssuerSettings.all, file: config,
      environment: System.environment, overrides: overrides)
  }

  /// Runs `body` with the configuration; an error ends the command with its text.
  func run(_ command: String, _ body: (Configuration) throws -> Void) throws {
    do { try body(try configuration()) } catch let error as ExitCode {
      throw error
    } catch {
      System.writeError("issuer \(command): \(Faults.text(error))\n")
      throw ExitCode(error is ConfigurationError ? 64 : 1)
    }
  }
}

/// `issuer generations`: what was computed, and what it would change.
struct GenerationsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generations",
    abstract: "List computed generations; the issuer may be running.",
    discussion: """
      EXAMPLES
        issuer generations --config issuer.json
        issuer generations list --json --config issuer.json
        issuer generations export 7 --out colours.csv --config issuer.json
      """,
    subcommands: [List.self, Export.self], defaultSubcommand: List.self)

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Each with plan, sources, counts, and what it would change now.")
    @OptionGroup var options: IssuerOptions
    @Flag(help: "For programs.") var json = false

    func run() throws {
      try options.run("generations") { configuration in
        let listing = try GenerationListing(try GenerationReadings(configuration))
        if json {
          System.writeOutput(listing.json)
        } else {
          System.writeOutput(listing.text)
        }
      }
    }
  }

  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write serial,colour,reason,valid_until of a generation as CSV.")
    @OptionGroup var options: IssuerOptions
    @Argument(help: "The generation's number.") var number: UInt32
    @Option(help: "The file to write.") var out: String

    func run() throws {
      try options.run("generations export") { configuration in
        let readings = try GenerationReadings(configuration)
        var pages = try readings.directory.pages(number, key: readings.key)
        let file = try OutputFile(path: out)
        try GenerationExport.write(&pages, to: file)
        try file.flush()
      }
    }
  }
}

/// `issuer activate`: makes a generation the one in force.
struct ActivateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "activate",
    abstract: "Make a computed generation the one in force, for everybody at once.",
    discussion: """
      Changes made one by one since the computation began stay. While the issuer runs it does the
      work, and scans and changes go on; otherwise this command does. Killed at any point it has
      happened or not, and nothing in between.

      EXAMPLES
        issuer activate 7 --config issuer.json
        issuer activate 7 --accept-rejects --config issuer.json
      """)
  @OptionGroup var options: IssuerOptions
  @Argument(help: "The generation's number.") var number: UInt32
  @Flag(help: "Although more rows were rejected than the plan allows.") var acceptRejects = false

  func run() throws {
    try options.run("activate") { configuration in
      try GenerationDesk(configuration).give(
        .activate(number, acceptRejects: acceptRejects), command: "activate")
    }
  }
}

/// `issuer rollback`: undoes the last activation.
struct RollBackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Go back to what was in force before the last activation.",
    discussion: """
      Changes made one by one since then stay. A second rollback is refused, so that two operators
      do not undo each other; `issuer activate N` goes forward again.

      EXAMPLES
        issuer rollback --config issuer.json
      """)
  @OptionGroup var options: IssuerOptions

  func run() throws {
    try options.run("rollback") { configuration in
      try GenerationDesk(configuration).give(.rollBack, command: "rollback")
    }
  }
}

/// `issuer assemble`: joins shards.
struct AssembleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "assemble",
    abstract: "Join the shards of one computation into a generation.",
    discussion: """
      The shards' directories come from `issuer compute --shard i/N` on one or many machines. The
      pages are those that one computation without shards makes. The issuer may be running.

      EXAMPLES
        issuer assemble out/shard.*-of-4 --config issuer.json
      """)
  @OptionGroup var options: IssuerOptions
  @Argument(help: "The directories of all shards, in any order.") var shards: [String]

  func run() throws {
    try options.run("assemble") { configuration in
      let key = try SigningKey(pemFile: try configuration.string("sealer_key_file"))
      let data = try configuration.string("data_directory")
      let manifest = try GenerationAssembly(shardDirectories: shards)
        .run(into: GenerationDirectory(dataDirectory: data).path, signedBy: key)
      System.writeOutput("generation \(manifest.number)\n")
    }
  }
}
