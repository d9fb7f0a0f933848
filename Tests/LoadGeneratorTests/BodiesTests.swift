import Testing

@testable import loadgen

@Suite struct BodiesTests {
  private static let corpus = Array("AAA\taccepted\nBB\tforged\nCCC\tkilled\nDDD\n".utf8)

  private func texts(_ bodies: Bodies) -> [String] {
    (0..<bodies.count).map { body in
      let bytes = bodies.bytes[bodies.start(body)..<bodies.ends[body]]
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  @Test("a corpus becomes texts, JSON or batches with the outcomes in order")
  func forms() throws {
    let text = try Bodies.corpus(Self.corpus, path: "c", form: .text)
    #expect(texts(text) == ["AAA", "BB", "CCC", "DDD"])
    #expect((0..<4).map { text.outcome($0, 0) } == [0, 13, 6, 0])
    #expect(text.uniformByteCount == nil)
    let json = try Bodies.corpus(Self.corpus, path: "c", form: .json)
    #expect(texts(json)[1] == #"{"code":"BB"}"#)
    let batch = try Bodies.corpus(Self.corpus, path: "c", form: .batch(3))
    #expect(texts(batch) == ["AAA\nBB\nCCC", "DDD"])
    #expect((0..<2).map(batch.outcomeCount) == [3, 1])
    #expect(batch.outcome(0, 2) == 6 && batch.outcome(1, 0) == 0)
  }

  @Test("a wrong line is named with its number, an empty corpus is refused")
  func faults() {
    let fault = #expect(throws: Bodies.Fault.self) {
      try Bodies.corpus(Array("A\taccepted\nB\tperhaps\n".utf8), path: "c", form: .text)
    }
    #expect(fault?.description.hasPrefix("c, line 2:") == true)
    #expect(throws: Bodies.Fault.self) { try Bodies.corpus([], path: "c", form: .text) }
    #expect(throws: Bodies.Fault.self) {
      try Bodies.corpus(Array("\taccepted\n".utf8), path: "c", form: .text)
    }
  }

  @Test("waiting requests keep their order while their ring grows and turns")
  func backlog() {
    var backlog = Backlog()
    var next = 0
    var taken = 0
    for round in 0..<200 {
      for _ in 0..<(round % 50) {
        backlog.append(Pending(intended: 0, body: next))
        next += 1
      }
      for _ in 0..<(round % 20) {
        guard let first = backlog.popFirst() else { break }
        #expect(first.body == taken)
        taken += 1
      }
    }
    #expect(backlog.count == next - taken && backlog.count > 1_024)
    while let first = backlog.popFirst() {
      #expect(first.body == taken)
      taken += 1
    }
    #expect(taken == next)
  }

  @Test("shares of connections add up and differ by one at most")
  func shares() {
    for (count, threads) in [(16, 1), (16, 3), (5, 4), (256, 7)] {
      let shares = (0..<threads).map { Worker.share(of: count, thread: $0, of: threads) }
      #expect(shares.reduce(0, +) == count)
      #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1)
    }
  }
}
