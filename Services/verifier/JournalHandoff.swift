import Codes
import Server
import Synchronization
import VerifierCore

/// Where one event loop leaves scans for the journal's writer.
///
/// The loop gathers entries by itself and hands them over once a turn; the lock is shared with
/// the writer alone, which holds it for a swap of two arrays.
final class JournalHandoff: @unchecked Sendable {
  struct PendingClaim: Sendable {
    let claim: Claim
    let completion: @Sendable (Result<Outcome, Problem>) -> Void
  }

  struct Parcel: Sendable {
    var entries: [UInt8] = []
    /// How many scans the entries are.
    var count = 0
    var claims: [PendingClaim] = []
  }

  /// Set once, by the journal that owns this, before any loop runs.
  unowned var journal: Journal!
  /// Entries of this turn; touched by the owning loop alone.
  private var gathered: [UInt8] = []
  private var gatheredCount = 0
  private let parcel = Mutex(Parcel())
  private let waitingBytes = Atomic<Int>(0)
  private let undurableCount = Atomic<Int>(0)

  /// Bytes of entries that may wait for the writer: about 100,000 scans.
  static let waitingBytesMax = 16 << 20

  /// `false` when the writer is so far behind that no scan may be added.
  var hasRoom: Bool {
    waitingBytes.load(ordering: .relaxed) + gathered.count < Self.waitingBytesMax
  }

  /// Adds one scan; on the owning loop.
  func append(receipt: Span<UInt8>, _ finding: Finding, _ context: ScanContext) {
    gathered.appendJournalEntry(receipt: receipt, finding, context)
    gatheredCount += 1
  }

  /// Hands over what this turn gathered; on the owning loop.
  func handOver() {
    guard !gathered.isEmpty else { return }
    let byteCount = gathered.count
    let count = exchange(&gatheredCount, with: 0)
    // Before the writer can see them.
    undurableCount.wrappingAdd(count, ordering: .relaxed)
    let wasEmpty = parcel.withLock { parcel in
      let wasEmpty = parcel.entries.isEmpty
      parcel.entries.append(contentsOf: gathered)
      parcel.count += count
      return wasEmpty
    }
    waitingBytes.wrappingAdd(byteCount, ordering: .relaxed)
    gathered.removeAll(keepingCapacity: true)
    if wasEmpty { journal.scheduleCommit(atOnce: false) }
  }

  /// Asks for a decision; `completion` is called on the writer's thread after the commit.
  func submit(
    _ claim: Claim, completion: @escaping @Sendable (Result<Outcome, Problem>) -> Void
  ) {
    parcel.withLock { $0.claims.append(PendingClaim(claim: claim, completion: completion)) }
    journal.scheduleCommit(atOnce: true)
  }

  /// Takes everything; on the writer's thread.
  func take() -> Parcel {
    let taken = parcel.withLock { parcel in
      let taken = parcel
      parcel = Parcel()
      return taken
    }
    waitingBytes.wrappingSubtract(taken.entries.count, ordering: .relaxed)
    return taken
  }

  /// Scans answered and not yet durable, those of turns that are over.
  var backlog: Int { undurableCount.load(ordering: .relaxed) }

  /// The entries of `parcel` are durable; on the writer's thread.
  func committed(_ parcel: Parcel) {
    undurableCount.wrappingSubtract(parcel.count, ordering: .relaxed)
  }

  /// Puts entries back in front, after a commit that failed; on the writer's thread.
  func putBack(_ failed: Parcel) {
    parcel.withLock { parcel in
      parcel.entries = failed.entries + parcel.entries
      parcel.count += failed.count
    }
    waitingBytes.wrappingAdd(failed.entries.count, ordering: .relaxed)
  }
}
