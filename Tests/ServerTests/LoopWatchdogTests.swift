import Foundation
import Testing

@testable import Server

@Suite struct LoopWatchdogTests {
  @Test("a loop that is blocked fails /livez, and is well again when it turns")
  func blocked() async throws {
    let loops = Loops(count: 2)
    let watchdog = LoopWatchdog(loops.all, blockedSeconds: 2)
    let port = AdminPort(metrics: Metrics(), checks: [], watchdog: watchdog)
    #expect(port.answer("/livez").status == 200)

    let (entered, goOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    loops.all[1].execute {
      entered.signal()
      goOn.wait()
    }
    try await Self.wait(entered)
    // Two seconds of ticks by hand; the port's own may add to them.
    for _ in 0..<(2_000 / LoopWatchdog.tickMilliseconds) {
      watchdog.tick()
      try loops.all[0].run {}
    }
    let answer = port.answer("/livez")
    #expect(answer.status == 503)
    #expect(answer.body.hasPrefix("event loop 1 has not turned for "), "\(answer.body)")

    goOn.signal()
    try loops.all[1].run {}
    #expect(port.answer("/livez").status == 200)
    port.shutDown()
    loops.shutDown()
  }

  @Test("a loop that turns is never taken for blocked, however often it is asked")
  func busy() throws {
    let loops = Loops(count: 1)
    let watchdog = LoopWatchdog(loops.all, blockedSeconds: 1)
    for _ in 0..<200 {
      watchdog.tick()
      try loops.all[0].run {}
      #expect(watchdog.complaint == nil)
    }
    loops.shutDown()
  }

  /// Waits on a thread of its own: tests share a few.
  private static func wait(_ semaphore: DispatchSemaphore) async throws {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        semaphore.wait()
        continuation.resume()
      }
    }
  }
}
