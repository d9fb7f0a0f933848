import Synchronization

/// Numbers one after the other, for everybody in the process.
package final class Counter: Sendable {
  private let value = Atomic<Int>(0)

  package init() {}

  package func next() -> Int { value.add(1, ordering: .relaxed).newValue }
}

/// Loopback ports for the services of a world.
///
/// The services of a world name one another in their configurations, and come back to the same
/// port after a crash, so the ports are chosen before any of them starts.
package enum Ports {
  private static let given = Mutex<Set<Int>>([])
  /// Below the range from which Linux gives ports to outgoing connections.
  private static let range = 10_000..<30_000

  /// `preferred` if nobody has it, else any free port.
  package static func choose(preferred: Int? = nil) throws(WorldError) -> Int {
    if let preferred, take(preferred) { return preferred }
    for _ in 0..<1_000 {
      let port = Int.random(in: range)
      if take(port) { return port }
    }
    throw WorldError("no free port between \(range.lowerBound) and \(range.upperBound)")
  }

  private static func take(_ port: Int) -> Bool {
    given.withLock { given in
      guard !given.contains(port), Spawn.isFree(port: port) else { return false }
      given.insert(port)
      return true
    }
  }
}
