import Testing

@testable import Server

@Suite struct AnswerTallyTests {
  private func timing(_ route: Int32, _ arrivedAt: UInt64) -> RequestTiming {
    RequestTiming(route: route, arrivedAt: arrivedAt)
  }

  private func drained(_ tally: inout AnswerTally) -> [AnswerTally.Run] {
    var runs: [AnswerTally.Run] = []
    tally.drain { runs.append($0) }
    return runs
  }

  @Test("a turn's like answers are one run, whatever comes between")
  func runs() {
    var tally = AnswerTally()
    #expect(drained(&tally) == [])
    for _ in 0..<32 { tally.answered(timing(0, 700), status: 200) }
    tally.answered(timing(0, 500), status: 200)
    tally.answered(timing(1, 500), status: 200)
    tally.answered(timing(1, 500), status: 403)
    for _ in 0..<3 { tally.answered(timing(0, 700), status: 200) }
    let runs = drained(&tally)
    #expect(runs.count == 5)
    #expect(runs.reduce(0) { $0 + $1.count } == 38)
    #expect(
      runs.filter { $0.route == 0 && $0.arrivedAt == 700 }.reduce(0) { $0 + $1.count } == 35)
    #expect(
      runs.contains(AnswerTally.Run(route: 1, statusClass: 3, arrivedAt: 500, count: 1)))
    #expect(drained(&tally) == [])
  }

  @Test(
    "every status has its class",
    arguments: [(100, 0), (204, 1), (304, 2), (431, 3), (507, 4)])
  func classes(status: Int, statusClass: Int32) {
    var tally = AnswerTally()
    tally.answered(timing(0, 1), status: status)
    #expect(drained(&tally).map(\.statusClass) == [statusClass])
  }

  @Test("what was drained does not come again, also when the next answer is like the last")
  func again() {
    var tally = AnswerTally()
    tally.answered(timing(2, 9), status: 200)
    _ = drained(&tally)
    tally.answered(timing(2, 9), status: 200)
    #expect(drained(&tally).map(\.count) == [1])
  }
}
