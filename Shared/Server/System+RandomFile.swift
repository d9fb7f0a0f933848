internal import CLinux
import Glibc

/// A file whose bytes are read and written at any place, by any thread.
@safe package final class RandomFile: Sendable {
  private let descriptor: Int32
  package let path: String

  /// Makes a new file; one that is there is an error (EEXIST).
  package init(creating path: String) throws(System.Fault) {
    self.path = path
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else {
      throw System.Fault(operation: "create", path: path, errno: errno)
    }
  }

  /// Opens a file that is there, for reading.
  package init(reading path: String) throws(System.Fault) {
    self.path = path
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw System.Fault(operation: "open", path: path, errno: errno)
    }
  }

  deinit { close(descriptor) }

  /// How long the file is now.
  package func byteCount() throws(System.Fault) -> Int {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw System.Fault(operation: "measure", path: path, errno: errno)
    }
    return Int(status.st_size)
  }

  /// Writes all of `bytes` from byte `offset` of the file on.
  package func write(_ bytes: Span<UInt8>, at offset: Int) throws(System.Fault) {
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe pwrite(
          descriptor, $0.baseAddress! + written, $0.count - written, off_t(offset + written))
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw System.Fault(operation: "write", path: path, errno: errno)
      }
      written += count
    }
  }

  /// Fills `bytes` from byte `offset` of the file on; a file that ends before is an error (EIO).
  package func read(into bytes: inout [UInt8], at offset: Int) throws(System.Fault) {
    var filled = 0
    while filled < bytes.count {
      let count = unsafe bytes.withUnsafeMutableBytes {
        unsafe pread(
          descriptor, $0.baseAddress! + filled, $0.count - filled, off_t(offset + filled))
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw System.Fault(operation: "read", path: path, errno: errno)
      }
      guard count > 0 else { throw System.Fault(operation: "read", path: path, errno: EIO) }
      filled += count
    }
  }

  /// Has the system begin to write out these bytes, so that `sync` will have less to wait for. Only
  /// advice: what cannot be done is not.
  package func startWriting(at offset: Int, byteCount: Int) {
    citycode_start_writing(descriptor, Int64(offset), Int64(byteCount))
  }

  /// Waits until what was written is on the disk.
  package func sync() throws(System.Fault) {
    guard fsync(descriptor) == 0 else {
      throw System.Fault(operation: "sync", path: path, errno: errno)
    }
  }

  /// Takes the lock that goes with the file, which ends with this value or its process; `false`
  /// when somebody else has it.
  package func tryLock() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }
}
