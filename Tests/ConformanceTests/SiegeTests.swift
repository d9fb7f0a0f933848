import RawHTTP2
import Testing

@Suite(.serialized) struct SiegeTests {
  @Test(
    "P-31: serves others while four attackers reset 10,000 requests a second",
    arguments: try await limitedTargets())
  func survivesRapidReset(target: ConformanceTarget) async throws {
    let limits = try #require(target.limits)
    let siege = try Siege(of: target.endpoint)
    let before = target.processID.flatMap(ProcessMemory.residentByteCount)
    try await siege.run(for: isTorture ? .seconds(30) : .seconds(2))
    #expect(siege.resetsUntilEnd.count > 4, "attackers are thrown out")
    #expect(siege.resetsUntilEnd.allSatisfy { $0 <= limits.resetBurst * 3 / 2 })
    if let before, let after = target.processID.flatMap(ProcessMemory.residentByteCount) {
      #expect(after - before < 32 << 20, "memory grows by less than 32 MB")
    }
    // Beside other tests the clock measures them too.
    if isTorture {
      #expect(siege.p99 <= max(siege.quietP99 * 2, .milliseconds(20)))
      #expect(siege.resetsSent >= 200_000)
    }
  }

  @Test(
    "P-34: serves others beside hundreds of clients that stopped halfway",
    .enabled(if: isTorture), arguments: try await limitedTargets())
  func survivesSlowClients(target: ConformanceTarget) async throws {
    let limits = try #require(target.limits)
    let honest = try HonestClient(of: target.endpoint)
    try honest.ask(times: 300)
    let quietP99 = honest.p99
    let before = target.processID.flatMap(ProcessMemory.residentByteCount)
    let probes = TimerProbe.all.filter { !$0.needsTLS && $0.isQuickToBegin }
    let stopped = try (0..<target.slowClientsCount).map { index in
      if index % 10 == 0 { try honest.ask() }
      return try probes[index % probes.count].begin(target.endpoint)
    }
    if let before, let after = target.processID.flatMap(ProcessMemory.residentByteCount) {
      #expect(after - before < stopped.count * 65_536, "less than 64 KB a connection")
    }
    let slowest = probes.map { $0.seconds(limits) }.max() ?? 0
    let end = ContinuousClock.now + .seconds(slowest * 1.25 + 2)
    while .now < end {
      try honest.ask(times: 10)
      try await Task.sleep(for: .milliseconds(50))
    }
    #expect(honest.p99 <= max(quietP99 * 2, .milliseconds(20)))
    #expect(stopped.allSatisfy { $0.hasEnded(reads: true) || $0.transcript.endedAStream })
  }
}

extension TimerProbe {
  /// Whether a client gets to the point where it stops with a frame or two.
  var isQuickToBegin: Bool { id != "response/connection-window" }
}

extension [Event] {
  /// Whether the server gave a stream up.
  var endedAStream: Bool {
    contains { event in
      switch event {
      case .reset, .goAway: true
      default: false
      }
    }
  }
}
