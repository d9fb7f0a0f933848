import Codes
import Dispatch
import Server
import Synchronization
import Testing

@testable import issuer

@Suite struct HeadAgeTests {
  @Test("P-93: a head older than five seconds is a complaint, to the millisecond")
  func bound() throws {
    let asOf = Instant(milliseconds: 1_000_000)
    for (age, isFine) in [(0, true), (5_000, true), (5_001, false), (60_000, false)]
      as [(Int64, Bool)]
    {
      let complaint = HeadAge.complaint(asOf, now: asOf.advanced(byMilliseconds: age))
      #expect((complaint == nil) == isFine, "\(age) ms")
    }
    // A clock that was set back says nothing about the writer.
    #expect(HeadAge.complaint(asOf, now: asOf.advanced(byMilliseconds: -9_000)) == nil)
  }

  @Test("a writer that is stuck signs nothing, and signs again when it goes on")
  func stuck() async throws {
    let office = try Office()
    let entered = Flag()
    let goOn = DispatchSemaphore(value: 0)
    office.ledger.thread.all[0].execute {
      entered.isRaised.store(true, ordering: .releasing)
      goOn.wait()
    }
    while !entered.isRaised.load(ordering: .acquiring) {
      try await Task.sleep(for: .milliseconds(5))
    }
    let last = office.ledger.headAsOf
    // Longer than from one beat to the next.
    try await Task.sleep(for: .milliseconds(LedgerWriter.beatMilliseconds * 3 / 2))
    #expect(office.ledger.headAsOf == last)
    let later = WallClock.now().advanced(byMilliseconds: 5_001)
    #expect(HeadAge.complaint(last, now: later) != nil)
    goOn.signal()
    for _ in 0..<500 where office.ledger.headAsOf == last {
      try await Task.sleep(for: .milliseconds(20))
    }
    #expect(office.ledger.headAsOf > last)
  }
}

private final class Flag: Sendable {
  let isRaised = Atomic<Bool>(false)
}
