import RawHTTP2
import Testing

@Suite(.serialized) struct FloodTests {
  @Test(
    "P-32: ends a flood within its stated count while others are served",
    arguments: try await limitedTargets(), FloodProbe.all)
  func ends(target: ConformanceTarget, probe: FloodProbe) throws {
    let limits = try #require(target.limits)
    try probe.run(against: target.endpoint, limits: limits)
  }

  @Test(
    "P-33: refuses a header bomb and keeps its memory",
    arguments: try await limitedTargets(), BombProbe.all)
  func refuses(target: ConformanceTarget, probe: BombProbe) throws {
    let honest = try HonestClient(of: target.endpoint)
    try honest.ask(times: 10)
    try probe.run(on: RawConnection(opening: target.endpoint))
    let before = target.processID.flatMap(ProcessMemory.residentByteCount)
    let connections = try (0..<20).map { _ in
      let connection = try RawConnection(opening: target.endpoint)
      try probe.run(on: connection)
      try honest.ask()
      return connection
    }
    if let before, let after = target.processID.flatMap(ProcessMemory.residentByteCount) {
      #expect(after - before < connections.count << 20, "less than 1 MB a connection")
    }
    try honest.ask(times: 10)
  }

  @Test("announces the limits it keeps", arguments: try await limitedTargets())
  func announces(target: ConformanceTarget) throws {
    let limits = try #require(target.limits)
    let connection = try RawConnection(opening: target.endpoint)
    #expect(connection.peerSettings[Setting.streamsMaxID] == limits.streamsMax)
    #expect(connection.peerSettings[Setting.headerListBytesMaxID] != nil)
  }
}
