import Codes
import Feed
import IssuerCore
import Logging
import Security
import Server
import StatusCache
import Storage
import Synchronization

/// The issuer's one writer: takes commands from all loops, commits them in groups, puts them in
/// the cache of this host, answers, and seals the log into segments.
///
/// The order that makes "acknowledged" mean durable and visible:
/// registry commit (synced) → cache commit (synced) → answer. A crash between the two commits
/// leaves the cache behind the log; `LogRecovery` brings it up at the next start, before anything
/// is served.
final class LedgerWriter: Sendable {
  typealias Completion = @Sendable (Result<Reply, Problem>) -> Void

  private struct Pending: Sendable {
    let command: Command
    let completion: Completion
  }

  private struct Waiter: Sendable {
    let after: UInt64
    let number: UInt64
    let body: @Sendable () -> Void
    let loop: Loop
  }

  /// Shared with all loops; held for moments.
  private struct Shared {
    var queue: [Pending] = []
    var head: [UInt8] = []
    var headAsOf = Instant(milliseconds: 0)
    var lastSegment: UInt64 = 0
    var waiters: [Waiter] = []
    var nextWaiter: UInt64 = 0
    var isDraining = false
    /// What the last beat found wrong.
    var complaint: String?
    /// What the last refused write was told, and when (monotonic milliseconds).
    var refusal: (text: String, at: UInt64)?
  }

  let registry: Registry
  let cache: CacheWriter
  let key: SigningKey
  private let log: Logger
  let thread = Loops(count: 1)
  private let shared = Mutex(Shared())
  /// Changed on the writer's thread alone.
  private let state: Mutex<Registry.State>
  private let unfinished = Mutex<UnfinishedSwitch?>(nil)
  private let view: LedgerView
  private let care: Mutex<CacheCare>
  private let isClosed = Atomic<Bool>(false)

  /// Commands that may wait; more are refused as busy.
  static let queueMax = 20_000
  /// Commands in one transaction.
  static let batchMax = 5_000
  /// Longest time between a change and the segment that carries it.
  static let sealMilliseconds = 100
  /// How often an idle issuer tells its cache and its followers that nothing changed.
  static let beatMilliseconds = 1_000

  init(
    registry: Registry, cache: CacheWriter, key: SigningKey, log: Logger,
    care: CacheCare = CacheCare()
  ) throws {
    self.care = Mutex(care)
    self.registry = registry
    self.cache = cache
    self.key = key
    self.log = log
    state = Mutex(try registry.state())
    view = try LedgerView(registry, cache)
    try seal()
    beat()
    scheduleSeal()
    scheduleBeat()
  }

  // MARK: For the loops

  /// The signed head: where the sealed log ends, and when that was.
  var head: [UInt8] { shared.withLock { $0.head } }

  var headAsOf: Instant { shared.withLock { $0.headAsOf } }

  var lastSegment: UInt64 { shared.withLock { $0.lastSegment } }

  /// What keeps the ledger from being written; `nil` when it is well. A write that failed counts
  /// for half a minute: then traffic may come again and show whether the cause is gone.
  var complaint: String? {
    let now = System.monotonicNanoseconds / 1_000_000
    return shared.withLock { shared in
      if let refusal = shared.refusal, now < refusal.at + 30_000 { return refusal.text }
      return shared.complaint
    }
  }

  func submit(_ command: Command, completion: @escaping Completion) {
    let count = shared.withLock { shared in
      if shared.queue.count < Self.queueMax {
        shared.queue.append(Pending(command: command, completion: completion))
        return shared.queue.count
      }
      return 0
    }
    guard count > 0 else { return completion(.failure(.busy("Too many changes are waiting."))) }
    if count == 1 { thread.all[0].execute { self.commitQueue() } }
  }

  /// Runs `body` on `loop` when a segment after number `after` is sealed, or after `seconds`.
  func wait(
    forSegmentAfter after: UInt64, seconds: Int, on loop: Loop,
    _ body: @escaping @Sendable () -> Void
  ) {
    let number: UInt64? = shared.withLock { shared in
      guard shared.lastSegment <= after, !shared.isDraining else { return nil }
      shared.nextWaiter += 1
      shared.waiters.append(
        Waiter(after: after, number: shared.nextWaiter, body: body, loop: loop))
      return shared.nextWaiter
    }
    guard let number else { return loop.execute(body) }
    loop.schedule(afterMilliseconds: seconds * 1_000) {
      let waiter = self.shared.withLock { shared in
        shared.waiters.firstIndex { $0.number == number }.map { shared.waiters.remove(at: $0) }
      }
      waiter?.body()
    }
  }

