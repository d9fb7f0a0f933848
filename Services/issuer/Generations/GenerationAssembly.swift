import Codes
import Security
import Server
import StatusCache

/// Joins the shards of one computation into a generation.
struct GenerationAssembly {
  let shardDirectories: [String]

  /// Why shards do not make a generation.
  struct Misfit: Error, CustomStringConvertible {
    let description: String
  }

  /// Writes the generation into `directory`. The same shards in any order make the same pages as
  /// one computation without shards.
  func run(into directory: String, signedBy key: SigningKey) throws -> GenerationManifest {
    let shards = try self.shards(key.verifyingKey)
    let first = shards[0].manifest
    let writer = try GenerationWriter(directory: directory, base: first.base)
    var facts = first.facts
    for source in facts.sources.indices {
      facts.sources[source].rows = 0
      facts.sources[source].used = 0
      facts.sources[source].duplicates = 0
      facts.sources[source].rejected = 0
    }
    var pages: [UInt8] = []
    for shard in shards {
      facts.add(shard.manifest.facts)
      var reader = try GenerationPages(directory: shard.directory, manifest: shard.manifest)
      while !reader.isAtEnd {
        let first = reader.position
        try reader.read(1_024, into: &pages)
        try writer.write(pages.span, firstPage: first)
      }
      try reader.finish()
    }
    return try writer.finish(facts, signedBy: key)
  }

  private typealias Shard = (directory: String, manifest: GenerationManifest)

  /// The shards in order, none missing, all of one computation.
  private func shards(_ key: VerifyingKey) throws -> [Shard] {
    var shards: [Shard] = []
    for directory in shardDirectories {
      shards.append((directory, try GenerationDirectory.manifest(in: directory, key: key)))
    }
    shards.sort { $0.manifest.shard.index < $1.manifest.shard.index }
    guard let first = shards.first else { throw Misfit(description: "there are no shards") }
    for (index, shard) in shards.enumerated() {
      let manifest = shard.manifest
      guard manifest.shard.count == first.manifest.shard.count,
        manifest.base == first.manifest.base, manifest.facts.isOfOneRun(with: first.manifest.facts)
      else {
        throw Misfit(
          description: "\(shard.directory) is of another computation than \(first.directory):"
            + " plan, as-of, position of the log and number of shards must be the same")
      }
      guard manifest.shard.index == index + 1 else {
        throw Misfit(
          description: manifest.shard.index > index + 1
            ? "shard \(index + 1)/\(manifest.shard.count) is missing"
            : "shard \(manifest.shard) is there twice")
      }
    }
    guard shards.count == first.manifest.shard.count else {
      throw Misfit(
        description: "shard \(shards.count + 1)/\(first.manifest.shard.count) is missing")
    }
    return shards
  }
}

extension GenerationFacts {
  fileprivate func isOfOneRun(with other: GenerationFacts) -> Bool {
    planDigest == other.planDigest && asOf == other.asOf
      && sources.map(\.name) == other.sources.map(\.name)
  }

  /// Adds the rows that another shard accounts for; the slowest shard is how long it took.
  fileprivate mutating func add(_ other: GenerationFacts) {
    for index in sources.indices {
      sources[index].rows += other.sources[index].rows
      sources[index].used += other.sources[index].used
      sources[index].duplicates += other.sources[index].duplicates
      sources[index].rejected += other.sources[index].rejected
    }
    seconds = max(seconds, other.seconds)
  }
}
