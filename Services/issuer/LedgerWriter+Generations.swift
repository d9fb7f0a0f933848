import Codes
import Feed
import Security
import Server
import StatusCache
import Storage
import Synchronization

/// A candidate that needs one more step to be in force.
struct PreparedSwitch: Sendable {
  var progress: GenerationMerge.Progress
  let recipe: SwitchRecipe
  /// The generation that is in force afterwards.
  let number: UInt32
  let isRollBack: Bool
}

/// A switch that is in the log.
struct SwitchResult: Sendable {
  let position: UInt64
  /// How long single changes waited for it.
  let milliseconds: Double
}

/// A switch that is in the log but not in the cache yet.
struct UnfinishedSwitch: Sendable {
  let candidate: Candidate
  let touched: [TouchedHolder]
  let segment: Segment
}

/// The switch is in the log, durably, but the cache could not take it yet.
struct SwitchNotVisibleYet: Error, CustomStringConvertible {
  let cause: any Error
  var description: String {
    "the switch is in the log and will be in force once the status cache can be written: \(cause)"
  }
}

extension LedgerWriter {
  /// More changes than this are not caught up with in the transaction that switches.
  static let switchRestMax = 2_000

  /// Switches on the writer's thread, between two batches; throws `TooManyChanges` when the
  /// candidate must come nearer first. Not to be called from a loop.
  ///
  /// The order is that of a batch: registry commit with the signed segment, then cache commit.
  func switchGeneration(_ prepared: PreparedSwitch) throws -> SwitchResult {
    try onThread { try self.switchNow(prepared) }
  }

  struct TooManyChanges: Error {}

  private func switchNow(_ prepared: PreparedSwitch) throws -> SwitchResult {
    let start = System.monotonicNanoseconds
    // Nothing is unsealed afterwards: the switch takes the next position.
    try seal()
    var state = ledgerState
    guard state.lastPosition <= prepared.progress.upTo + UInt64(Self.switchRestMax) else {
      throw TooManyChanges()
    }
    let touched = try registry.touched(
      after: prepared.progress.upTo, through: state.lastPosition)
    let before = try registry.generationState()
    var bytes: [UInt8] = []
    let pageCount = max(prepared.progress.candidate.pageCount, cache.state.pageCount)
    let segment = Segment.seal(
      .switchGeneration(
        generation: prepared.progress.candidate.generation, digest: prepared.recipe.digest,
        pageCount: pageCount),
      region: registry.region, after: state.chain,
      asOf: max(WallClock.now(), cache.state.asOf), signedBy: key, into: &bytes)
    state.chain = segment.end
    state.lastPosition = segment.lastPosition
    let after = GenerationState(
      inForce: prepared.number, held: before.inForce, heldUpTo: segment.lastPosition,
      mayRollBack: !prepared.isRollBack)
    let recipe = prepared.recipe.encoded
    try registry.environment.write { transaction throws(StorageError) in
      try transaction.append(registry.segments, key: segment.number, value: bytes.span)
      try transaction.put(registry.recipes, key: segment.number, value: recipe.span)
      try registry.put(state, in: &transaction)
      try registry.put(after, in: &transaction)
    }
    noteSwitch(
      state,
      UnfinishedSwitch(
        candidate: prepared.progress.candidate, touched: touched, segment: segment))
    do { try finishSwitch() } catch { throw SwitchNotVisibleYet(cause: error) }
    publish()
    return SwitchResult(
      position: segment.lastPosition,
      milliseconds: Double(System.monotonicNanoseconds - start) / 1e6)
  }

  /// Puts a switch that is in the log into the cache; what failed is tried again before the next
  /// batch.
  func finishSwitch() throws {
    guard let unfinished = unfinishedSwitch else { return }
    try cache.switchTo(
      unfinished.candidate, catchingUp: unfinished.touched[...], chain: unfinished.segment.end,
      asOf: unfinished.segment.asOf)
    unfinishedSwitch = nil
  }

  /// Runs `body` on the writer's thread and waits for its end; from a thread of one's own alone.
  /// NIO's futures may not be waited for on the threads that NIO makes, so this looks every
  /// millisecond.
  private func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
  ) throws -> Value {
    let result = Box<Value>()
    thread.all[0].execute { result.set(Result { try body() }) }
    while true {
      if let result = result.value { return try result.get() }
      System.sleep(milliseconds: 1)
    }
  }

  private final class Box<Value: Sendable>: Sendable {
    private let stored = Mutex<Result<Value, any Error>?>(nil)

    var value: Result<Value, any Error>? { stored.withLock { $0 } }

    func set(_ value: Result<Value, any Error>) { stored.withLock { $0 = value } }
  }
}
