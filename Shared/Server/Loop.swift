internal import NIOCore
internal import NIOPosix

/// One event loop: one thread that owns its connections, its read transaction and its contexts.
///
/// What belongs to a loop is touched on it alone; other threads reach it with `execute`.
package final class Loop: Sendable {
  let eventLoop: any EventLoop
  /// 0 for the first loop of the process.
  package let index: Int

  init(_ eventLoop: any EventLoop, index: Int) {
    self.eventLoop = eventLoop
    self.index = index
  }

  /// Runs `body` on the loop, soon; callable from any thread.
  package func execute(_ body: @escaping @Sendable () -> Void) { eventLoop.execute(body) }

  /// Runs `body` on the loop after `delay`; callable from any thread.
  package func schedule(afterMilliseconds delay: Int, _ body: @escaping @Sendable () -> Void) {
    eventLoop.scheduleTask(in: .milliseconds(Int64(delay)), body)
  }

  /// The same in microseconds: below a millisecond, after the events that are ready now.
  func schedule(afterMicroseconds delay: Int, _ body: @escaping @Sendable () -> Void) {
    eventLoop.scheduleTask(in: .microseconds(Int64(delay)), body)
  }

  /// Runs `body` on the loop and waits for its end; never call it from a loop.
  package func run<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
  ) throws -> Value {
    try eventLoop.submit(body).wait()
  }

  /// Traps when it is called from another thread.
  package func assertOnLoop() { eventLoop.preconditionInEventLoop() }

  package var isOnLoop: Bool { eventLoop.inEventLoop }
}

/// The event loops of the process.
package final class Loops: Sendable {
  private let group: MultiThreadedEventLoopGroup
  package let all: [Loop]

  /// `count` threads; 0 means one for each processor this process may use.
  package init(count: Int) {
    let threads = count > 0 ? count : System.onlineProcessors
    group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
    all = group.makeIterator().enumerated().map { Loop($0.element, index: $0.offset) }
  }

  /// Ends the threads; blocks until they have ended.
  package func shutDown() { try? group.syncShutdownGracefully() }
}

/// Lets a value that belongs to one loop travel inside a closure that runs on that loop.
///
/// The only way in and out checks the loop, which is what makes the promise of `Sendable` true.
package final class LoopBound<Value>: @unchecked Sendable {
  private let loop: Loop
  private let stored: Value

  package init(_ value: Value, on loop: Loop) {
    loop.assertOnLoop()
    self.loop = loop
    stored = value
  }

  package var value: Value {
    loop.assertOnLoop()
    return stored
  }
}
