import Glibc

/// A file that is read while somebody else could change it: it must stay as it was when opened.
@safe
package final class SourceFile: Sendable {
  private let descriptor: Int32
  package let path: String
  private let identity: Identity

  private struct Identity: Equatable {
    let size: Int
    let seconds: Int
    let nanoseconds: Int
    let inode: UInt

    init(_ status: stat) {
      size = Int(status.st_size)
      seconds = status.st_mtim.tv_sec
      nanoseconds = status.st_mtim.tv_nsec
      inode = UInt(status.st_ino)
    }
  }

  package init(path: String) throws(RecordsError) {
    self.path = path
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw RecordsError(operation: "open", path: path, errno: errno)
    }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      let reason = errno
      close(descriptor)
      throw RecordsError(operation: "look at", path: path, errno: reason)
    }
    identity = Identity(status)
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
  }

  deinit { close(descriptor) }

  /// When it was opened.
  package var byteCount: Int { identity.size }

  /// Appends the bytes from `offset` on to `buffer`, at most `byteCountMax`; how many, 0 at the
  /// end of the file.
  package func read(
    at offset: Int, into buffer: inout [UInt8], byteCountMax: Int
  ) throws(RecordsError) -> Int {
    var failure: Int32 = 0
    let before = buffer.count
    let descriptor = descriptor
    buffer.append(addingCapacity: byteCountMax) { target in
      unsafe target.withUnsafeMutableBufferPointer { target, filled in
        while true {
          let count = unsafe pread(
            descriptor, target.baseAddress, min(target.count, byteCountMax), off_t(offset))
          if count < 0 && errno == EINTR { continue }
          if count < 0 { failure = errno } else { filled = count }
          break
        }
      }
    }
    guard failure == 0 else {
      throw RecordsError(operation: "read", path: path, errno: failure)
    }
    return buffer.count - before
  }

  /// Whether the path still names the file that was opened, and nobody wrote to it.
  package var isUnchanged: Bool {
    var now = stat()
    guard unsafe stat(path, &now) == 0 else { return false }
    return Identity(now) == identity
  }
}
