import Codes
import Feed
import Security
import Server
import StatusCache
import Storage

/// Activates generations and rolls them back: what the running issuer does when it is ordered to,
/// and what the commands do themselves while it does not run. One at a time.
struct GenerationControl: Sendable {
  let region: Region
  let registry: Registry
  let cache: CacheWriter
  let key: SigningKey
  let directory: GenerationDirectory
  /// Generations kept on the disk beside those that are needed.
  let kept: Int
  let ledger: LedgerWriter
  /// See `GenerationMerge`.
  var pagesAtOnce = GenerationMerge.whileServing

  /// What became of an order.
  struct Outcome: Sendable {
    let text: String
    /// How long single changes waited; `nil` when nothing was switched.
    let switchMilliseconds: Double?
  }

  /// Why an order is not carried out; nothing was changed.
  struct Refusal: Error, CustomStringConvertible {
    let description: String
  }

  /// Changes left for the switch itself.
  private static let restWanted: UInt64 = 200

  // MARK: Orders

  func activate(_ number: UInt32, acceptRejects: Bool) throws -> Outcome {
    let start = System.monotonicNanoseconds
    let state = try registry.generationState()
    guard directory.contains(number) else {
      let there = try directory.numbers().map { "\($0)" }.joined(separator: ", ")
      throw Refusal(
        description: "there is no generation \(number); there are \(there.isEmpty ? "none" : there)"
      )
    }
    let manifest = try directory.manifest(number, key: key.verifyingKey)
    guard state.inForce != number else {
      return Outcome(
        text: "generation \(number) is in force already", switchMilliseconds: nil)
    }
    try check(manifest, acceptRejects: acceptRejects)
    let result = try switchTo(number, state, isRollBack: false)
    var text = "generation \(number) is in force"
    // What is in force does not depend on what lies beside it.
    do { try retire() } catch { text += ", older ones were not removed: \(Faults.text(error))" }
    return outcome(text, state, result, start)
  }

  func rollBack() throws -> Outcome {
    let start = System.monotonicNanoseconds
    let state = try registry.generationState()
    guard state.mayRollBack, let held = state.held else {
      let current = state.inForce == 0 ? "no computed generation" : "generation \(state.inForce)"
      throw Refusal(
        description: "there is nothing to go back to: \(current) is in force and there was no"
          + " activation since; `issuer activate N` brings back any that `issuer generations` lists"
      )
    }
    let result = try switchTo(held, state, isRollBack: true)
    let text =
      held == 0 ? "no computed generation is in force" : "generation \(held) is in force again"
    return outcome(text, state, result, start)
  }

  private func outcome(
    _ text: String, _ before: GenerationState, _ result: SwitchResult, _ start: UInt64
  ) -> Outcome {
    let seconds = Double(System.monotonicNanoseconds - start) / 1e9
    let was = before.inForce == 0 ? "before: none" : "before: generation \(before.inForce)"
    return Outcome(
      text: "\(text) (\(was)), after \(Self.rounded(seconds, 2)) s; changes waited"
        + " \(Self.rounded(result.milliseconds, 1)) ms at position \(result.position)",
      switchMilliseconds: result.milliseconds)
  }

  private static func rounded(_ value: Double, _ digits: Int) -> String {
    let scale = digits == 1 ? 10.0 : 100.0
    return "\((value * scale).rounded() / scale)"
  }

  // MARK: Steps

  /// Prepares a candidate, follows the changes until few are left, and switches.
  private func switchTo(
    _ number: UInt32, _ state: GenerationState, isRollBack: Bool
  ) throws -> SwitchResult {
    try cleaningUp {
      let merge = GenerationMerge(
        registry: registry, cache: cache, pagesAtOnce: pagesAtOnce)
      var pages = number == 0 ? nil : try directory.pages(number, key: key.verifyingKey)
      let recipe =
        pages.map {
          SwitchRecipe.generation(
            number: number, base: $0.manifest.base.position,
            pagesDigest: $0.manifest.pagesDigest)
        } ?? .byHand
      let progress: GenerationMerge.Progress
      if state.held == number, let previous = cache.previous {
        progress = GenerationMerge.Progress(candidate: previous, upTo: state.heldUpTo)
      } else {
        try checkRoom()
        progress = try merge.build(&pages)
      }
      var prepared = PreparedSwitch(
        progress: progress, recipe: recipe, number: number, isRollBack: isRollBack)
      while true {
        try merge.catchUp(&prepared.progress, leaving: Self.restWanted)
        do {
          return try ledger.switchGeneration(prepared)
        } catch is LedgerWriter.TooManyChanges {
          continue
        }
      }
    }
  }

  /// Removes the pages that nothing refers to, whether `body` succeeded or not.
  private func cleaningUp(_ body: () throws -> SwitchResult) throws -> SwitchResult {
    do {
      let result = try body()
      try cache.removeGenerations { _ in true }
      return result
    } catch {
      // A switch that is in the log but not in the cache yet needs its pages.
      if ledger.unfinishedSwitch == nil { try? cache.removeGenerations { _ in true } }
      throw error
    }
  }

  private func check(_ manifest: GenerationManifest, acceptRejects: Bool) throws {
    guard manifest.base.region == region else {
      throw Refusal(
        description: "generation \(manifest.number) is of region \(manifest.base.region)")
    }
    for source in manifest.facts.sources {
      guard source.rows == source.used + source.duplicates + source.rejected else {
        throw Refusal(
          description: "generation \(manifest.number) lost rows of \(source.name):"
            + " \(source.rows) rows are not \(source.used) used + \(source.duplicates) duplicates"
            + " + \(source.rejected) rejected")
      }
    }
    let beyond = manifest.facts.sourcesBeyondLimit
    guard acceptRejects || beyond.isEmpty else {
      let list = beyond.map { "\($0.name): \($0.rejected) of \($0.rows)" }
        .joined(separator: ", ")
      throw Refusal(
        description: "too many rows were rejected (\(list)); look at the rejects file, then"
          + " compute again or add --accept-rejects")
    }
  }

  /// A full map would stop single changes, too.
  private func checkRoom() throws {
    let usage = try cache.mapUsage()
    let needed = Int(cache.state.pageCount) * 4_096 * 11 / 10
    guard usage.mapBytes - usage.fileBytes + usage.freeBytes > needed + 1 << 20 else {
      throw Refusal(
        description: "the status cache's map has no room for one more generation: raise"
          + " map_size_mib for all processes of this host")
    }
  }

  // MARK: Retention

  /// Removes generations that nobody needs: all but the newest, the one in force, from which a
  /// lost cache is built again, and the one held, to which a rollback goes.
  func retire() throws {
    let state = try registry.generationState()
    for number in try directory.numbers().dropLast(kept)
    where number != state.inForce && number != state.held {
      try directory.remove(number)
    }
  }
}

extension GenerationControl {
  /// When the statuses in force were computed, or loaded where none are; `nil` when all of them are
  /// single ones.
  func madeAt() throws -> Instant? {
    let number = try registry.generationState().inForce
    if number > 0 { return try directory.manifest(number, key: key.verifyingKey).madeAt }
    guard let load = try registry.lastLoad() else { return nil }
    return try registry.segment(load)?.asOf
  }

  init(
    _ store: IssuerStore, _ ledger: LedgerWriter, _ configuration: Configuration
  ) throws(ConfigurationError) {
    region = store.region
    registry = store.registry
    cache = store.cache
    key = store.sealerKey
    directory = store.generations
    kept = try configuration.integer("generations_kept")
    self.ledger = ledger
  }
}
