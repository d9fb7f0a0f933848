import Foundation
import RawHTTP2

/// A client that keeps the rules and wants its answers while another one attacks.
final class HonestClient {
  private let connection: RawConnection
  private var nextStreamID: UInt32 = 1
  /// How long each answer took.
  private(set) var latencies: [Duration] = []

  init(of endpoint: Endpoint) throws {
    connection = try RawConnection(opening: endpoint)
    connection.send(.windowUpdate(0, 1 << 30))
  }

  /// Asks and waits for whole answers; throws when one does not come or is empty.
  func ask(times: Int = 1) throws {
    for _ in 0..<times {
      let begin = ContinuousClock.now
      connection.send(.headers(nextStreamID, connection.block()))
      let response = try connection.expectResponse(on: nextStreamID)
      guard response.status < 500, response.bodyByteCount > 0 else {
        throw connection.unmet("an answer below 500 with a body")
      }
      latencies.append(.now - begin)
      nextStreamID += 2
    }
  }

  /// The 99th percentile of the latencies so far.
  var p99: Duration {
    let sorted = latencies.sorted()
    return sorted.isEmpty ? .zero : sorted[(sorted.count * 99 - 1) / 100]
  }
}

/// What the system says of another process.
enum ProcessMemory {
  /// Resident bytes; `nil` when there is no such process.
  static func residentByteCount(of processID: Int32) -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/\(processID)/statm", encoding: .utf8),
      let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return nil }
    return pages * 4_096
  }
}

/// Whether the long form of the probes was asked for (`CITYCODE_TORTURE=1`), with nothing else
/// running beside them.
let isTorture = ProcessInfo.processInfo.environment["CITYCODE_TORTURE"] != nil
