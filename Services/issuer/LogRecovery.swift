import Codes
import Feed
import Security
import Server
import StatusCache
import Storage

/// Brings the cache up to the log after a crash between the commits of the two, or after its loss,
/// before anything is served or written.
struct LogRecovery {
  let store: IssuerStore

  init(_ store: IssuerStore) { self.store = store }

  func run() throws {
    let state = try store.registry.state()
    let cache = store.cache
    guard cache.state.appliedPosition <= state.lastPosition else {
      throw ConfigurationError(
        "the status cache is ahead of the change log (position \(cache.state.appliedPosition)"
          + " against \(state.lastPosition)): cache_directory belongs to another data_directory,"
          + " or the log was restored from an older backup")
    }
    if cache.state.chain.segment < state.chain.segment {
      let passed = try RecoveryPlan(store, after: cache.state.chain.segment).passed
      while cache.state.chain.segment < state.chain.segment {
        let number = cache.state.chain.segment + 1
        guard let segment = try store.registry.segment(number) else {
          throw LogDamaged(what: "segment \(number)")
        }
        try apply(segment, passed)
      }
    }
    try applyUnsealed(after: state.chain.position, upTo: state.lastPosition)
    // What a load or an activation that died before its commit left behind.
    try cache.removeGenerations { $0 != cache.state.generation }
  }

  /// `passed` are the switches between generations whose outcome a later one overrides.
  private func apply(_ segment: Segment, _ passed: ClosedRange<UInt64>?) throws {
    guard case .switchGeneration(_, let digest, _) = segment.kind else {
      return try store.cache.apply(segment)
    }
    guard let recipe = try store.registry.recipe(ofSegment: segment.number) else {
      throw LogDamaged(what: "the recipe of segment \(segment.number)")
    }
    if case .load(let load) = recipe {
      return try apply(load, segment, passed == nil ? digest : nil)
    }
    guard recipe.digest == digest else {
      throw LogDamaged(what: "the recipe of segment \(segment.number)")
    }
    if let passed, passed.contains(segment.number) { return try store.cache.pass(segment) }
    var progress: GenerationMerge.Progress
    let merge = GenerationMerge(registry: store.registry, cache: store.cache)
    switch recipe {
    case .activation(let number, let base, let pagesDigest):
      var pages = try store.generations.pages(number, key: store.sealerKey.verifyingKey)
      guard pages.manifest.base.position == base, pages.manifest.pagesDigest == pagesDigest else {
        throw LogDamaged(what: "generation \(number) as it was activated")
      }
      progress = try merge.build(&pages)
    case .rollBack(let number, let upTo):
      guard let previous = store.cache.previous else {
        throw LogDamaged(what: "what generation \(number) was before segment \(segment.number)")
      }
      progress = GenerationMerge.Progress(candidate: previous, upTo: upTo)
      try merge.catchUp(&progress, leaving: 0)
    case .load: preconditionFailure("a load was applied above")
    }
    try store.cache.switchTo(
      progress.candidate, catchingUp: [], chain: segment.end, asOf: segment.asOf)
    try store.cache.removeGenerations { _ in true }
  }

  /// Builds a load's statuses again; `digest`, if it is known, is what they must have.
  private func apply(_ load: LoadRecipe, _ segment: Segment, _ digest: Digest?) throws {
    let before = store.cache.state
    var builder = try GenerationBuilder(store.cache, version: segment.lastPosition)
    let (pageCount, built) = try load.build(&builder, on: store.cache)
    guard digest == nil || built == digest else {
      throw LogDamaged(what: "what segment \(segment.number) was built from")
    }
    precondition(before == store.cache.state, "somebody else wrote the cache")
    try store.cache.switchTo(
      generation: builder.generation, pageCount: pageCount, chain: segment.end,
      appliedPosition: segment.lastPosition, servablePosition: 0, asOf: segment.asOf)
  }

  private func applyUnsealed(after sealed: UInt64, upTo last: UInt64) throws {
    let applied = store.cache.state.appliedPosition
    guard applied < last else { return }
    let changes = try store.registry.unsealedChanges(after: sealed, max: .max)
    guard changes.count == Int(last - sealed) else {
      throw LogDamaged(what: "a change after position \(sealed)")
    }
    try store.cache.apply(
      changes: changes.map { ($0.serial, $0.status) }, upTo: last, asOf: WallClock.now())
  }
}

/// Which switches a recovery need not repeat. Old generations are removed from the disk; an
/// activation of one that was computed from no less of the log overrides all they decided.
private struct RecoveryPlan {
  /// The segments in which switches between generations are passed over.
  let passed: ClosedRange<UInt64>?

  private struct Step {
    let segment: UInt64
    /// `nil` for a rollback.
    let activates: (number: UInt32, base: UInt64)?
  }

  init(_ store: IssuerStore, after segment: UInt64) throws {
    let steps = try store.registry.generationSwitches(after: segment).map { entry in
      if case .activation(let number, let base, _) = entry.recipe {
        Step(segment: entry.segment, activates: (number, base))
      } else {
        Step(segment: entry.segment, activates: nil)
      }
    }
    let isMissing: (Step) -> Bool = { step in
      step.activates.map { !store.generations.contains($0.number) } ?? false
    }
    guard let last = steps.lastIndex(where: isMissing), let missing = steps[last].activates else {
      passed = nil
      return
    }
    let base = steps[...last].filter(isMissing).compactMap { $0.activates?.base }.max() ?? 0
    let anchor = steps.indices.first { index in
      guard index > last, let activates = steps[index].activates else { return false }
      let isUndone = index + 1 < steps.count && steps[index + 1].activates == nil
      return activates.base >= base && !isUndone
    }
    guard let anchor else {
      throw LogDamaged(what: "generation \(missing.number) in data_directory/generations")
    }
    passed = steps[0].segment...(steps[anchor].segment - 1)
  }
}

/// Something the log should hold is not there.
struct LogDamaged: Error, CustomStringConvertible {
  let what: String
  var description: String {
    "\(what) is missing from data_directory or cannot be read: restore both directories from a"
      + " backup"
  }
}
