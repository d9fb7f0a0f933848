internal import COpenSSL

/// What went wrong in keys, files or TLS: a stable code, what was being done, and what to do about
/// it. Never carries key material or peer data other than an alert's or a certificate fault's name.
package struct SecurityError: Error, Equatable, CustomStringConvertible {
  /// The kinds of failure; each says what the caller should do.
  package enum Code: String, Sendable {
    /// No file at the path: create or mount it.
    case missingFile
    /// The file exists but this process may not read or write it: give it the right owner.
    case unreadableFile
    /// A secret that others than its owner and group may read: `chmod 0600` it.
    case exposedFile
    /// A file that must not be overwritten already exists: remove it first if that is meant.
    case fileExists
    /// The file is empty, larger than allowed or not exactly as long as the secret must be.
    case wrongSize
    /// Not a PEM key of the expected kind, or protected by a passphrase.
    case malformedKey
    /// Not a PEM certificate, or one whose key OpenSSL finds too weak.
    case malformedCertificate
    /// The certificate and the private key do not belong together.
    case keyMismatch
    /// A server name or another setting OpenSSL refuses.
    case invalidArgument
    /// The peer's certificate is missing, expired, of the wrong authority or for another name.
    case peerCertificateRejected
    /// The peer ended the handshake or the connection with an alert.
    case refusedByPeer
    /// The two sides do not both speak `h2`.
    case noApplicationProtocol
    /// The peer's bytes are not TLS as this context wants it: close the connection.
    case protocolViolation
    /// The session has failed or was shut down; nothing more can be sent or read.
    case closed
    /// OpenSSL failed for a reason of its own, e.g. no memory.
    case engineFailure
  }

  /// The kind of failure, by which callers and tests tell failures apart.
  package let code: Code
  /// What was being done, with the path if there is one.
  package let operation: String
  /// The reason and, where there is one, the cure.
  package let detail: String

  /// Makes an error; `operation` and `detail` read together as one sentence for an operator.
  package init(_ code: Code, _ operation: String, _ detail: String) {
    self.code = code
    self.operation = operation
    self.detail = detail
  }

  /// One line for a log.
  package var description: String { "\(operation): \(detail) [\(code.rawValue)]" }
}

/// OpenSSL's per-thread error queue. It is cleared before and drained after each call that may
/// fail, so that no call is judged by the faults of another.
enum ErrorQueue {
  static func clear() { ERR_clear_error() }

  /// Returns the library and reason of the first error, and empties the queue.
  static func drain() -> (library: Int32, reason: Int32, text: String) {
    let first = ERR_get_error()
    ERR_clear_error()
    guard first != 0 else { return (0, 0, "no further detail") }
    let text =
      if let reason = unsafe ERR_reason_error_string(first) {
        unsafe String(cString: reason)
      } else {
        "OpenSSL error \(first)"
      }
    return (ERR_GET_LIB(first), ERR_GET_REASON(first), text)
  }
}

/// Checks a call that fails only when memory is exhausted or this module misuses OpenSSL.
@inline(__always)
func mustSucceed(_ result: Int32, _ call: StaticString) {
  precondition(result == 1, "OpenSSL refused \(call): out of memory, or misused by this module")
}

/// Unwraps an object whose making fails only when memory is exhausted.
@inline(__always)
func mustExist(_ object: OpaquePointer?, _ call: StaticString) -> OpaquePointer {
  guard let object = unsafe object else {
    preconditionFailure("OpenSSL refused \(call): out of memory")
  }
  return unsafe object
}
