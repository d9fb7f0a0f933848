import Codes
import Feed
import IssuerCore
import Security
import Server
import Synchronization

/// Puts the epoch keys near now beside the status cache, where the verifiers of this host find
/// them; the secrets they come from stay here.
final class EpochKeyWriter: Sendable {
  private struct State {
    var secret: RegionSecret
    /// What the file was last written for.
    var epoch: KeyEpoch?
    /// The file is of other secrets.
    var isOutdated = false
    var complaint: String?
    /// When the last of the keys written ends, in seconds since 1970; 0 before the first.
    var endSeconds: Int64 = 0
  }

  private let region: Region
  private let hoursAhead: Int
  private let configuration: Configuration
  private let path: String
  private let state: Mutex<State>

  init(_ parts: IssuerParts, _ configuration: Configuration, directory: String) {
    region = parts.region
    hoursAhead = parts.epochKeysHoursAhead
    self.configuration = configuration
    path = "\(directory)/\(EpochKeyFile.name)"
    state = Mutex(State(secret: parts.secret))
  }

  /// What keeps the keys of this hour from the verifiers; `nil` when they have them.
  var complaint: String? {
    let epoch = KeyEpoch(at: WallClock.now().cityTime)
    return state.withLock { state in
      if let complaint = state.complaint { return complaint }
      // Written once a second when an hour begins; the file reaches hours ahead.
      guard let written = state.epoch, written.number + 1 >= epoch.number else {
        return "the file \(path) has not been written for this hour"
      }
      return nil
    }
  }

  /// How long this host's verifiers can open codes with what was written; not a number before.
  var secondsLeft: Double {
    let end = state.withLock { $0.endSeconds }
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
    state.withLock { state in
      guard state.epoch != epoch || state.isOutdated else { return }
      let file = state.secret.epochKeys(near: now, hoursAhead: hoursAhead)
      do throws(System.Fault) {
        try System.replaceFile(path, with: file.bytes, mode: 0o640)
        state.epoch = epoch
        state.isOutdated = false
        state.complaint = nil
        state.endSeconds = file.endSeconds ?? 0
      } catch {
        state.complaint = error.description
      }
    }
  }

  /// Reads the region's secrets anew. Refused when a code or a key that somebody may have would
  /// come to nothing.
  func reload() throws -> ReloadedPart {
    let schedule: SecretSchedule
    do {
      schedule = try IssuerStore.schedule(configuration, region)
    } catch let error as SecurityError {
      throw ConfigurationError(error.description)
    }
    var secret = state.withLock { $0.secret }
    guard schedule.handleKey == secret.handleKey else {
      throw ConfigurationError(
        "region_secret_file: this is another region's secret, or not one that `issuer keys rotate"
          + " region-secret` made of the one in use: every handle would change")
    }
    let now = WallClock.now().cityTime
    if let epoch = schedule.conflict(with: secret.schedule, at: now, hoursAhead: hoursAhead) {
      throw ConfigurationError(
        "region_secret_file: the key of epoch \(epoch) (\(epoch.start)) would change, of which"
          + " codes or keys may have been given out. Run `issuer keys rotate region-secret` again,"
          + " which chooses a later epoch; or, if those codes shall die, restart the issuer")
    }
    secret.schedule = schedule
    let adopted = secret
    return ReloadedPart {
      self.state.withLock { state in
        state.secret = adopted
        state.isOutdated = true
      }
    } onLoop: { service in
      (service as? IssuerLoop)?.adopt(adopted)
    }
  }
}
