import Glibc
import Synchronization

/// Threads for work that takes seconds to minutes and never waits for events.
package enum Workers {
  /// Calls `body` with 0 to `count` − 1, each on a thread of its own, and waits for all of them;
  /// throws the first error that one of them threw.
  package static func run(
    _ count: Int, _ body: @escaping @Sendable (Int) throws -> Void
  ) throws {
    let failure = Failure()
    var workers: [Worker<Void>] = []
    do {
      for index in 0..<count {
        workers.append(
          try Worker { do { try body(index) } catch { failure.keep(error) } })
      }
    } catch {
      failure.keep(error)
    }
    for worker in workers { try worker.finish() }
    if let error = failure.first { throw error }
  }
}

/// Work on a thread of its own. Whoever begins it must wait for its end.
package final class Worker<Value: Sendable>: Sendable {
  private final class Task: Sendable {
    let body: @Sendable () throws -> Value
    let outcome = Mutex<Result<Value, any Error>?>(nil)
    init(_ body: @escaping @Sendable () throws -> Value) { self.body = body }
    func run() {
      let result = Result { try body() }
      outcome.withLock { $0 = result }
    }
  }

  private let task: Task
  private let thread: pthread_t

  /// Begins.
  package init(_ body: @escaping @Sendable () throws -> Value) throws(RecordsError) {
    task = Task(body)
    // What the thread runs may know nothing of `Value`: C has no generic functions.
    let start = Start(task.run)
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(start).toOpaque()
    let result = unsafe pthread_create(
      &thread, nil,
      { context in
        unsafe Unmanaged<Start>.fromOpaque(context!).takeRetainedValue().body()
        return nil
      }, context)
    self.thread = thread
    guard result == 0 else {
      unsafe Unmanaged<Start>.fromOpaque(context).release()
      throw RecordsError(operation: "start", path: "a thread", errno: result)
    }
  }

  /// Waits for the end of the work; what it returned or threw. To be called once.
  package func finish() throws -> Value {
    pthread_join(thread, nil)
    guard let result = task.outcome.withLock({ $0 }) else {
      preconditionFailure("the thread has ended")
    }
    return try result.get()
  }
}

private final class Start: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
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
