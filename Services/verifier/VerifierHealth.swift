import Codes
import Feed
import Server
import StatusCache
import Synchronization

/// What the verifier's probes ask.
final class VerifierHealth: Sendable {
  private let cache: SharedCache
  private let journal: Journal
  private let staleAfterSeconds: Int
  private let epochs = Mutex<Set<KeyEpoch>>([])
  /// When the last of the epoch keys ends, in seconds since 1970; 0 while there are none.
  private let keysEnd = Atomic<Int64>(0)

  init(cache: SharedCache, journal: Journal, staleAfterSeconds: Int) {
    self.cache = cache
    self.journal = journal
    self.staleAfterSeconds = staleAfterSeconds
  }

  /// The loops have the keys of `file`.
  func keysLoaded(_ file: EpochKeyFile) {
    epochs.withLock { $0 = Set(file.keys.map(\.epoch)) }
    keysEnd.store(file.endSeconds ?? 0, ordering: .relaxed)
  }

  /// How long codes can be opened with the keys held; not a number without any.
  var keysLeftSeconds: Double {
    let end = keysEnd.load(ordering: .relaxed)
    return end > 0 ? KeyExpiry.secondsLeft(end) : .nan
  }

  var ageSeconds: Double {
    guard let asOf = cache.asOf else { return .infinity }
    return Double(WallClock.now().milliseconds(since: asOf)) / 1_000
  }

  var checks: [HealthCheck] {
    [
      HealthCheck("status_cache") { [self] in
        guard let asOf = cache.asOf else {
          return "empty: the issuer or relay of this host has not filled it yet"
        }
        let age = WallClock.now().milliseconds(since: asOf)
        return age > UInt64(staleAfterSeconds) * 1_000
          ? "its knowledge is \(age / 1_000) seconds old: is the issuer or relay running?" : nil
      },
      HealthCheck("epoch_keys") { [self] in
        epochs.withLock { Self.keysComplaint($0, now: WallClock.now().cityTime) }
      },
      HealthCheck("journal") { [self] in journal.complaint },
    ]
  }

  /// Codes of this hour are scanned now, those of the next in a moment.
  static func keysComplaint(_ epochs: Set<KeyEpoch>, now: CityTime) -> String? {
    guard !epochs.isEmpty else { return "none yet: the issuer or relay writes them" }
    let epoch = KeyEpoch(at: now)
    for (name, number) in [("this", epoch.number), ("the next", epoch.number + 1)]
    where !epochs.contains(KeyEpoch(number: number)) {
      return "the key of \(name) hour, epoch \(number), is missing: is the issuer or relay running?"
    }
    return nil
  }
}
