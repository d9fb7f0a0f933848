import Codes
import Logging
import Server
import Synchronization

/// Takes orders for generations beside a running issuer, on a thread of its own: building pages
/// keeps neither a scan nor a single change waiting.
final class GenerationService: Sendable {
  private let control: GenerationControl
  private let mailbox: GenerationMailbox
  private let log: Logger
  private let thread = Loops(count: 1)
  private let isClosed = Atomic<Bool>(false)
  /// Microseconds that single changes waited for the last switch.
  private let lastSwitch = Atomic<Int>(0)
  /// What could not be answered yet, for a disk that failed: who gave the order waits for it.
  private let unanswered = Mutex<[(name: String, answer: GenerationAnswer)]>([])

  private static let pollMilliseconds = 100

  init(_ control: GenerationControl, log: Logger) throws {
    self.control = control
    self.log = log
    mailbox = GenerationMailbox(control.directory)
    try mailbox.begin()
    schedule()
  }

  /// Waits for the order that is being carried out.
  func close() {
    isClosed.store(true, ordering: .releasing)
    thread.shutDown()
  }

  func offer(_ metrics: Metrics) {
    let control = control
    metrics.gauge(
      "citycode_generation_in_force", "Number of the computed generation in force; 0: none."
    ) { (try? control.registry.generationState()).map { Double($0.inForce) } ?? .nan }
    metrics.gauge(
      "citycode_generation_age_seconds",
      "Since the statuses in force were computed or loaded; NaN where all are single ones."
    ) {
      guard let made = (try? control.madeAt()) ?? nil else { return .nan }
      return Double(WallClock.now().milliseconds(since: made)) / 1e3
    }
    metrics.gauge(
      "citycode_generation_switch_seconds", "How long changes waited for the last switch."
    ) { [self] in Double(lastSwitch.load(ordering: .relaxed)) / 1e6 }
  }

  private func schedule() {
    guard !isClosed.load(ordering: .acquiring) else { return }
    thread.all[0].schedule(afterMilliseconds: Self.pollMilliseconds) {
      self.poll()
      self.schedule()
    }
  }

  private func poll() {
    do {
      try leaveAnswers()
      for name in try mailbox.waiting() where !isClosed.load(ordering: .acquiring) {
        guard try mailbox.take(name) else { continue }
        let answer = carryOut(name)
        unanswered.withLock { $0.append((name, answer)) }
        try leaveAnswers()
      }
    } catch {
      log.error("an order waits", metadata: ["error": "\(Faults.text(error))"])
    }
  }

  private func leaveAnswers() throws {
    while let (name, answer) = unanswered.withLock({ $0.first }) {
      try mailbox.answer(name, answer)
      unanswered.withLock { _ = $0.removeFirst() }
    }
  }

  private func carryOut(_ name: String) -> GenerationAnswer {
    do {
      guard let order = GenerationOrder(text: try mailbox.text(ofTaken: name)) else {
        return GenerationAnswer(isDone: false, text: "the order cannot be read")
      }
      log.info("generation", metadata: ["order": "\(order.text)"])
      let outcome = try order.run(control)
      if let milliseconds = outcome.switchMilliseconds {
        lastSwitch.store(Int(milliseconds * 1_000), ordering: .relaxed)
      }
      log.info("generation", metadata: ["done": "\(outcome.text)"])
      return GenerationAnswer(isDone: true, text: outcome.text)
    } catch {
      log.error("generation", metadata: ["error": "\(Faults.text(error))"])
      return GenerationAnswer(isDone: false, text: Faults.text(error))
    }
  }
}

/// What an operator is told of an error.
enum Faults {
  static func text(_ error: any Error) -> String {
    if let error = error as? System.Fault { return error.description }
    if let error = error as? ConfigurationError { return error.message }
    return "\(error)"
  }
}
