import Codes
import Feed
import HTTP2
import Logging
import RelayCore
import Security
import Server
import StatusCache
import Storage
import Synchronization

/// Follows the issuer's feed into the status cache of this host, on a thread of its own.
///
/// The cache says where it stands, so a relay killed at any moment goes on exactly there; what
/// the feed sends is believed only under the sealer's key and only in order (`Follower`).
final class FeedFollower: Sendable {
  private let region: Region
  private let key: VerifyingKey
  private let cache: CacheWriter
  private let epochKeysPath: String
  private let log: Logger
  private let thread = Loops(count: 1)
  private let applied: Metrics.Counter
  private let refused: Metrics.Counter
  private let levelAt: LevelTime
  private let staleAfterSeconds: Int
  private let status = Mutex(Status())

  /// What the probes ask for.
  private struct Status {
    var feed: String? = "the feed has not been reached yet"
    var keys: String? = "no epoch keys yet"
    var cache: String?
    /// Whether the issuer has been asked, with or without success.
    var hasAsked = false
    /// The snapshot under way: pages that are there, and of how many.
    var snapshot: (pages: UInt32, of: UInt32)?
    var epochs: Set<KeyEpoch> = []
  }

  /// What belongs to the thread.
  private final class State {
    let upstream: Upstream
    var follower: Follower
    var snapshot: SnapshotBuilder?
    var keysDueMilliseconds: UInt64 = 0
    var care: CacheCare

    init(_ upstream: Upstream, _ follower: Follower, _ care: CacheCare) {
      self.upstream = upstream
      self.follower = follower
      self.care = care
    }
  }

  /// `nil` if the relay has nothing to follow: it runs on the issuer's own host.
  init?(_ process: ServiceProcess) throws {
    let configuration = process.configuration
    guard configuration.optional("follow_url") != nil else { return nil }
    let url: UpstreamURL
    (url, region, key) = try Self.source(configuration)
    staleAfterSeconds = try configuration.integer("stale_after_seconds")
    let directory = try configuration.string("cache_directory")
    do { try System.makeDirectory(directory) } catch {
      throw ConfigurationError("cache_directory: \(error.description)")
    }
    do {
      cache = try CacheWriter(
        directory: directory, region: region,
        mapSizeBytes: try configuration.integer("map_size_mib") << 20)
    } catch let error as StorageError {
      throw ConfigurationError("cache_directory: \(error.description)")
    } catch let error as CacheError {
      throw ConfigurationError("cache_directory: \(error.description)")
    }
    epochKeysPath = "\(directory)/\(EpochKeyFile.name)"
    log = process.log
    if let damage = cache.damage {
      log.error("the status cache is made anew", metadata: ["damage": "\(damage)"])
    }
    applied = process.metrics.counter(
      "citycode_segments_applied_total", "Segments applied to the status cache.")
    refused = process.metrics.counter(
      "citycode_segments_refused_total", "Answers of the feed that did not follow or verify.")
    let readers = cache.readers
    process.metrics.offerReaders(of: "status_cache") { try? readers.report().figures }
    let (writer, level) = (cache, LevelTime())
    levelAt = level
    process.metrics.offerMapUse("status_cache") { try writer.mapUsage().fraction }
    process.metrics.gauge(
      "citycode_feed_position", "Last change of the log that this host's status cache has."
    ) { Double(writer.state.appliedPosition) }
    process.metrics.gauge(
      "citycode_feed_lag_seconds", "Since the follower last was level with its source."
    ) { level.secondsAgo }
    let tls = process.clientTLS
    let care = CacheCare(endsHungReaders: try configuration.boolean("kill_hung_readers"))
    let loop = thread.all[0]
    try loop.run {
      let state = State(
        Upstream(url, sharing: tls, on: loop), self.newFollower(), care)
      let bound = LoopBound(state, on: loop)
      self.step(bound)
      self.careForCache(bound)
    }
  }

  /// Whom to follow, and what its feed is believed under.
  static func source(
    _ configuration: Configuration
  ) throws(ConfigurationError) -> (url: UpstreamURL, region: Region, key: VerifyingKey) {
    guard let region = Region(text: try configuration.string("region")) else {
      throw ConfigurationError("region must be a GB/T 2260 code of six digits")
    }
    let url = try UpstreamURL(try configuration.string("follow_url"))
    let path = try configuration.string("sealer_public_key_file")
    do {
      return (url, region, try VerifyingKey(pemFile: path))
    } catch {
      throw ConfigurationError("sealer_public_key_file: \(error.description)")
    }
  }

  private func newFollower() -> Follower {
    let state = cache.state
    return Follower(
      region: region, key: key, position: state.generation > 0 ? state.chain : nil)
  }

  var checks: [HealthCheck] {
    [
      HealthCheck("feed") { self.status.withLock { $0.feed } ?? self.ageComplaint },
      HealthCheck("epoch_keys") {
        let now = KeyEpoch(at: WallClock.now().cityTime)
        return self.status.withLock { status in
          if let complaint = status.keys { return complaint }
          for number in [now.number, now.number + 1]
          where !status.epochs.contains(KeyEpoch(number: number)) {
            return "the key of epoch \(number) is missing: does the issuer give keys?"
          }
          return nil
        }
      },
      HealthCheck("status_cache") { self.status.withLock { $0.cache } },
    ]
  }

  /// The cache says how old its knowledge is, also when the thread that writes it is stuck.
  private var ageComplaint: String? {
    let age = WallClock.now().milliseconds(since: cache.state.asOf)
    return age > UInt64(staleAfterSeconds) * 1_000
      ? "the last news is \(age / 1_000) seconds old: does the issuer run?" : nil
  }

