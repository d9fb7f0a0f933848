import Foundation
import RawHTTP2
import World

/// Rapid resets (P-31) and clients that stop halfway (P-34), all from threads of their own.
struct Attack: Sendable {
  struct Report: Sendable {
    var resetsSent = 0
    var connectionsLost = 0
    var slowClients = 0
  }

  let clear: RawHTTP2.Endpoint
  let securePort: UInt16

  init(on world: World) {
    clear = world.verifierEndpoint(isTLS: false)
    securePort = world.verifierEndpoint(isTLS: true).port
  }

  /// Attacks until `stop`.
  func run(slowClients count: Int, until stop: StopFlag) async throws -> Report {
    async let resets = onThread { try self.resetRapidly(until: stop) }
    async let slow = onThread { try self.stopHalfway(count, until: stop) }
    var report = try await resets
    report.slowClients = try await slow
    return report
  }

  /// Four attackers that open streams and reset them, and reconnect when they are thrown out.
  private func resetRapidly(until stop: StopFlag) throws -> Report {
    var report = Report()
    var attackers = try (0..<4).map { _ in (try RawConnection(opening: clear), UInt32(1)) }
    while !stop.isRaised {
      for index in attackers.indices {
        attackers[index].0.drain()
        if attackers[index].0.hasEnded {
          report.connectionsLost += 1
          guard let fresh = try? RawConnection(opening: clear) else { continue }
          attackers[index] = (fresh, 1)
        }
        let block = attackers[index].0.block()
        var bytes: [UInt8] = []
        for _ in 0..<25 {
          Frame.headers(attackers[index].1, block).append(to: &bytes)
          Frame.rstStream(attackers[index].1).append(to: &bytes)
          attackers[index].1 += 2
        }
        attackers[index].0.send(bytes: bytes, within: .milliseconds(100))
        report.resetsSent += 25
      }
      Thread.sleep(forTimeInterval: 0.01)
    }
    return report
  }

  /// Keeps `count` connections open that are silent before TLS, before the preface, in the middle
  /// of a header block or of a body; how many were opened in all.
  private func stopHalfway(_ count: Int, until stop: StopFlag) throws -> Int {
    var secure = clear
    secure.port = securePort
    var opened = 0
    func open(_ index: Int) throws -> RawConnection {
      opened += 1
      switch index % 4 {
      case 0: return try RawConnection(to: secure)
      case 1: return try RawConnection(to: clear)
      case 2:
        let connection = try RawConnection(opening: clear)
        connection.send(.headers(1, Array(connection.block().prefix(4)), []))
        return connection
      default:
        let connection = try RawConnection(opening: clear)
        let block = connection.block("POST", adding: HeaderField("content-length", "64"))
        connection.send(.headers(1, block, .endHeaders), .data(1, [0x43]))
        return connection
      }
    }
    var connections: [RawConnection] = []
    for index in 0..<count where !stop.isRaised {
      if let connection = try? open(index) { connections.append(connection) }
    }
    while !stop.isRaised {
      for index in connections.indices where !stop.isRaised && connections[index].isEndedByPeer {
        if let fresh = try? open(index) { connections[index] = fresh }
      }
      Thread.sleep(forTimeInterval: 0.05)
    }
    return opened
  }
}

extension RawConnection {
  /// Takes in what has arrived without waiting.
  fileprivate func drain() {
    while true {
      let event = nextEvent(until: .now)
      if event == .quiet || event == .closed { return }
    }
  }

  fileprivate var hasEnded: Bool {
    transcript.contains { event in
      switch event {
      case .closed, .goAway: true
      default: false
      }
    }
  }
}
