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
  private let status = Mutex<(feed: String?, keys: String?, cache: String?)>(
    ("the feed has not been reached yet", "no epoch keys yet", nil))

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
    guard let url = configuration.optional("follow_url") else { return nil }
    guard let region = Region(text: try configuration.string("region")) else {
      throw ConfigurationError("region must be a GB/T 2260 code of six digits")
    }
    self.region = region
    do {
      key = try VerifyingKey(pemFile: try configuration.string("sealer_public_key_file"))
    } catch let error as SecurityError {
      throw ConfigurationError(error.description)
    }
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
    let upstreamURL = try UpstreamURL(url)
    let tls = process.clientTLS
    let care = CacheCare(endsHungReaders: try configuration.boolean("kill_hung_readers"))
    let loop = thread.all[0]
    try loop.run {
      let state = State(
        Upstream(upstreamURL, tls: tls, on: loop), self.newFollower(), care)
      let bound = LoopBound(state, on: loop)
      self.step(bound)
      self.careForCache(bound)
    }
  }

  private func newFollower() -> Follower {
    let state = cache.state
    return Follower(
      region: region, key: key, position: state.generation > 0 ? state.chain : nil)
  }

  var checks: [HealthCheck] {
    [
      HealthCheck("feed") { self.status.withLock { $0.feed } },
      HealthCheck("epoch_keys") { self.status.withLock { $0.keys } },
      HealthCheck("status_cache") { self.status.withLock { $0.cache } },
    ]
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
      return 0
    case .success(let response) where response.status != 200:
      complain("the issuer answered \(response.status); does this relay have feed.follow?")
      return 1_000
    case .success(let response):
      do {
        for action in try state.follower.received(response.body.span) {
          try perform(action, state)
        }
        complain(nil)
        return 0
      } catch let fault as SegmentFault {
        refused.add()
        complain("the feed was refused: \(fault.name)")
      } catch {
        complain("the status cache cannot be written: \(error)")
        // What was asked for is not applied: go on from what the cache says.
        state.snapshot = nil
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
    case .store(let batch): try state.snapshot!.store(batch)
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
    log.info("the snapshot is complete")
  }

  private func complain(_ text: String?) {
    let old = status.withLock { status in
      let old = status.feed
      status.feed = text
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
        self.status.withLock { $0.keys = nil }
      } catch {
        self.status.withLock { $0.keys = error.description }
      }
    }
  }
}
