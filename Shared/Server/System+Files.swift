import Glibc

/// A file read from the front, chunk by chunk; "-" is standard input.
@safe package final class InputFile {
  private let descriptor: Int32
  package let path: String
  /// Bytes in the file, 0 when that is not known (a pipe).
  package let byteCount: Int
  private var buffer: [UInt8]

  package init(path: String, chunkBytes: Int = 1 << 20) throws(System.Fault) {
    self.path = path
    buffer = [UInt8](repeating: 0, count: chunkBytes)
    descriptor = path == "-" ? dup(0) : unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw System.Fault(operation: "open", path: path, errno: errno)
    }
    var status = stat()
    byteCount = unsafe fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
  }

  deinit { close(descriptor) }

  /// Lends the next bytes of the file to `body`; `false` at its end. Valid only for the duration
  /// of the call.
  package func withNextChunk(_ body: (Span<UInt8>) throws -> Void) throws -> Bool {
    // Taken out of `self` while its bytes are lent.
    var buffer = exchange(&self.buffer, with: [])
    defer { self.buffer = buffer }
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe read(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw System.Fault(operation: "read", path: path, errno: errno)
      }
      guard count > 0 else { return false }
      try body(buffer.span.extracting(first: count))
      return true
    }
  }
}

/// A file written from the front, in large pieces.
@safe package final class OutputFile {
  private let descriptor: Int32
  package let path: String
  private var waiting: [UInt8] = []

  /// Makes or empties the file; only its owner may read it.
  package init(path: String) throws(System.Fault) {
    self.path = path
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw System.Fault(operation: "create", path: path, errno: errno)
    }
  }

  deinit { close(descriptor) }

  /// Appends `bytes`.
  package func append(_ bytes: [UInt8]) throws(System.Fault) {
    waiting.append(contentsOf: bytes)
    if waiting.count >= 65_536 { try flush() }
  }

  /// Writes out what is buffered.
  package func flush() throws(System.Fault) {
    var written = 0
    while written < waiting.count {
      let count = unsafe waiting.withUnsafeBytes {
        unsafe write(descriptor, $0.baseAddress! + written, $0.count - written)
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw System.Fault(operation: "write", path: path, errno: errno)
      }
      written += count
    }
    waiting.removeAll(keepingCapacity: true)
  }

  /// Writes out what is buffered, and waits until all of the file is on the disk.
  package func sync() throws(System.Fault) {
    try flush()
    guard fsync(descriptor) == 0 else {
      throw System.Fault(operation: "sync", path: path, errno: errno)
    }
  }

  /// Takes the lock that goes with the file, which ends with this value or its process; `false`
  /// when somebody else has it.
  package func tryLock() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }
}

/// Turns text of another encoding into UTF-8, or back, chunk by chunk (iconv).
@safe package final class UTF8Converter {
  private let descriptor: iconv_t
  private var rest: [UInt8] = []

  /// A byte sequence that does not exist in the declared encoding.
  package struct Fault: Error {
    /// Its place in the file.
    package let offset: Int
  }

  private var offset = 0

  /// `nil` if the system does not know `encoding`.
  package init?(from encoding: String) {
    unsafe descriptor = unsafe iconv_open("UTF-8", encoding)
    guard unsafe Int(bitPattern: descriptor) != -1 else { return nil }
  }

  /// For the other way, from UTF-8; `nil` if the system does not know `encoding`.
  package init?(to encoding: String) {
    unsafe descriptor = unsafe iconv_open(encoding, "UTF-8")
    guard unsafe Int(bitPattern: descriptor) != -1 else { return nil }
  }

  deinit { unsafe iconv_close(descriptor) }

  /// Appends `chunk` converted; a character cut at its end waits for the next chunk.
  package func convert(_ chunk: Span<UInt8>, into output: inout [UInt8]) throws(Fault) {
    for index in 0..<chunk.count { rest.append(chunk[index]) }
    // A character of two bytes becomes three at most.
    var converted = [UInt8](repeating: 0, count: rest.count * 2 + 16)
    var inputLeft = rest.count
    var outputLeft = converted.count
    let result = unsafe rest.withUnsafeMutableBytes { input in
      unsafe converted.withUnsafeMutableBytes { output in
        var from: UnsafeMutablePointer<CChar>? =
          unsafe input.baseAddress?.assumingMemoryBound(to: CChar.self)
        var to: UnsafeMutablePointer<CChar>? =
          unsafe output.baseAddress?.assumingMemoryBound(to: CChar.self)
        return unsafe iconv(descriptor, &from, &inputLeft, &to, &outputLeft)
      }
    }
    let failed = result == Int.max || Int(bitPattern: UInt(bitPattern: Int(result))) == -1
    if failed, errno == EILSEQ { throw Fault(offset: offset + rest.count - inputLeft) }
    output.append(contentsOf: converted[0..<(converted.count - outputLeft)])
    offset += rest.count - inputLeft
    rest.removeFirst(rest.count - inputLeft)
  }

  /// Whether the text ended within a character.
  package var isCut: Bool { !rest.isEmpty }
}
