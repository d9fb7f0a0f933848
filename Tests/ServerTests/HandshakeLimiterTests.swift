import Testing

@testable import Server

@Suite struct HandshakeLimiterTests {
  @Test("a burst begins at once, then so many a second, first in, first out")
  func rate() {
    var limiter = HandshakeLimiter<Int>(perSecond: 100, waitMilliseconds: 1_000)
    let begun = (0..<50).filter { _ in limiter.begin(now: 5_000) }.count
    #expect(begun == 10, "a tenth of a second's")
    let waiting = (0..<5).filter { limiter.wait($0, now: 5_000) }
    #expect(waiting.count == 5)
    let overtakes = limiter.begin(now: 5_500)
    #expect(!overtakes, "nobody overtakes those who wait")
    let next = limiter.nextReady(now: 5_010)
    #expect(next == 0, "one more in ten milliseconds")
    var order: [Int] = []
    while let next = limiter.nextReady(now: 5_500) { order.append(next) }
    #expect(order == [1, 2, 3, 4] && limiter.waitingCount == 0)
  }

  @Test("no more begin in the long run than the rate and one burst")
  func longRun() {
    var limiter = HandshakeLimiter<Int>(perSecond: 200, waitMilliseconds: 100)
    var begun = 0
    for now in UInt64(0)..<3_000 {
      for _ in 0..<3 where limiter.begin(now: now) { begun += 1 }
    }
    #expect(600...620 ~= begun)
  }

  @Test("who has waited too long is refused, the oldest first; the queue is bounded")
  func overdue() {
    var limiter = HandshakeLimiter<Int>(perSecond: 10, waitMilliseconds: 500)
    while limiter.begin(now: 0) {}
    let taken = (0..<20).filter { limiter.wait($0, now: UInt64($0)) }.count
    #expect(taken == 5, "more could not be served in time")
    let overdue = [499, 501, 501, 501].map { limiter.nextOverdue(now: $0) }
    #expect(overdue == [nil, 0, 1, nil])
    #expect(limiter.waitingCount == 3)
  }

  @Test("a resumed handshake gives three quarters back, but never more than a burst")
  func resumed() {
    var limiter = HandshakeLimiter<Int>(perSecond: 80, waitMilliseconds: 1_000)
    var begun = 0
    while limiter.begin(now: 0) {
      begun += 1
      limiter.giveBack(thousandths: 750)
    }
    #expect(29...32 ~= begun)
    for _ in 0..<1_000 { limiter.giveBack(thousandths: 1_000) }
    let atOnce = (0..<100).filter { _ in limiter.begin(now: 0) }.count
    #expect(atOnce == 8)
  }

  @Test("0 is without a limit")
  func unlimited() {
    var limiter = HandshakeLimiter<Int>(perSecond: 0, waitMilliseconds: 1_000)
    let begun = (0..<10_000).filter { _ in limiter.begin(now: 0) }.count
    #expect(begun == 10_000)
  }

  @Test("P-37: connections are as many as descriptors allow, and too few end the start")
  func descriptors() throws {
    #expect(try EdgeSettings.connectionsMax(15_000, descriptors: 20_000, reserve: 96) == 15_000)
    #expect(try EdgeSettings.connectionsMax(15_000, descriptors: 256, reserve: 80) == 176)
    #expect(throws: ConfigurationError.self) {
      try EdgeSettings.connectionsMax(15_000, descriptors: 64, reserve: 80)
    }
  }
}
