/// What one HTTP/2 connection may cost. Every field is on from the first byte; the two presets are
/// for peers known by certificate (`partner`) and for everybody else (`anonymous`).
package struct SessionLimits: Sendable {
  /// SETTINGS_MAX_CONCURRENT_STREAMS. More are refused.
  package var streamsMax = 256
  /// RST_STREAM frames the peer may send at once (rapid reset, CVE-2023-44487).
  package var resetsBurst = 200
  /// RST_STREAM frames the peer may send a second, in the long run.
  package var resetsPerSecond = 20
  /// Glitches at once: a stream the server had to reset or refuse counts 1; PING, SETTINGS,
  /// PRIORITY, empty DATA, needless WINDOW_UPDATE and GOAWAY count a quarter.
  package var glitchesBurst = 400
  /// Glitches a second, in the long run.
  package var glitchesPerSecond = 40
  /// Frames of unknown type earned by each completed request; ten times that is the most saved up.
  package var unknownFramesPerRequest = 64
  /// Bytes of unknown frames earned by each completed request; ten times that is the most saved up.
  package var unknownBytesPerRequest = 65_536
  /// CONTINUATION frames in one header block (CVE-2024-27316).
  package var continuationsMax = 4
  /// PING and SETTINGS acknowledgements that may wait for a peer that does not read.
  package var outboundAcksMax = 64
  /// Entries in one SETTINGS frame.
  package var settingsEntriesMax = 16
  /// Frames that may wait for a peer that does not read; more end the connection.
  package var outboundFramesMax = 512
  /// Answer bytes that may wait; above it no further request is handed out until some are taken.
  package var outboundBytesMax = 1 << 20
  /// Header fields in one request; more are answered 431.
  package var headerFieldsMax = 64
  /// SETTINGS_MAX_HEADER_LIST_SIZE: names, values and 32 a field (RFC 9113 §6.5.2).
  package var headerListBytesMax = 16_384
  /// Name and value of one field.
  package var headerFieldBytesMax = 4_096
  /// SETTINGS_HEADER_TABLE_SIZE: what the peer may make this side remember.
  package var headerTableBytes = 4_096
  /// SETTINGS_INITIAL_WINDOW_SIZE.
  package var streamWindowBytes = 65_536
  /// The connection's receive window.
  package var connectionWindowBytes = 1 << 20
  /// The largest body of one message, where the caller's table says nothing else.
  package var bodyBytesMax = 262_144
  /// Bodies of all unfinished messages together; the one that exceeds it is answered 503.
  package var bufferedBytesMax = 4 << 20
  /// Requests on one connection before it is drained.
  package var requestsMax = 1_000_000
  /// How long each phase of a connection may last.
  package var timers = TimerLimits()

  /// For peers with a certificate: partner regions, gateways, our own services.
  package static let partner = SessionLimits()

  /// For everybody else.
  package static let anonymous: SessionLimits = {
    var limits = SessionLimits()
    limits.streamsMax = 32
    limits.resetsBurst = 100
    limits.resetsPerSecond = 10
    limits.glitchesBurst = 200
    limits.glitchesPerSecond = 20
    limits.outboundFramesMax = 128
    limits.outboundBytesMax = 262_144
    limits.headerFieldsMax = 32
    limits.headerListBytesMax = 8_192
    limits.headerFieldBytesMax = 2_048
    limits.connectionWindowBytes = 262_144
    limits.bodyBytesMax = 8_192
    limits.bufferedBytesMax = 262_144
    limits.requestsMax = 10_000
    limits.timers = .anonymous
    return limits
  }()
}

/// How long each phase of a connection may last, in milliseconds. The engine has no clock: see
/// `ConnectionState`.
package struct TimerLimits: Sendable, Equatable {
  /// From accept (after TLS) to the end of the peer's first SETTINGS.
  package var prefaceMilliseconds: UInt64 = 2_000
  /// From the first byte of a header block to its last.
  package var headerBlockMilliseconds: UInt64 = 5_000
  /// From the end of the headers to the end of the body.
  package var bodyMilliseconds: UInt64 = 10_000
  /// A body that takes longer may go on while it averages this; zero: it may not.
  package var bodyBytesPerSecondMin: UInt64 = 1_024
  /// How long answers may wait for a peer that does not take them.
  package var responseMilliseconds: UInt64 = 10_000
  /// A peer takes answers if it takes at least this much in that time.
  package var responseBytesPerSecondMin: UInt64 = 1_024
  /// Without an open stream.
  package var idleMilliseconds: UInt64 = 120_000
  /// The server sends PING after so long without any byte from the peer; zero: never.
  package var pingMilliseconds: UInt64 = 30_000
  /// Unanswered PINGs that end the connection.
  package var pingMissesMax = 2
  /// Age at which the connection is drained, before jitter.
  package var ageMilliseconds: UInt64 = 1_800_000
  /// From the first GOAWAY to the second: one round trip, generously.
  package var noticeMilliseconds: UInt64 = 500
  /// From the second GOAWAY to the close.
  package var drainMilliseconds: UInt64 = 10_000

  /// The values for peers without a certificate.
  package static let anonymous: TimerLimits = {
    var limits = TimerLimits()
    limits.headerBlockMilliseconds = 3_000
    limits.bodyMilliseconds = 5_000
    limits.bodyBytesPerSecondMin = 0
    limits.responseMilliseconds = 5_000
    limits.idleMilliseconds = 20_000
    limits.pingMilliseconds = 0
    limits.ageMilliseconds = 300_000
    return limits
  }()
}
