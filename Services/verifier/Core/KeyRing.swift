package import Codes
package import Feed
import Security

/// The epoch keys near now that a verifier holds, ready to open codes. One per event loop.
///
/// A verifier never has the region's secret: whoever writes the status cache of the host puts the
/// keys of the hours around now beside it (`EpochKeyFile`).
package final class KeyRing {
  private var epochs: [KeyEpoch] = []
  private var ciphers: [AESGCM] = []
  /// Where the last key asked for is: nearly all codes are of one hour or two.
  private var latest = 0

  package init() {}

  /// Takes over the keys of `file` in place of all held before.
  package func replace(with file: EpochKeyFile) {
    epochs = file.keys.map(\.epoch)
    ciphers = file.keys.map { AESGCM(key: $0.bytes.span) }
    latest = 0
  }

  package var isEmpty: Bool { epochs.isEmpty }

  /// The first epoch held, of use to tell a code that is too old from one of an unknown key.
  package var oldest: KeyEpoch? { epochs.min() }

  func cipher(_ epoch: KeyEpoch) -> AESGCM? {
    if latest >= epochs.count || epochs[latest] != epoch {
      guard let index = epochs.firstIndex(of: epoch) else { return nil }
      latest = index
    }
    return ciphers[latest]
  }
}
