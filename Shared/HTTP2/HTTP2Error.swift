/// What ended a session, or why a command was refused.
package struct HTTP2Error: Error, Equatable, CustomStringConvertible {
  /// The kinds of failure; each says what the caller should do.
  package enum Code: Sendable, Equatable {
    /// The peer does not speak HTTP/2. Close the connection.
    case badPreface
    /// The peer broke a limit of `SessionLimits`. Send what `takeOutput` gives, then close.
    case flooded(Limit)
    /// The library gave up. Send what `takeOutput` gives, then close.
    case sessionFailed(Int32)
    /// The session has ended or is draining: no new request can be sent. Use another connection.
    case closed
    /// Memory ran out. Close the connection.
    case outOfMemory
  }

  /// The limits whose breach ends a connection, by name for logs and metrics.
  package enum Limit: String, Sendable, CaseIterable {
    case resets = "resets"
    case glitches = "glitches"
    case unknownFrames = "unknown_frames"
    case continuations = "continuations"
    case acknowledgements = "acknowledgements"
    case outboundFrames = "outbound_frames"
    /// A frame on a stream that is closed or was never opened.
    case staleStream = "stale_stream"
    /// PRIORITY of a stream on itself or of the connection.
    case selfDependency = "self_dependency"
  }

  package let code: Code
  /// What was being done, for the log.
  package let operation: String

  init(_ code: Code, during operation: String) {
    self.code = code
    self.operation = operation
  }

  /// The code of the GOAWAY frame that says so.
  var errorCode: UInt32 {
    switch code {
    case .badPreface: ErrorCode.protocolError
    case .flooded(let limit): limit.errorCode
    case .sessionFailed, .outOfMemory, .closed: ErrorCode.internalError
    }
  }

  package var description: String {
    switch code {
    case .badPreface: "\(operation): the peer does not speak HTTP/2"
    case .flooded(let limit): "\(operation): the peer exceeded the limit \(limit.rawValue)"
    case .sessionFailed(let number): "\(operation): the HTTP/2 library failed with \(number)"
    case .closed: "\(operation): the session is closed or closing"
    case .outOfMemory: "\(operation): out of memory"
    }
  }
}

extension HTTP2Error.Limit {
  /// The code of the GOAWAY frame that says so.
  var errorCode: UInt32 {
    switch self {
    case .staleStream: ErrorCode.streamClosed
    case .selfDependency: ErrorCode.protocolError
    default: ErrorCode.enhanceYourCalm
    }
  }
}

/// Error codes of RFC 9113 §7 that this project sends or distinguishes.
package enum ErrorCode {
  package static let noError: UInt32 = 0
  package static let protocolError: UInt32 = 1
  package static let internalError: UInt32 = 2
  package static let flowControlError: UInt32 = 3
  package static let streamClosed: UInt32 = 5
  package static let refusedStream: UInt32 = 7
  package static let cancel: UInt32 = 8
  package static let enhanceYourCalm: UInt32 = 11
}
