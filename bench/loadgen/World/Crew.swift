import Server
import Synchronization
import World

/// Several connections to one service, with many requests in flight on each.
struct Crew: Sendable {
  let clients: [APIClient]

  /// Below the 256 streams that the services grant a known caller on one connection.
  static let inFlightPerConnection = 128

  /// The results of `body` for all elements, in order; `body` gets one of the connections.
  /// PhaseProgress goes to standard error, a line a second.
  func map<Element: Sendable, Value: Sendable>(
    _ what: String, _ elements: [Element], inFlight: Int = inFlightPerConnection,
    _ body: @escaping @Sendable (APIClient, Element) async throws -> Value
  ) async throws -> [Value] {
    let progress = PhaseProgress(what, count: elements.count)
    let next = Counter()
    var values: [Value?] = Array(repeating: nil, count: elements.count)
    try await withThrowingTaskGroup(of: [(Int, Value)].self) { group in
      for worker in 0..<min(clients.count * inFlight, elements.count) {
        let client = clients[worker % clients.count]
        group.addTask {
          var mine: [(Int, Value)] = []
          while true {
            let index = next.next()
            guard index < elements.count, !Task.isCancelled else { return mine }
            mine.append((index, try await body(client, elements[index])))
            progress.step()
          }
        }
      }
      for try await part in group { for (index, value) in part { values[index] = value } }
    }
    progress.end()
    return values.map { $0! }
  }

  func close() { for client in clients { client.close() } }
}

/// Numbers that are given out once, from 0.
private final class Counter: Sendable {
  private let value = Atomic<Int>(0)

  func next() -> Int { value.add(1, ordering: .relaxed).oldValue }
}

/// How far a phase is, on standard error.
final class PhaseProgress: Sendable {
  private struct State {
    var done = 0
    var saidAt = ContinuousClock.now
  }

  private let what: String
  private let count: Int
  private let start = ContinuousClock.now
  private let state = Mutex(State())

  init(_ what: String, count: Int) {
    self.what = what
    self.count = count
  }

  func step() {
    let isDue = state.withLock { state in
      state.done += 1
      let now = ContinuousClock.now
      guard now - state.saidAt >= .seconds(1) else { return false }
      state.saidAt = now
      return true
    }
    if isDue { say(state.withLock { $0.done }) }
  }

  func end() { say(count) }

  private func say(_ done: Int) {
    let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
    System.writeError("\(what): \(done) of \(count) after \(Int(milliseconds)) ms\n")
  }
}
