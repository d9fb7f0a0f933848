import Codes
import Server
import StatusCache
import VerifierCore

/// Scans of one turn between their two halves: opened, and not judged.
///
/// At tens of millions of people a status is in no cache of the processor, nor is its page's
/// address. Read one right after the other, with nothing between, the statuses of several scans are
/// fetched together, in little more than the time of one.
struct PendingScans {
  enum Destination {
    case request(TurnReply)
    case batch(ScanBatch, Int)
  }

  enum Step {
    case decided(Verdict)
    case opened(OpenedCode)
  }

  struct Scan {
    let destination: Destination
    let context: ScanContext
    let level: DegradationLevel
    let step: Step
  }

  /// As many loads as a processor keeps under way.
  static let countMax = 8

  private(set) var scans: [Scan] = []
  /// For each scan where its status is, if it needs one.
  private(set) var places: [StatusPlace?] = []
  private(set) var statuses: [Status?] = []
  var isFull: Bool { scans.count >= Self.countMax }

  mutating func append(_ scan: consuming Scan, _ place: StatusPlace?) {
    scans.append(scan)
    places.append(place)
  }

  mutating func readStatuses(_ cache: CacheReader) {
    cache.appendStatuses(at: places, to: &statuses)
  }

  mutating func takeScans() -> [Scan] { exchange(&scans, with: []) }

  /// Empties everything; `scans` is the array that was taken.
  mutating func removeAll(reusing scans: consuming [Scan]) {
    self.scans = scans
    self.scans.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
    statuses.removeAll(keepingCapacity: true)
  }
}

extension VerifierLoop {
  /// Takes the first half of a scan of the code in `code`, of a home code or a wrong one; the rest
  /// comes with the next scans, or with the turn's end. `nil`, or the partner region that must
  /// say.
  func begin(
    _ context: ScanContext, for destination: PendingScans.Destination
  ) throws(Problem) -> Region? {
    try openCache()
    let step: PendingScans.Step
    var place: StatusPlace?
    if cache.servable {
      switch open() {
      case .decided(let verdict): step = .decided(verdict)
      case .partner(let region): return region
      case .opened(let code):
        step = .opened(code)
        place = cache.locate(code.claims.serial)
      }
    } else {
      step = .decided(.refused(.staleCache))
    }
    pending.append(
      .init(destination: destination, context: context, level: level, step: step), place)
    if pending.isFull { finishPending() }
    return nil
  }

  private func open() -> Opening {
    // Taken out of `self` while their bytes are lent.
    let code = exchange(&self.code, with: [])
    var scratch = exchange(&self.scratch, with: [])
    defer {
      self.code = code
      self.scratch = scratch
    }
    return rules(at: level).open(code: code.span, now: turnTime, keys: keys, scratch: &scratch)
  }

  /// Judges all scans that were begun, in order, and answers them.
  func finishPending() {
    guard !pending.scans.isEmpty else { return }
    pending.readStatuses(cache)
    let now = turnTime
    let region = parts.rules.region
    let asOf = cache.asOf
    // Out of `self`, so that its scans are lent and not copied: a copy counts each reference in it.
    // Nothing below begins a scan.
    let scans = pending.takeScans()
    let lent = scans.span
    for index in lent.indices {
      let verdict: Verdict
      switch lent[index].step {
      case .decided(let known): verdict = known
      case .opened(let code):
        verdict = rules(at: lent[index].level).judge(
          code, status: pending.statuses[index], scene: lent[index].context.scene, now: now,
          asOf: asOf)
      }
      let finding = Finding(verdict, region: region, asOf: asOf)
      switch lent[index].destination {
      case .request(let reply):
        answer(reply, finding, lent[index].context, now, lent[index].level)
      case .batch(let batch, let place): batch.answer(finding, at: place)
      }
    }
    pending.removeAll(reusing: scans)
  }
}
