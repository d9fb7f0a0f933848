import Codes
import Feed
import IssuerCore
import Server
import Synchronization

/// Puts the epoch keys near now beside the status cache, where the verifiers of this host find
/// them; the secret they come from stays here.
final class EpochKeyWriter: Sendable {
  private let parts: IssuerParts
  private let path: String
  private let state = Mutex<(epoch: KeyEpoch?, complaint: String?)>((nil, nil))
  /// When the last of the keys written ends, in seconds since 1970; 0 before the first.
  private let end = Atomic<Int64>(0)

  init(_ parts: IssuerParts, directory: String) {
    self.parts = parts
    path = "\(directory)/\(EpochKeyFile.name)"
  }

  var complaint: String? { state.withLock { $0.complaint } }

  /// How long this host's verifiers can open codes with what was written; not a number before.
  var secondsLeft: Double {
    let end = end.load(ordering: .relaxed)
    return end > 0 ? KeyExpiry.secondsLeft(end) : .nan
  }

  /// Writes now and whenever an hour begins.
  func start(on loop: Loop) {
    write()
    loop.schedule(afterMilliseconds: 1_000) { self.start(on: loop) }
  }

  private func write() {
    let now = WallClock.now().cityTime
    let epoch = KeyEpoch(at: now)
    guard state.withLock({ $0.epoch != epoch }) else { return }
    let file = parts.secret.epochKeys(near: now, hoursAhead: parts.epochKeysHoursAhead)
    do {
      try System.replaceFile(path, with: file.bytes, mode: 0o640)
      state.withLock { $0 = (epoch, nil) }
      end.store(file.endSeconds ?? 0, ordering: .relaxed)
    } catch {
      state.withLock { $0.complaint = error.description }
    }
  }
}
