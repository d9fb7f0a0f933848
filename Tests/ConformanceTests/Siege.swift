import RawHTTP2

/// Four attackers that open requests and reset them, and reconnect whenever they are thrown out.
final class Siege {
  /// Resets sent in each write.
  private static let burst = 25
  private static let attackersCount = 4
  /// Ten thousand a second, over all attackers.
  private static let pause: Duration = .milliseconds(10)

  private struct Attacker {
    var connection: RawConnection
    var resetsSent = 0
  }

  private let endpoint: Endpoint
  private let honest: HonestClient
  private var attackers: [Attacker] = []
  /// Resets each ended connection got the server to take.
  private(set) var resetsUntilEnd: [Int] = []
  private(set) var resetsSent = 0
  /// The 99th percentile before the siege began.
  let quietP99: Duration

  init(of endpoint: Endpoint) throws {
    self.endpoint = endpoint
    honest = try HonestClient(of: endpoint)
    try honest.ask(times: 300)
    quietP99 = honest.p99
    attackers = try (0..<Self.attackersCount).map { _ in
      Attacker(connection: try RawConnection(opening: endpoint))
    }
  }

  /// The 99th percentile of all honest answers so far.
  var p99: Duration { honest.p99 }

  /// Attacks for `duration`; throws when an honest answer fails.
  func run(for duration: Duration) async throws {
    let end = ContinuousClock.now + duration
    var next = ContinuousClock.now
    while .now < end {
      for index in attackers.indices { try attack(index) }
      try honest.ask()
      next += Self.pause
      if next > .now { try await Task.sleep(until: next) } else { next = .now }
    }
  }

  private func attack(_ index: Int) throws {
    if attackers[index].connection.hasEnded(reads: true) {
      resetsUntilEnd.append(resetsTaken(of: attackers[index]))
      attackers[index] = Attacker(connection: try RawConnection(opening: endpoint))
    }
    let connection = attackers[index].connection
    let block = connection.block()
    var bytes: [UInt8] = []
    for offset in 0..<Self.burst {
      let streamID = UInt32(2 * (attackers[index].resetsSent + offset) + 1)
      Frame.headers(streamID, block).append(to: &bytes)
      Frame.rstStream(streamID).append(to: &bytes)
    }
    connection.send(bytes: bytes, within: .milliseconds(100))
    attackers[index].resetsSent += Self.burst
    resetsSent += Self.burst
  }

  /// GOAWAY names the last stream the server has dealt with.
  private func resetsTaken(of attacker: Attacker) -> Int {
    for case .goAway(let lastStreamID, _) in attacker.connection.transcript {
      return min(Int(lastStreamID + 1) / 2, attacker.resetsSent)
    }
    return attacker.resetsSent
  }
}
