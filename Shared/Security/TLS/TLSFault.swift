internal import COpenSSL

/// Turns OpenSSL's error queue into the error of one session.
enum TLSFault {
  static func error(of session: OpaquePointer, operation: String) -> SecurityError {
    let (library, reason, text) = ErrorQueue.drain()
    guard library == ERR_LIB_SSL else {
      return SecurityError(.protocolViolation, operation, text)
    }
    if reason == SSL_R_CERTIFICATE_VERIFY_FAILED {
      let result = unsafe SSL_get_verify_result(session)
      let why =
        if let why = unsafe X509_verify_cert_error_string(result) {
          unsafe String(cString: why)
        } else {
          text
        }
      return SecurityError(.peerCertificateRejected, operation, why)
    }
    // Alerts received from the peer have reasons of 1000 + the alert's number (sslerr.h).
    if reason >= Int32(SSL_AD_REASON_OFFSET) {
      let alert = reason - Int32(SSL_AD_REASON_OFFSET)
      let code: SecurityError.Code =
        alert == SSL_AD_NO_APPLICATION_PROTOCOL ? .noApplicationProtocol : .refusedByPeer
      return SecurityError(code, operation, "the peer sent alert \(alert) (\(text))")
    }
    switch reason {
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return SecurityError(.noApplicationProtocol, operation, "the client does not offer h2")
    case SSL_R_CALLBACK_FAILED:
      // Only the client-hello callback fails this way, and only for one reason.
      return SecurityError(.noApplicationProtocol, operation, "the client offers no protocol")
    default:
      return SecurityError(.protocolViolation, operation, text)
    }
  }
}