  /// Lets nobody wait any longer: the service is about to stop.
  func drain() {
    let waiters = shared.withLock { shared in
      shared.isDraining = true
      defer { shared.waiters.removeAll() }
      return shared.waiters
    }
    for waiter in waiters { waiter.loop.execute(waiter.body) }
  }

  func close() {
    isClosed.store(true, ordering: .releasing)
    try? thread.all[0].run {
      self.commitQueue()
      try? self.seal()
    }
    thread.shutDown()
  }

  // MARK: The writer's thread

  /// Where the log stands; it goes on at once on any thread but the writer's.
  var ledgerState: Registry.State { state.withLock { $0 } }

  /// A switch that the log holds and the cache does not, on the writer's thread.
  var unfinishedSwitch: UnfinishedSwitch? {
    get { unfinished.withLock { $0 } }
    set { unfinished.withLock { $0 = newValue } }
  }

  func noteSwitch(_ state: Registry.State, _ unfinished: UnfinishedSwitch) {
    self.state.withLock { $0 = state }
    self.unfinished.withLock { $0 = unfinished }
  }

  private func commitQueue() {
    let batch = shared.withLock { shared in
      let batch = Array(shared.queue.prefix(Self.batchMax))
      shared.queue.removeFirst(batch.count)
      return batch
    }
    guard !batch.isEmpty else { return }
    do {
      let replies = try commit(batch.map(\.command))
      for (pending, reply) in zip(batch, replies) { pending.completion(.success(reply)) }
      shared.withLock { $0.refusal = nil }
    } catch {
      let refusal = ("\(error)", System.monotonicNanoseconds / 1_000_000)
      let isNews = shared.withLock { shared in
        let isNews = shared.refusal == nil
        shared.refusal = refusal
        return isNews
      }
      if isNews { log.error("ledger", metadata: ["error": "\(refusal.0)"]) }
      let problem = Self.problem(error)
      for pending in batch { pending.completion(.failure(problem)) }
    }
    if shared.withLock({ !$0.queue.isEmpty }) { thread.all[0].execute { self.commitQueue() } }
  }

  /// Decides, writes and applies one batch.
  private func commit(_ commands: [Command]) throws -> [Reply] {
    try catchUp()
    let now = WallClock.now()
    var state = self.state.withLock { $0 }
    defer { view.endReads() }
    var batch = LedgerBatch(
      reader: view, nextSerial: state.nextFreeSerial, lastPosition: state.lastPosition,
      now: now.cityTime)
    var replies: [Reply] = []
    for command in commands { replies.append(try batch.apply(command)) }
    let writes = batch.writes
    guard !writes.isEmpty else { return replies }
    if !writes.documents.isEmpty { state.nextSerial = writes.nextSerial }
    state.lastPosition = writes.lastPosition
    try registry.environment.write { transaction throws(StorageError) in
      try registry.put(writes, at: now.cityTime, in: &transaction)
      try registry.put(state, in: &transaction)
    }
    self.state.withLock { $0 = state }
    if !writes.changes.isEmpty {
      do {
        try cache.apply(
          changes: writes.changes.map { ($0.serial, $0.status) }, upTo: writes.lastPosition,
          asOf: now)
      } catch {
        throw NotVisibleYet(cause: error)
      }
    }
    return replies
  }

  /// Applies to the cache what an earlier batch could not: while that fails, no further change is
  /// taken, so the cache is one batch behind at most.
  private func catchUp() throws {
    try finishSwitch()
    let applied = cache.state.appliedPosition
    let last = state.withLock { $0.lastPosition }
    guard applied < last else { return }
    let changes = try registry.unsealedChanges(after: applied, max: .max)
    try cache.apply(
      changes: changes.map { ($0.serial, $0.status) }, upTo: last, asOf: WallClock.now())
  }

  /// Puts the unsealed changes into segments, each in one transaction with the place in the chain.
  func seal() throws {
    try catchUp()
    while true {
      var state = self.state.withLock { $0 }
      guard state.lastPosition > state.chain.position else { break }
      let changes = try registry.unsealedChanges(
        after: state.chain.position, max: Segment.changeCountMax)
      guard !changes.isEmpty else {
        throw LogDamaged(what: "the change at position \(state.chain.position + 1)")
      }
      var bytes: [UInt8] = []
      // Never before what a head or the cache has promised already, even if the clock steps back;
      // and only the last segment of a backlog knows everything up to now.
      let promised = max(shared.withLock { $0.headAsOf }, cache.state.asOf)
      let isLast = state.chain.position + UInt64(changes.count) == state.lastPosition
      let segment = Segment.seal(
        .changes(changes), region: registry.region, after: state.chain,
        asOf: isLast ? max(WallClock.now(), promised) : promised, signedBy: key, into: &bytes)
      state.chain = segment.end
      try registry.environment.write { transaction throws(StorageError) in
        try transaction.append(registry.segments, key: segment.number, value: bytes.span)
        try transaction.deleteRange(
          registry.unsealed, segment.firstPosition..<(segment.lastPosition + 1),
          limit: Segment.changeCountMax)
        try registry.put(state, in: &transaction)
      }
      self.state.withLock { $0 = state }
      try cache.markSealed(state.chain)
    }
    publish()
  }

