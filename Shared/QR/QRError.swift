/// Why a QR code or a picture of it cannot be made. Each is the caller's to avoid or to answer
/// with a 4xx: nothing here fails by itself.
package struct QRError: Error, Equatable, CustomStringConvertible {
  /// The kinds of failure.
  package enum Code: String, Sendable {
    /// There is nothing to encode.
    case empty
    /// More text than the largest symbol holds at this level.
    case tooLong
    /// Too few pixels to draw each module and the quiet zone.
    case sizeTooSmall
    /// More pixels than `QRCode.sizePixelsMax`.
    case sizeTooLarge
    /// A C library failed for a reason of its own, e.g. no memory.
    case engineFailure
  }

  /// The kind of failure.
  package let code: Code
  /// The numbers behind it, as a sentence.
  package let detail: String

  /// Makes an error.
  package init(_ code: Code, _ detail: String) {
    self.code = code
    self.detail = detail
  }

  /// One line for a log.
  package var description: String { "\(detail) [\(code.rawValue)]" }
}
