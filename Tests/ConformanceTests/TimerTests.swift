import RawHTTP2
import Testing

@Suite struct TimerTests {
  @Test(
    "P-34: ends a client that stops, at the stated time",
    arguments: try await limitedTargets(), TimerProbe.all)
  func ends(target: ConformanceTarget, probe: TimerProbe) async throws {
    guard target.endpoint.tls != nil || !probe.needsTLS else { return }
    try await check(probe, against: target)
  }

  @Test(
    "P-34: ends an idle connection at the stated time", .enabled(if: isTorture),
    arguments: try await limitedTargets(), TimerProbe.long)
  func endsIdle(target: ConformanceTarget, probe: TimerProbe) async throws {
    try await check(probe, against: target)
  }

  private func check(_ probe: TimerProbe, against target: ConformanceTarget) async throws {
    let limits = try #require(target.limits)
    let stated = probe.seconds(limits)
    let taken = try await probe.run(against: target.endpoint, limits: limits)
    #expect(taken > stated / 2 - 0.1, "not before half of \(stated) seconds")
    #expect(taken < stated * 1.25 + 1, "soon after \(stated) seconds")
  }
}
