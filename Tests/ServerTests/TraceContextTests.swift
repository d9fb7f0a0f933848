import Testing

@testable import Server

@Suite struct TraceContextTests {
  private static let sample = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

  private func read(_ text: String) -> TraceContext? { TraceContext(text.utf8.span) }

  @Test("a field of the form is read, and written again as it was")
  func reads() throws {
    let trace = try #require(read(Self.sample))
    #expect(trace.high == 0x4bf9_2f35_77b3_4da6 && trace.low == 0xa3ce_929d_0e0e_4736)
    #expect(trace.parentID == 0x00f0_67aa_0ba9_02b7 && trace.isSampled)
    #expect(trace.text == Self.sample)
    #expect(trace.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
    let quiet = try #require(read(Self.sample.dropLast() + "0"))
    #expect(!quiet.isSampled)
  }

  @Test("other flags and later versions are read as far as they are known, and sent as version 00")
  func later() throws {
    for text in [
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",
      "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-what-comes-later",
    ] {
      #expect(try #require(read(text), "\(text)").text == Self.sample)
    }
  }

  @Test(
    "a field that is not of the form says nothing",
    arguments: [
      "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.",
      "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.x",
      "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
      "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      " 0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ])
  func refuses(text: String) {
    #expect(read(text) == nil)
  }

  @Test("a trace of our own is a valid one, and its children belong to it")
  func begins() throws {
    let trace = TraceContext.begin(isSampled: true)
    #expect(read(trace.text) == trace)
    #expect(TraceContext.begin(isSampled: true).traceID != trace.traceID)
    let child = trace.child(7, isSampled: false)
    #expect(child.traceID == trace.traceID && child.text.hasSuffix("-0000000000000007-00"))
  }

  @Test("one in so many is picked by the trace alone, so every service picks the same")
  func picksByTrace() {
    var first = RequestSampler(oneIn: 10)
    var second = RequestSampler(oneIn: 10)
    _ = second.picks(nil)
    var picked = 0
    for number in 1...10_000 as ClosedRange<UInt64> {
      let trace = TraceContext(high: 1, low: number, parentID: 1, isSampled: false)
      let isPicked = first.picks(trace)
      let isPickedElsewhere = second.picks(trace)
      #expect(isPickedElsewhere == isPicked)
      if isPicked { picked += 1 }
    }
    #expect(picked == 1_000)
  }

  @Test("the caller's sampled flag is respected; without a trace every so many is picked")
  func picksOthers() {
    var sampler = RequestSampler(oneIn: 1_000)
    let sampled = TraceContext(high: 1, low: 999, parentID: 1, isSampled: true)
    let isSampledPicked = sampler.picks(sampled)
    #expect(isSampledPicked)
    let picked = (0..<3_000).map { _ in sampler.picks(nil) }.filter { $0 }.count
    #expect(picked == 3)
    var off = RequestSampler(oneIn: 0)
    let isAnyPicked = off.picks(sampled) || off.picks(nil)
    #expect(!isAnyPicked)
  }
}
