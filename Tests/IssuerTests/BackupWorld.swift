import Codes
import IssuerCore
import Security
import StatusCache
import Support
import Synchronization

@testable import issuer

/// An office whose people and changes are written down here too, so that the statuses at any
/// position of the log are known without asking the log.
final class BackupWorld: Sendable {
  private struct Known {
    var changes: [(position: UInt64, serial: Serial, status: Status)] = []
    var isOver = false
  }

  private let known = Mutex(Known())
  var changeCount: Int { known.withLock { $0.changes.count } }

  func end() { known.withLock { $0.isOver = true } }

  /// Registers people and changes them until `end`.
  func write(to ledger: LedgerWriter) async throws {
    var random = SplitMix(seed: 7)
    var people: [Serial] = []
    while !known.withLock({ $0.isOver }) {
      var actions = [
        Command.Action.register(
          document: Bytes16(high: 8, low: random.next()), kind: .resident, guardian: nil,
          statusValidUntil: Office.end)
      ]
      if !people.isEmpty {
        actions += (0..<5).map { _ -> Command.Action in
          .setStatus(
            random.pick(people), colour: random.pick([.green, .yellow, .red]),
            reason: UInt8(random.below(200)), validUntil: nil, flags: nil)
        }
        actions.append(.killCodes(random.pick(people), reason: 9))
      }
      for action in actions {
        switch try await ledger.reply(to: Command(action, order: Office.order)) {
        case .registered(let serial, _): people.append(serial)
        case .changed(let serial, let status, let position):
          known.withLock { $0.changes.append((position, serial, status)) }
        case .refused: break
        }
      }
    }
  }

  /// The digest of all statuses at a state of the log, as `CacheWriter.digest` makes it.
  func digest(at state: Registry.State) -> Digest {
    var statuses: [UInt64: Status] = [:]
    for serial in 1..<state.nextSerial {
      statuses[serial] = Status(colour: .green, kind: .resident, validUntil: Office.end)
    }
    for change in known.withLock({ $0.changes }) where change.position <= state.lastPosition {
      statuses[change.serial.value] = change.status
    }
    var hasher = SHA256Hasher()
    let pageCount = Int(state.nextSerial - 1) / StatusPage.statusCount + 1
    for number in 0..<pageCount {
      var page = StatusPage()
      for slot in 0..<StatusPage.statusCount {
        let serial = UInt64(number * StatusPage.statusCount + slot)
        page[slot] = statuses[serial] ?? .absent
      }
      hasher.update(page.bytes.span.extracting(StatusPage.headerByteCount...))
    }
    return hasher.finalize()
  }
}

extension Office {
  func backup(_ name: String = "backup", pieceBytes: Int = 4 << 20) throws -> BackupManifest {
    var backup = RegistryBackup(
      region: Self.region, secret: Self.secret, key: Self.key, registry: store.registry,
      generations: store.generations)
    backup.pieceBytes = pieceBytes
    return try backup.run(into: path(name))
  }

  func path(_ name: String) -> String { "\(directory.path)/\(name)" }

  /// How a backup of this office is restored into `directory`.
  static func restore(
    into directory: TemporaryDirectory, skipping: UInt64 = 0, secret: RegionSecret = secret,
    key: SigningKey = key
  ) -> RegistryRestore {
    RegistryRestore(
      region: region, secret: secret, key: key.verifyingKey,
      dataDirectory: "\(directory.path)/data", cacheDirectory: "\(directory.path)/cache",
      mapSizeBytes: 64 << 20, skippedSerials: skipping)
  }
}
