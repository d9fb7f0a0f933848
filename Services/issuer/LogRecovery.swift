import Codes
import Feed
import Security
import Server
import StatusCache
import Storage

/// Brings the cache up to the log after a crash between the commits of the two, before anything
/// is served or written.
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
    while cache.state.chain.segment < state.chain.segment {
      let number = cache.state.chain.segment + 1
      guard let segment = try store.registry.segment(number) else {
        throw LogDamaged(what: "segment \(number)")
      }
      try apply(segment)
    }
    try applyUnsealed(after: state.chain.position, upTo: state.lastPosition)
    // What a load that died before its commit left behind.
    try cache.removeGenerations { $0 != cache.state.generation }
  }

  private func apply(_ segment: Segment) throws {
    guard case .switchGeneration(_, let digest, _) = segment.kind else {
      return try store.cache.apply(segment)
    }
    guard let recipe = try store.registry.recipe(ofSegment: segment.number) else {
      throw LogDamaged(what: "the recipe of segment \(segment.number)")
    }
    let before = store.cache.state
    var builder = try GenerationBuilder(store.cache, version: segment.lastPosition)
    let (pageCount, built) = try recipe.build(&builder, on: store.cache)
    guard built == digest else {
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

/// Something the log should hold is not there.
struct LogDamaged: Error, CustomStringConvertible {
  let what: String
  var description: String {
    "\(what) is missing from data_directory or cannot be read: restore both directories from a"
      + " backup"
  }
}
