package import Codes
package import Feed
import Security

/// The epoch keys near now that a verifier holds, ready to open codes. One per event loop.
///
/// A verifier never has the region's secret: whoever writes the status cache of the host puts the
/// keys of the hours around now beside it (`EpochKeyFile`).
package final class KeyRing {
  private var keys: [(epoch: KeyEpoch, cipher: AESGCM)] = []

  package init() {}

  /// Takes over the keys of `file` in place of all held before.
  package func replace(with file: EpochKeyFile) {
    keys = file.keys.map { key in
      (key.epoch, AESGCM(key: key.bytes.span))
    }
  }

  package var isEmpty: Bool { keys.isEmpty }

  /// The first epoch held, of use to tell a code that is too old from one of an unknown key.
  package var oldest: KeyEpoch? { keys.map(\.epoch).min() }

  func cipher(_ epoch: KeyEpoch) -> AESGCM? {
    for key in keys where key.epoch == epoch { return key.cipher }
    return nil
  }
}
