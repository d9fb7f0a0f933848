internal import Glibc

/// Reads files that hold secrets, and refuses those that others could have read or changed.
package enum SecretFile {
  /// Reads the whole file, at most `byteCountMax` bytes. Refuses a file that users other than its
  /// owner and group can read, or that others than its owner can write. The error says the cure.
  package static func read(path: String, byteCountMax: Int) throws(SecurityError) -> [UInt8] {
    let operation = "reading the secret file \(path)"
    let (bytes, mode) = try PlainFile.read(
      path: path, byteCountMax: byteCountMax, operation: operation)
    guard mode & 0o027 == 0 else {
      throw SecurityError(
        .exposedFile, operation,
        "its mode 0\(String(mode & 0o777, radix: 8)) lets others read or change it; run "
          + "`chmod 0600` on it (in Kubernetes set the secret volume's defaultMode to 0400)")
    }
    guard !bytes.isEmpty else {
      throw SecurityError(.wrongSize, operation, "it is empty; write the secret into it")
    }
    return bytes
  }

  /// Reads a file that must hold exactly `byteCount` bytes.
  package static func read(path: String, byteCount: Int) throws(SecurityError) -> [UInt8] {
    let bytes = try read(path: path, byteCountMax: byteCount)
    guard bytes.count == byteCount else {
      throw SecurityError(
        .wrongSize, "reading the secret file \(path)",
        "it holds \(bytes.count) bytes but must hold exactly \(byteCount)")
    }
    return bytes
  }

  /// Writes a new file of mode 0600 and syncs it. Never overwrites: an existing key is lost for
  /// good when a slip of the keyboard replaces it.
  package static func write(_ bytes: Span<UInt8>, path: String) throws(SecurityError) {
    let operation = "writing the secret file \(path)"
    let file = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else {
      throw SecurityError(
        errno == EEXIST ? .fileExists : .unreadableFile, operation,
        errno == EEXIST
          ? "it exists already; remove it first if it is to be replaced"
          : PlainFile.reason(errno))
    }
    var written = 0
    var failure: Int32 = 0
    unsafe bytes.withUnsafeBytes { raw in
      while written < raw.count, failure == 0 {
        let count = unsafe Glibc.write(file, raw.baseAddress! + written, raw.count - written)
        if count >= 0 { written += count } else if errno != EINTR { failure = errno }
      }
    }
    if failure == 0, fsync(file) != 0 { failure = errno }
    if Glibc.close(file) != 0, failure == 0 { failure = errno }
    if failure != 0 {
      _ = unsafe unlink(path)
      throw SecurityError(.unreadableFile, operation, PlainFile.reason(failure))
    }
  }
}

/// Reads bounded regular files with errors that name the path and the cure.
enum PlainFile {
  /// Returns the content and the permission bits.
  static func read(
    path: String, byteCountMax: Int, operation: String
  ) throws(SecurityError) -> (bytes: [UInt8], mode: mode_t) {
    // Not blocking: a named pipe must give an error, not hang the start.
    let file = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else {
      let missing = errno == ENOENT || errno == ENOTDIR
      throw SecurityError(
        missing ? .missingFile : .unreadableFile, operation,
        missing ? "there is no such file; create or mount it" : reason(errno))
    }
    defer { Glibc.close(file) }
    var status = stat()
    guard unsafe fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw SecurityError(.unreadableFile, operation, "it is not a regular file")
    }
    guard status.st_size <= byteCountMax else {
      throw SecurityError(
        .wrongSize, operation, "it has \(status.st_size) bytes; at most \(byteCountMax) are allowed"
      )
    }
    var bytes = [UInt8](repeating: 0, count: byteCountMax + 1)
    var total = 0
    while total < bytes.count {
      let count = unsafe bytes.withUnsafeMutableBytes { raw in
        unsafe Glibc.read(file, raw.baseAddress! + total, raw.count - total)
      }
      if count == 0 { break }
      if count > 0 {
        total += count
      } else if errno != EINTR {
        throw SecurityError(.unreadableFile, operation, reason(errno))
      }
    }
    guard total <= byteCountMax else {
      throw SecurityError(.wrongSize, operation, "it has more than \(byteCountMax) bytes")
    }
    bytes.removeLast(bytes.count - total)
    return (bytes, status.st_mode)
  }

  static func reason(_ number: Int32) -> String {
    let text = if let text = unsafe strerror(number) { unsafe String(cString: text) } else { "?" }
    return number == EACCES || number == EPERM
      ? "\(text); give the file to the user this process runs as" : text
  }
}
