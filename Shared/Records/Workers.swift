import Glibc
import Synchronization

/// Threads for work that takes seconds to minutes and never waits for events.
package enum Workers {
  private final class Task: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Calls `body` with 0 to `count` − 1, each on a thread of its own, and waits for all of them;
  /// throws the first error that one of them threw.
  package static func run(
    _ count: Int, _ body: @escaping @Sendable (Int) throws -> Void
  ) throws {
    let failure = Failure()
    var threads: [pthread_t] = []
    for index in 0..<count {
      let task = Task {
        do { try body(index) } catch { failure.keep(error) }
      }
      var thread = pthread_t()
      let context = unsafe Unmanaged.passRetained(task).toOpaque()
      let result = unsafe pthread_create(
        &thread, nil,
        { context in
          let task = unsafe Unmanaged<Task>.fromOpaque(context!).takeRetainedValue()
          task.body()
          return nil
        }, context)
      guard result == 0 else {
        unsafe Unmanaged<Task>.fromOpaque(context).release()
        failure.keep(RecordsError(operation: "start", path: "a thread", errno: result))
        break
      }
      threads.append(thread)
    }
    for thread in threads { pthread_join(thread, nil) }
    if let error = failure.first { throw error }
  }
}

/// The first error of several threads.
package final class Failure: Sendable {
  private let error = Mutex<(any Error)?>(nil)

  package init() {}

  /// Keeps `error` if it is the first.
  package func keep(_ error: any Error) {
    self.error.withLock { if $0 == nil { $0 = error } }
  }

  /// What was kept first.
  package var first: (any Error)? { error.withLock { $0 } }
}

/// A system call that failed, on which file and why.
package struct RecordsError: Error, Equatable, CustomStringConvertible {
  package let operation: String
  package let path: String
  package let errno: Int32

  package init(operation: String, path: String, errno: Int32) {
    self.operation = operation
    self.path = path
    self.errno = errno
  }

  package var description: String {
    let reason = unsafe String(cString: strerror(errno))
    return "cannot \(operation) \(path): \(reason)"
  }
}
