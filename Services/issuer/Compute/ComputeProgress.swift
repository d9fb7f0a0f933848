import Server
import Synchronization

/// What a computation shows while it runs: a bar with rate and time left on a terminal, a line a
/// minute elsewhere.
final class ComputeProgress: Sendable {
  private struct State {
    var total = 0
    var done = 0
    var rows = 0
    var step = ""
    var start: UInt64 = 0
    var shownAt: UInt64 = 0
    var hasBar = false
  }

  private let state = Mutex(State())
  private let isQuiet: Bool

  init(quiet: Bool = false) { isQuiet = quiet }

  /// Begins a step of `total` parts, which are never shown as such.
  func begin(_ step: String, total: Int) {
    state.withLock { state in
      Self.endLine(&state)
      let now = System.monotonicNanoseconds
      state = State(total: max(total, 1), step: step, start: now, shownAt: now)
      if !isQuiet, !System.isErrorTerminal { System.writeError("\(step)\n") }
    }
  }

  /// Some more is done.
  func advance(_ parts: Int, rows: Int) {
    state.withLock { state in
      state.done += parts
      state.rows += rows
      let now = System.monotonicNanoseconds
      let pause: UInt64 = System.isErrorTerminal ? 200_000_000 : 60_000_000_000
      guard !isQuiet, now >= state.shownAt + pause else { return }
      state.shownAt = now
      show(&state, now)
    }
  }

  private func show(_ state: inout State, _ now: UInt64) {
    let seconds = max(Double(now - state.start) / 1e9, 0.001)
    let share = min(1, Double(state.done) / Double(state.total))
    let filled = Int(share * 30)
    let bar =
      String(repeating: "#", count: filled) + String(repeating: ".", count: 30 - filled)
    var line = "\(state.step) [\(bar)] \(Int(share * 100)) %"
    if state.rows > 0 {
      line += " \(state.rows) rows, \(Int(Double(state.rows) / seconds)) a second"
    }
    if share > 0.005 { line += ", \(Int(seconds / share - seconds + 0.5)) s left" }
    state.hasBar = System.isErrorTerminal
    System.writeError(System.isErrorTerminal ? "\r\u{1B}[K\(line)" : "\(line)\n")
  }

  private static func endLine(_ state: inout State) {
    if state.hasBar { System.writeError("\r\u{1B}[K") }
    state.hasBar = false
  }

  /// The last step is over.
  func end() { state.withLock { Self.endLine(&$0) } }
}
