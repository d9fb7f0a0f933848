internal import COpenSSL

/// A PEM file of certificates, read for what operators must know of it.
package enum CertificateFile {
  /// When the first of its certificates runs out, in seconds since 1970. Errors are those of
  /// reading the file as a chain or as authorities.
  package static func firstEnd(path: String) throws(SecurityError) -> Int64 {
    let operation = "reading the certificate file \(path)"
    let bytes = try PlainFile.read(
      path: path, byteCountMax: PEM.byteCountMax, operation: operation
    ).bytes
    ErrorQueue.clear()
    var first: Int64?
    var isReadable = true
    unsafe PEM.withSource(bytes.span) { source in
      while let certificate = unsafe PEM_read_bio_X509(source, nil, refusePassphrase, nil) {
        defer { unsafe X509_free(certificate) }
        guard let end = unsafe end(of: certificate) else {
          isReadable = false
          return
        }
        first = min(first ?? end, end)
      }
    }
    // Reading stops at the end of the file, which OpenSSL takes for a fault.
    let fault = ErrorQueue.drain()
    guard isReadable, let first else {
      throw SecurityError(
        .malformedCertificate, operation, "it holds no PEM certificate (\(fault.text))")
    }
    return first
  }

  private static func end(of certificate: OpaquePointer) -> Int64? {
    let epoch = unsafe ASN1_TIME_set(nil, 0)
    defer { unsafe ASN1_STRING_free(epoch) }
    var days: Int32 = 0
    var seconds: Int32 = 0
    guard
      unsafe ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(certificate)) == 1
    else { return nil }
    return Int64(days) * 86_400 + Int64(seconds)
  }
}
