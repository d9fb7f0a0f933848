import Codes
import HTTP2
import JSON
import Server
import StatusCache
import VerifierCore

/// The scans of one batch request: most are answered at once, some wait for a partner region or
/// for the journal; the answer leaves when the last one is known, in the order of the request.
final class ScanBatch {
  private let verifier: VerifierLoop
  private let context: ScanContext
  private let now: Instant
  /// Of the whole batch, whatever holds when the last answer comes.
  private let level: DegradationLevel
  /// The answers as they became known, and where the one to each code is. As long as none had to
  /// wait this is the body, but for its end.
  private var answers = Array("{\"answers\":[".utf8)
  private var slots: [Range<Int>] = []
  private var isInOrder = true
  private var open = 0
  private var isScanned = false
  private var deferred: DeferredReply?
  /// For the relay.
  private let trace: [HeaderField]

  /// A batch for a scene that counts codes once comes with the right to answer later: what is
  /// claimed will be answered.
  init(
    _ verifier: VerifierLoop, _ context: ScanContext, count: Int, _ deferred: DeferredReply?,
    trace: [HeaderField]
  ) {
    self.verifier = verifier
    self.trace = trace
    self.context = context
    level = verifier.level
    self.deferred = deferred
    now = verifier.turnTime
    slots.reserveCapacity(count)
    answers.reserveCapacity(count * Self.answerBytes)
  }

  /// A usual answer and its comma.
  private static let answerBytes = 352

  /// Scans the next code of the batch.
  func scan(_ text: Span<UInt8>) throws(Problem) {
    let verifier = verifier
    let index = slots.count
    slots.append(0..<0)
    verifier.decode(text)
    guard let region = try verifier.begin(context, for: .batch(self, index)) else { return }
    open += 1
    isInOrder = false
    verifier.askPartner(verifier.code, region, context, trace: trace) { [self] finding in
      answer(finding, at: index)
      verifier.journal.handOver()
      closeOne()
    }
  }

  /// Takes the finding on the code with this number.
  func answer(_ finding: Finding, at index: Int) {
    if finding.verdict.outcome == .accepted, context.scene.once != .no {
      claim(finding, at: index)
    } else {
      write(finding, at: index)
    }
  }

  private func write(_ finding: Finding, at index: Int) {
    // Taken out of `self` while the verifier writes behind it.
    var answers = exchange(&self.answers, with: [])
    defer { self.answers = answers }
    let start = answers.count
    verifier.record(finding, context, now, level, to: &answers)
    slots[index] = start..<answers.count
    answers.append(UInt8(ascii: ","))
  }

  private func claim(_ finding: Finding, at index: Int) {
    open += 1
    isInOrder = false
    verifier.claim(finding, context, now) { [self] finding, receipt in
      let start = answers.count
      verifier.answers.append(
        finding, receipt: receipt.span, scene: context.scene, now: now, level: level,
        to: &answers)
      slots[index] = start..<answers.count
      verifier.counters.count(finding.verdict.outcome, context)
      closeOne()
    } failure: { [self] problem in
      // The others may be committed already: only this one does not count.
      slots[index] = answers.count..<(answers.count + problem.body.count)
      answers.append(contentsOf: problem.body)
      closeOne()
    }
  }

  private func closeOne() {
    open -= 1
    guard open == 0, isScanned, let deferred else { return }
    deferred.respond(200, "application/json", body)
  }

  func finish(_ exchange: Exchange) {
    verifier.finishPending()
    isScanned = true
    if let deferred {
      if open == 0 { deferred.respond(200, "application/json", body) }
    } else if open == 0 {
      exchange.respond(200, "application/json") { $0 = body }
    } else {
      deferred = exchange.deferReply()
    }
  }

  private var body: [UInt8] {
    if isInOrder {
      answers[answers.count - 1] = UInt8(ascii: "]")
      answers.append(UInt8(ascii: "}"))
      return exchange(&answers, with: [])
    }
    var body = Array("{\"answers\":[".utf8)
    body.reserveCapacity(answers.count + slots.count)
    for (index, slot) in slots.enumerated() {
      if index > 0 { body.append(UInt8(ascii: ",")) }
      body.append(contentsOf: answers[slot])
    }
    body.append(contentsOf: "]}".utf8)
    return body
  }
}
