internal import COpenSSL
internal import Glibc

/// From when until when one certificate holds (RFC 5280 §4.1.2.5).
package struct CertificateDates: Sendable, Equatable {
  /// Whom it names, as OpenSSL writes it: `/CN=gate.example`.
  package let subject: String
  /// Seconds since 1970, the first at which it holds.
  package let notBefore: Int64
  /// Seconds since 1970, the last at which it holds.
  package let notAfter: Int64

  /// Makes the dates of a certificate that names `subject`.
  package init(subject: String, notBefore: Int64, notAfter: Int64) {
    self.subject = subject
    self.notBefore = notBefore
    self.notAfter = notAfter
  }

  /// All certificates of the PEM file at `path`, in its order; at least one.
  package static func read(path: String) throws(SecurityError) -> [CertificateDates] {
    let operation = "reading the certificate file \(path)"
    let (bytes, _) = try PlainFile.read(
      path: path, byteCountMax: PEM.byteCountMax, operation: operation)
    ErrorQueue.clear()
    let dates = unsafe PEM.withSource(bytes.span) { source in
      var dates: [CertificateDates] = []
      while let certificate = unsafe PEM_read_bio_X509(source, nil, refusePassphrase, nil) {
        unsafe dates.append(CertificateDates(certificate))
        unsafe X509_free(certificate)
      }
      return dates
    }
    // The end of the file is an error to OpenSSL.
    ErrorQueue.clear()
    guard !dates.isEmpty else {
      throw SecurityError(.malformedCertificate, operation, "it holds no PEM certificates")
    }
    return dates
  }

  private init(_ certificate: OpaquePointer) {
    var name = [CChar](repeating: 0, count: 256)
    unsafe X509_NAME_oneline(X509_get_subject_name(certificate), &name, Int32(name.count))
    subject = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    unsafe notBefore = Self.seconds(X509_get0_notBefore(certificate))
    unsafe notAfter = Self.seconds(X509_get0_notAfter(certificate))
  }

  private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
    var parts = unsafe tm()
    // What cannot be read holds at no time.
    guard unsafe ASN1_TIME_to_tm(time, &parts) == 1 else { return 0 }
    return unsafe Int64(timegm(&parts))
  }
}
