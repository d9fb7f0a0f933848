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
    // Every switch makes all colours anew, so that only the last one counts.
    let lastSwitch = try store.registry.lastGenerationSwitch(after: cache.state.chain.segment)
    var hasPassed = false
    while cache.state.chain.segment < state.chain.segment {
      let number = cache.state.chain.segment + 1
      guard let segment = try store.registry.segment(number) else {
        throw LogDamaged(what: "segment \(number)")
      }
      try apply(segment, lastSwitch, &hasPassed)
    }
    // What lies beside is then not what was in force before.
    if hasPassed { try cache.retirePrevious() }
    try applyUnsealed(after: state.chain.position, upTo: state.lastPosition)
    // What a load or an activation that died before its commit left behind.
    try cache.removeGenerations { $0 != cache.state.generation }
  }

  private func apply(
    _ segment: Segment, _ lastSwitch: UInt64?, _ hasPassed: inout Bool
  ) throws {
    guard case .switchGeneration(_, let digest, _) = segment.kind else {
      return try store.cache.apply(segment)
    }
    switch try store.registry.recipe(ofSegment: segment.number) {
    case .load: try load(segment, hasPassed ? nil : digest)
    case .some(let recipe) where recipe.digest == digest:
      if segment.number == lastSwitch {
        try switchTo(recipe, segment)
      } else {
        hasPassed = true
        try store.cache.pass(segment)
      }
    case .some, .none: throw LogDamaged(what: "the recipe of segment \(segment.number)")
    }
  }

  private func switchTo(_ recipe: SwitchRecipe, _ segment: Segment) throws {
    var pages: GenerationPages?
    if case .generation(let number, let base, let pagesDigest) = recipe {
      let found = try store.generations.pages(number, key: store.sealerKey.verifyingKey)
      guard found.manifest.base.position == base, found.manifest.pagesDigest == pagesDigest else {
        throw LogDamaged(what: "generation \(number) as it was activated")
      }
      pages = found
    }
    // Of an activation that died, and of a load before.
    try store.cache.removeGenerations { _ in true }
    let merge = GenerationMerge(
      registry: store.registry, cache: store.cache, pagesAtOnce: GenerationMerge.alone)
    let progress = try merge.build(&pages)
    try store.cache.switchTo(
      progress.candidate, catchingUp: [], chain: segment.end, asOf: segment.asOf)
    try store.cache.removeGenerations { _ in true }
  }

  /// Builds a load's statuses again; `digest` is what they must have, if it is known: without the
  /// switches before, they have other colours.
  private func load(_ segment: Segment, _ digest: Digest?) throws {
    guard let load = try store.registry.loadRecipe(ofSegment: segment.number) else {
      throw LogDamaged(what: "the recipe of segment \(segment.number)")
    }
    let before = store.cache.state
    var builder = try GenerationBuilder(store.cache, version: segment.lastPosition)
    let (pageCount, built) = try load.build(&builder, on: store.cache)
    guard digest == nil || built == digest else {
      throw LogDamaged(what: "what segment \(segment.number) was built from")
    }
    precondition(before == store.cache.state, "somebody else wrote the cache")
    try store.cache.switchTo(
      generation: builder.generation, pageCount: pageCount, chain: segment.end,
      appliedPosition: segment.lastPosition, servablePosition: 0, asOf: segment.asOf,
      keepingPrevious: false)
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

/// Something the log should hold is not there.
struct LogDamaged: Error, CustomStringConvertible {
  let what: String
  var description: String {
    "\(what) is missing from data_directory or cannot be read: restore both directories from a"
      + " backup"
  }
}
