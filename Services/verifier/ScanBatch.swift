import Codes
import JSON
import Server
import StatusCache
import VerifierCore

/// The scans of one batch request: most are answered at once, some wait for a partner region or
/// for the journal; the answer leaves when the last one is known, in the order of the request.
final class ScanBatch {
  private let verifier: VerifierLoop
  private let context: ScanContext
  private let now = WallClock.now()
  /// Of the whole batch, whatever holds when the last answer comes.
  private let level: DegradationLevel
  private var slots: [[UInt8]]
  private var open = 0
  private var isScanned = false
  private var deferred: DeferredReply?

  /// A batch for a scene that counts codes once comes with the right to answer later: what is
  /// claimed will be answered.
  init(
    _ verifier: VerifierLoop, _ context: ScanContext, count: Int, _ deferred: DeferredReply?
  ) {
    self.verifier = verifier
    self.context = context
    level = verifier.level
    self.deferred = deferred
    slots = Array(repeating: [], count: count)
  }

  func scan(_ text: ArraySlice<UInt8>, at index: Int) throws(Problem) {
    let verifier = verifier
    verifier.code.removeAll(keepingCapacity: true)
    if !CodeText.decode(text.span, into: &verifier.code) { verifier.code.removeAll() }
    switch try verifier.decide(context.scene, now) {
    case .home(let verdict):
      let finding = Finding(
        verdict, region: verifier.parts.rules.region, asOf: verifier.cache.asOf)
      if verdict.outcome == .accepted, context.scene.once != .no {
        return claim(finding, at: index)
      }
      write(finding, at: index)
    case .partner(let region):
      open += 1
      verifier.askPartner(verifier.code, region, context) { [self] finding in
        if finding.verdict.outcome == .accepted, context.scene.once != .no {
          claim(finding, at: index)
          return closeOne()
        }
        write(finding, at: index)
        verifier.journal.handOver()
        closeOne()
      }
    }
  }

  private func write(_ finding: Finding, at index: Int) {
    verifier.record(finding, context, now, level, to: &slots[index])
  }

  private func claim(_ finding: Finding, at index: Int) {
    open += 1
    verifier.claim(finding, context, now) { [self] finding, receipt in
      verifier.answers.append(
        finding, receipt: receipt.span, scene: context.scene, now: now, level: level,
        to: &slots[index])
      verifier.counters[Int(finding.verdict.outcome.rawValue)].add()
      closeOne()
    } failure: { [self] problem in
      // The others may be committed already: only this one does not count.
      slots[index] = problem.body
      closeOne()
    }
  }

  private func closeOne() {
    open -= 1
    guard open == 0, isScanned, let deferred else { return }
    deferred.respond(200, "application/json", body)
  }

  func finish(_ exchange: Exchange) {
    isScanned = true
    if let deferred {
      if open == 0 { deferred.respond(200, "application/json", body) }
    } else if open == 0 {
      exchange.respond(200, "application/json", body.span)
    } else {
      deferred = exchange.deferReply()
    }
  }

  private var body: [UInt8] {
    var body = Array("{\"answers\":[".utf8)
    body.reserveCapacity(slots.reduce(16) { $0 + $1.count + 1 })
    for (index, slot) in slots.enumerated() {
      if index > 0 { body.append(UInt8(ascii: ",")) }
      body.append(contentsOf: slot)
    }
    body.append(contentsOf: "]}".utf8)
    return body
  }
}
