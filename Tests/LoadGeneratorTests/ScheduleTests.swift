import Testing

@testable import loadgen

@Suite struct ScheduleTests {
  private func starts(
    _ arrivals: Arrivals, rate: Double, phase: Double = 0, seed: UInt64 = 1, count: Int
  ) -> [UInt64] {
    var schedule = Schedule(
      ratePerSecond: rate, arrivals: arrivals, start: 1_000_000_000, phase: phase, seed: seed)
    return (0..<count).map { _ in
      defer { schedule.advance() }
      return schedule.next
    }
  }

  @Test("constant starts keep their rate without drifting, and threads take turns")
  func constant() {
    let first = starts(.constant, rate: 30_000, count: 300_001)
    #expect(first[0] == 1_000_000_000)
    // Ten seconds later, within a microsecond.
    #expect(
      first[300_000] - first[0] >= 9_999_999_000 && first[300_000] - first[0] <= 10_000_001_000)
    let second = starts(.constant, rate: 30_000, phase: 0.5, count: 2)
    #expect(first[0] < second[0] && second[0] < first[1] && first[1] < second[1])
  }

  @Test("Poisson starts keep their rate and are spread like an exponential distribution")
  func poisson() {
    let seed = UInt64.random(in: 0 ... .max)
    let times = starts(.poisson, rate: 10_000, seed: seed, count: 200_000)
    let spaces = zip(times.dropFirst(), times).map { $0 - $1 }
    let mean = Double(times[199_999] - times[0]) / Double(spaces.count)
    // Four standard deviations of the mean of 200,000 are one per cent.
    #expect(abs(mean - 100_000) < 1_000, "seed \(seed)")
    let long = Double(spaces.filter { $0 > 100_000 }.count) / Double(spaces.count)
    #expect(abs(long - 0.3679) < 0.006, "seed \(seed)")
    #expect(times == starts(.poisson, rate: 10_000, seed: seed, count: 200_000))
  }

  @Test("a second's p99 is found among values of several threads")
  func p99() {
    var second = Tally.Second()
    #expect(second.p99 == 0)
    second.latency = [(value: 5, count: 49), (value: 100, count: 1), (value: 3, count: 50)]
    #expect(second.p99 == 5)
    second.latency.append((value: 90, count: 1))
    #expect(second.p99 == 90)
  }

  @Test("processor time and memory are read from stat, whatever the command is called")
  func stat() throws {
    let line = "7 (a b) c) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 3 0 99 1000 25 184 1 2\n"
    let usage = try #require(ProcessUsage(stat: Array(line.utf8)))
    #expect(usage.processorSeconds == 200 / Usage.ticksPerSecond)
    #expect(usage.residentKiB == 25 * Usage.pageKiB)
    #expect(ProcessUsage(stat: Array("7 (a) S 1".utf8)) == nil)
    #expect(ProcessUsage(of: 0) == nil)
  }
}