  /// Signs the head and wakes those who wait for what it shows.
  func publish() {
    let chain = state.withLock { $0.chain }
    let promised = max(shared.withLock { $0.headAsOf }, chain.asOf)
    let asOf = max(WallClock.now(), promised)
    var head: [UInt8] = []
    Head(region: registry.region, position: chain, asOf: asOf)
      .encode(signedBy: key, into: &head)
    let ready = shared.withLock { shared in
      shared.head = head
      shared.headAsOf = asOf
      shared.lastSegment = chain.segment
      let ready = shared.waiters.filter { $0.after < chain.segment }
      shared.waiters.removeAll { $0.after < chain.segment }
      return ready
    }
    for waiter in ready { waiter.loop.execute(waiter.body) }
  }

  private func scheduleSeal() {
    guard !isClosed.load(ordering: .acquiring) else { return }
    thread.all[0].schedule(afterMilliseconds: Self.sealMilliseconds) {
      let isDue = self.state.withLock { $0.lastPosition > $0.chain.position }
      if isDue {
        do { try self.seal() } catch { self.complain("\(error)") }
      }
      self.scheduleSeal()
    }
  }

  /// Tells the cache and the followers that what they know is complete up to now.
  private func beat() {
    do {
      // Whatever is acknowledged is sealed first: the head then says truly "nothing newer".
      try seal()
      let last = state.withLock { $0.lastPosition }
      try cache.beat(asOf: WallClock.now(), upTo: last)
      let findings = try care.withLock { try $0.tick(cache) }
      for alarm in findings.alarms { log.error("status_cache", metadata: ["alarm": "\(alarm)"]) }
      complain(findings.complaint)
    } catch {
      complain("\(error)")
    }
  }

  private func scheduleBeat() {
    guard !isClosed.load(ordering: .acquiring) else { return }
    thread.all[0].schedule(afterMilliseconds: Self.beatMilliseconds) {
      self.beat()
      self.scheduleBeat()
    }
  }

  // MARK: Complaints

  private func complain(_ text: String?) {
    let old = shared.withLock { shared in
      let old = shared.complaint
      shared.complaint = text
      return old
    }
    if let text, old == nil { log.error("ledger", metadata: ["error": "\(text)"]) }
    if text == nil, old != nil { log.info("the ledger can be written again") }
  }

  /// What a client is told when the disk refuses.
  private static func problem(_ error: any Error) -> Problem {
    if error is NotVisibleYet {
      return Problem(
        503, "recorded_not_visible",
        "The change is recorded and will be applied; repeat it only with the same idempotency key.",
        retryAfterSeconds: 5)
    }
    if let error = error as? StorageError, error.code == .mapFull || error.code == .diskFull {
      return Problem(
        507, error.code == .mapFull ? "map_full" : "disk_full",
        "There is no room for this change and nothing was changed; reads go on.")
    }
    return Problem(
      503, "ledger_unavailable", "The change could not be written; try again.",
      retryAfterSeconds: 1)
  }
}

/// The batch is in the log, durably, but the cache could not take it yet.
private struct NotVisibleYet: Error, CustomStringConvertible {
  let cause: any Error
  var description: String { "recorded, but not in the status cache: \(cause)" }
}

/// What a batch reads, in one read transaction on the writer's thread: the one writer sees all
/// that was committed.
private final class LedgerView: LedgerReader, @unchecked Sendable {
  private let registry: RegistryReader
  private let cache: CacheReader
  private var isOpen = false

  init(_ registry: Registry, _ cache: CacheWriter) throws {
    self.registry = try RegistryReader(registry)
    self.cache = try CacheReader(SharedCache(cache), region: registry.region)
  }

  func endReads() {
    registry.reset()
    if isOpen { cache.reset() }
    isOpen = false
  }

  func serial(ofDocument key: Bytes16) throws -> Serial? { try registry.serial(ofDocument: key) }

  func guardian(of dependant: Serial) throws -> Serial? { try registry.guardian(of: dependant) }

  func status(of serial: Serial) throws -> Status? {
    if !isOpen { try cache.renew() }
    isOpen = true
    return cache.status(of: serial)
  }

  func answered(_ key: Bytes16) throws -> (fingerprint: Bytes16, reply: Reply)? {
    try registry.answered(key)
  }
}
