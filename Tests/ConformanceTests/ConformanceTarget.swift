import RawHTTP2
import Testing

/// A running server the suite is aimed at.
struct ConformanceTarget: Sendable, CustomTestStringConvertible {
  /// For example "verifier over TLS".
  let name: String
  let endpoint: Endpoint
  /// What the server promises; without limits the flood, bomb and timer probes have no meaning.
  var limits: TargetLimits?
  /// The server's process, when its memory shall be watched.
  var processID: Int32?
  /// Connections at once the server takes from one address.
  var slowClientsCount = 1_000
  /// Requirements this server is known to break; keeping one then counts as a failure.
  var knownFailures: Set<String> = []

  var testDescription: String { name }
}

/// The limits a connection of the suite meets, which has no client certificate unless said
/// otherwise.
struct TargetLimits: Sendable {
  var streamsMax: UInt32
  var resetBurst: Int
  var glitchBurst: Int
  var unknownFramesBurst = 640
  var unknownBytesBurst = 640 * 1_024
  var prefaceSeconds = 2.0
  var handshakeSeconds = 5.0
  var headerBlockSeconds: Double
  var bodySeconds: Double
  var stallSeconds: Double
  var idleSeconds: Double

  /// Clients without a certificate.
  static let anonymous = TargetLimits(
    streamsMax: 32, resetBurst: 100, glitchBurst: 200, headerBlockSeconds: 3, bodySeconds: 5,
    stallSeconds: 5, idleSeconds: 20)

  /// Partners, gateways and our own services.
  static let partner = TargetLimits(
    streamsMax: 256, resetBurst: 200, glitchBurst: 400, headerBlockSeconds: 5, bodySeconds: 10,
    stallSeconds: 10, idleSeconds: 120)
}