  /// What an empty cache still waits for; `nil` when it is full, and when the issuer cannot be
  /// asked: then this relay serves partners, and `/readyz` says why its own host must wait.
  var startProgress: String? {
    guard !cache.state.servable else { return nil }
    return status.withLock { status in
      if let (pages, all) = status.snapshot {
        return "loading a snapshot: page \(pages) of \(all)"
      }
      return status.hasAsked ? nil : "asking the issuer for a snapshot"
    }
  }

  func close() { thread.shutDown() }

  // MARK: On the thread

  /// How often the epoch keys are asked for.
  private static let keysMilliseconds: UInt64 = 60_000

  private func step(_ bound: LoopBound<State>) {
    let state = bound.value
    let now = System.monotonicNanoseconds / 1_000_000
    if now >= state.keysDueMilliseconds {
      state.keysDueMilliseconds = now + Self.keysMilliseconds
      fetchKeys(bound)
    }
    state.upstream.send(.get, state.follower.request.path, timeoutMilliseconds: 20_000) { result in
      let pause = self.take(result, bound.value)
      if pause == 0 {
        self.thread.all[0].execute { self.step(bound) }
      } else {
        self.thread.all[0].schedule(afterMilliseconds: pause) { self.step(bound) }
      }
    }
  }

  /// Once a second, however long an answer of the feed takes.
  private func careForCache(_ bound: LoopBound<State>) {
    do {
      let findings = try bound.value.care.tick(cache)
      for alarm in findings.alarms { log.error("status_cache", metadata: ["alarm": "\(alarm)"]) }
      status.withLock { $0.cache = findings.complaint }
    } catch {
      status.withLock { $0.cache = "\(error)" }
    }
    thread.all[0].schedule(afterMilliseconds: 1_000) { self.careForCache(bound) }
  }

  /// Applies an answer; how long to wait before the next request.
  private func take(
    _ result: Result<UpstreamResponse, UpstreamFailure>, _ state: State
  ) -> Int {
    switch result {
    case .failure(let failure):
      complain("the issuer cannot be reached: \(failure.rawValue)")
      return 250
    case .success(let response) where response.status == 410:
      state.follower.restart()
      status.withLock { $0.snapshot = nil }
      return 0
    case .success(let response) where response.status != 200:
      complain("the issuer answered \(response.status); does this relay have feed.follow?")
      return 1_000
    case .success(let response):
      do {
        for action in try state.follower.received(response.body.span) {
          try perform(action, state)
        }
        if state.follower.isLevel, state.snapshot == nil { levelAt.note() }
        complain(nil)
        return 0
      } catch let fault as SegmentFault {
        refused.add()
        complain("the feed was refused: \(fault.name)")
      } catch {
        complain("the status cache cannot be written: \(error)")
        // What was asked for is not applied: go on from what the cache says.
        state.snapshot = nil
        status.withLock { $0.snapshot = nil }
        state.follower = newFollower()
      }
      return 1_000
    }
  }

  private func perform(_ action: FollowAction, _ state: State) throws {
    switch action {
    case .begin(let manifest):
      log.info("taking a snapshot", metadata: ["pages": "\(manifest.pageCount)"])
      state.snapshot = try SnapshotBuilder(cache, manifest)
      status.withLock { $0.snapshot = (0, manifest.pageCount) }
    case .store(let batch):
      try state.snapshot!.store(batch)
      status.withLock { $0.snapshot?.pages += UInt32(batch.pageCount) }
    case .adopt: noteSnapshot(try state.snapshot!.adopt(), state)
    case .apply(let segment):
      if state.snapshot == nil {
        try cache.apply(segment)
      } else {
        noteSnapshot(try state.snapshot!.apply(segment), state)
      }
      applied.add()
    // While a snapshot waits for segments, what is in force is older than the head.
    case .beat where state.snapshot != nil: break
    case .beat(let position):
      try cache.beat(asOf: position.asOf, upTo: position.position)
    }
  }

  private func noteSnapshot(_ isInForce: Bool, _ state: State) {
    guard isInForce else { return }
    state.snapshot = nil
    status.withLock { $0.snapshot = nil }
    log.info("the snapshot is complete")
  }

  private func complain(_ text: String?) {
    let old = status.withLock { status in
      let old = status.feed
      status.feed = text
      status.hasAsked = true
      return old
    }
    guard old != text else { return }
    if let text {
      log.error("feed", metadata: ["error": "\(text)"])
    } else {
      log.info("following the feed")
    }
  }

  private func fetchKeys(_ bound: LoopBound<State>) {
    bound.value.upstream.send(.get, "/v1/feed/epoch-keys", timeoutMilliseconds: 5_000) { result in
      guard case .success(let response) = result, response.status == 200,
        let file = EpochKeyFile(response.body), file.region == self.region
      else {
        // The keys held reach hours ahead; ask again soon.
        bound.value.keysDueMilliseconds = System.monotonicNanoseconds / 1_000_000 + 2_000
        return
      }
      do throws(System.Fault) {
        try System.replaceFile(self.epochKeysPath, with: file.bytes, mode: 0o640)
        self.status.withLock { status in
          status.keys = nil
          status.epochs = Set(file.keys.map(\.epoch))
        }
      } catch {
        self.status.withLock { $0.keys = error.description }
      }
    }
  }
}

/// When the cache last was level with the feed; before that, when following began.
private final class LevelTime: Sendable {
  /// By the monotonic clock.
  private let nanoseconds = Atomic<UInt64>(System.monotonicNanoseconds)

  func note() { nanoseconds.store(System.monotonicNanoseconds, ordering: .relaxed) }

  var secondsAgo: Double {
    let then = nanoseconds.load(ordering: .relaxed)
    return Double(System.monotonicNanoseconds - then) / 1e9
  }
}
