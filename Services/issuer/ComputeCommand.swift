import ArgumentParser
import Codes
import IssuerCore
import Records
import Security
import Server
import Storage

/// `issuer compute`: a new generation of statuses from raw records.
struct ComputeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compute",
    abstract: "Compute a generation of statuses from the raw records that a plan names.",
    discussion: """
      The issuer may be running; what is in force is not touched: `issuer activate` does that.
      Every row is used, a duplicate, or in the rejects file with source, file, line and reason.
      Interrupted at any point, it is simply started again. With --shard only a part of the holders
      is computed, on this machine or another; `issuer assemble` joins the parts.

      EXAMPLES
        issuer compute --plan plan.yaml --config issuer.json
        issuer compute --plan plan.yaml --memory 1GiB --rejects bad.csv --config issuer.json
        issuer compute --plan plan.yaml --shard 2/4 --out shard-2 --config issuer.json
      """)

  @OptionGroup var options: IssuerOptions
  @OptionGroup var planOptions: PlanOptions
  @Option(help: "Where rejected rows go.") var rejects = "rejects.csv"
  @Option(help: "Only part i of N, as i/N.") var shard: String?
  @Option(help: "Only the part with this index, from 0, of --shards.") var shardIndex: Int?
  @Option(help: "How many parts there are, with --shard-index.") var shards: Int?
  @Option(help: "Directory for the pages; of a part it must be given.") var out: String?

  func run() throws {
    try options.run("compute") { configuration in
      let shard = try chosenShard()
      let data = try configuration.string("data_directory")
      let place: String
      if let out {
        place = out
      } else {
        guard shard == .whole else {
          throw ConfigurationError("--out must say where the pages of shard \(shard) go")
        }
        place = GenerationDirectory(dataDirectory: data).path
      }
      var engine = try planOptions.options(spill: place)
      engine.shard = shard
      engine.rejectsPath = rejects
      let plan = try planOptions.loaded()
      let result = try ComputeEngine(plan, try Self.registered(configuration), engine)
        .run(into: place, signedBy: SigningKey(pemFile: configuration.string("sealer_key_file")))
      System.writeOutput(text(result))
    }
  }

  /// What to open for a computation, beside an issuer that runs.
  static func registered(_ configuration: Configuration) throws -> ComputeEngine.Registered {
    guard let region = Region(text: try configuration.string("region")) else {
      throw ConfigurationError("region must be a GB/T 2260 code of six digits")
    }
    let data = try configuration.string("data_directory")
    let mapSize = try configuration.integer("map_size_mib") << 20
    return ComputeEngine.Registered(
      secret: try IssuerStore.regionSecret(configuration, region), region: region
    ) {
      try Registry(directory: data, region: region, mapSizeBytes: mapSize, access: .readOnly)
    }
  }

  private func chosenShard() throws -> GenerationShard {
    if shard != nil, shardIndex != nil || shards != nil {
      throw ConfigurationError("give --shard, or --shard-index and --shards")
    }
    let text: String
    if let shard {
      text = shard
    } else if let shardIndex, let shards {
      text = "\(shardIndex + 1)/\(shards)"
    } else {
      guard shardIndex == nil, shards == nil else {
        throw ConfigurationError("--shard-index and --shards go together")
      }
      return .whole
    }
    guard let chosen = GenerationShard(text) else {
      throw ConfigurationError("a shard is i/N with 1 <= i <= N <= 1000, not \"\(text)\"")
    }
    return chosen
  }

  private func text(_ result: ComputeEngine.Result) -> String {
    let manifest = result.manifest
    var text = ""
    for source in manifest.facts.sources {
      text +=
        "\(source.name): \(source.rows) rows = \(source.used) used + \(source.duplicates)"
        + " duplicates + \(source.rejected) rejected\n"
    }
    let seconds = result.steps.map { "\($0.0) \(Self.rounded($0.1)) s" }
    text += "\(seconds.joined(separator: ", ")), in all \(Self.rounded(manifest.facts.seconds)) s"
    if result.spilledBytes > 0 { text += "; \(result.spilledBytes >> 20) MiB went to disk" }
    text += "\n"
    let rejected = manifest.facts.sources.reduce(0) { $0 + $1.rejected }
    if rejected > 0 { text += "rejected rows: \(rejects)\n" }
    for source in manifest.facts.sourcesBeyondLimit {
      text +=
        "of \(source.name) more was rejected than the plan allows: activate needs"
        + " --accept-rejects\n"
    }
    let isWhole = manifest.shard == .whole
    return text + (isWhole ? "generation \(manifest.number)\n" : "shard \(manifest.shard)\n")
  }

  private static func rounded(_ seconds: Double) -> String {
    let hundredths = Int((seconds * 100).rounded())
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
  }
}

/// What `compute` and `explain` are told about a plan.
struct PlanOptions: ParsableArguments {
  @Option(help: "The plan, YAML.") var plan: String
  @Option(help: "Folder of the plan's relative files; else the plan's own.") var records: String?
  @Option(help: "RFC 3339, a whole minute; takes the place of the plan's.") var asOf: String?
  @Option(help: "The most memory, such as 512MiB or 4GiB.") var memory = "4GiB"
  @Option(help: "Threads; all processors unless given.") var threads: Int?
  @Option(help: "Directory for what exceeds the memory; else that of the pages.")
  var spill: String?

  func loaded() throws -> ComputePlan {
    var moment: CityTime?
    if let asOf {
      guard let time = CityTime(rfc3339: asOf), time.seconds % 60 == 0 else {
        throw ConfigurationError("--as-of must be a whole minute such as 2020-03-01T00:00:00+08:00")
      }
      moment = time
    }
    return try ComputePlan.load(
      path: plan, records: records, now: WallClock.now().cityTime, asOf: moment)
  }

  func options(spill place: String) throws -> ComputeEngine.Options {
    var options = ComputeEngine.Options(spillDirectory: spill ?? place)
    if let threads {
      guard 1...64 ~= threads else { throw ConfigurationError("--threads must be 1 to 64") }
      options.threads = threads
    }
    guard let bytes = Self.bytes(memory) else {
      throw ConfigurationError("--memory must be like 512MiB or 4GiB, not \"\(memory)\"")
    }
    options.memory = bytes
    return options
  }

  private static func bytes(_ text: String) -> Int? {
    for (unit, shift) in [("MiB", 20), ("GiB", 30)] where text.hasSuffix(unit) {
      guard let number = Int(text.dropLast(unit.count)), 1...1_048_576 ~= number else { return nil }
      return number << shift
    }
    return nil
  }
}
