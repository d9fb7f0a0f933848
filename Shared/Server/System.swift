internal import CLinux
import Glibc

/// The few calls into libc that the services need beside sockets: whole files, signals, limits.
///
/// The only file of this module that handles raw memory.
package enum System {
  /// A call that failed: what was tried on which path, and the system's reason.
  package struct Fault: Error {
    package let operation: String
    package let path: String
    package let errno: Int32

    package var description: String {
      let reason = unsafe String(cString: strerror(errno))
      return "cannot \(operation) \(path): \(reason)"
    }
  }

  /// The whole file at `path`, up to `byteCountMax` bytes (EFBIG beyond).
  package static func readFile(
    _ path: String, byteCountMax: Int = 1 << 20
  ) throws(Fault) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Fault(operation: "open", path: path, errno: errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes {
        unsafe read(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw Fault(operation: "read", path: path, errno: errno)
      }
      if count == 0 { return bytes }
      guard bytes.count + count <= byteCountMax else {
        throw Fault(operation: "read", path: path, errno: EFBIG)
      }
      bytes.append(contentsOf: chunk[0..<count])
    }
  }

  /// Replaces the file at `path` in one step: a reader sees the old bytes or the new, and after
  /// a power cut one of the two is there. The file's mode is `mode` from its first byte on; with
  /// `keepsOwner` it then gets owner, group and mode of the one it replaces, if there is one.
  package static func replaceFile(
    _ path: String, with bytes: [UInt8], mode: UInt32, keepsOwner: Bool = false
  ) throws(Fault) {
    let temporary = "\(path).new"
    unsafe unlink(temporary)
    let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw Fault(operation: "create", path: temporary, errno: errno) }
    var isClosed = false
    defer { if !isClosed { close(descriptor) } }
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe write(descriptor, $0.baseAddress! + written, $0.count - written)
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw Fault(operation: "write", path: temporary, errno: errno)
      }
      written += count
    }
    var old = stat()
    if keepsOwner, unsafe stat(path, &old) == 0 {
      guard fchown(descriptor, old.st_uid, old.st_gid) == 0,
        fchmod(descriptor, old.st_mode & 0o777) == 0
      else { throw Fault(operation: "give its owner", path: temporary, errno: errno) }
    }
    guard fsync(descriptor) == 0 else {
      throw Fault(operation: "sync", path: temporary, errno: errno)
    }
    close(descriptor)
    isClosed = true
    guard unsafe rename(temporary, path) == 0 else {
      throw Fault(operation: "rename to", path: path, errno: errno)
    }
  }

  /// The time of the last change of the file at `path` in nanoseconds, `nil` when there is none.
  package static func modificationTime(_ path: String) -> Int64? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    return Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
  }

  /// Makes the directory at `path` (mode 0750) unless it is there.
  package static func makeDirectory(_ path: String) throws(Fault) {
    guard unsafe mkdir(path, 0o750) == 0 || errno == EEXIST else {
      throw Fault(operation: "make the directory", path: path, errno: errno)
    }
  }

  /// Milliseconds since the Unix epoch by the wall clock.
  package static var wallMilliseconds: Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }

  /// Nanoseconds by the monotonic clock.
  package static var monotonicNanoseconds: UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// No core dump and no ptrace by others of the same user: keys live in this memory.
  package static func forbidDumps() {
    _ = citycode_forbid_dumps()
  }

  /// Writes to standard error.
  package static func writeError(_ text: String) {
    let bytes = Array(text.utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
  }

  /// Writes to standard output.
  package static func writeOutput(_ text: String) { writeOutput(Array(text.utf8)) }

  /// Writes all bytes to standard output; `false` when the reader has gone.
  @discardableResult
  package static func writeOutput(_ bytes: [UInt8]) -> Bool {
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe write(1, $0.baseAddress! + written, $0.count - written)
      }
      if count < 0 {
        if errno == EINTR { continue }
        return false
      }
      written += count
    }
    return true
  }

  package static var environment: [String: String] {
    var variables: [String: String] = [:]
    var entry = unsafe environ
    while let text = unsafe entry.pointee {
      let pair = unsafe String(cString: text).split(separator: "=", maxSplits: 1)
      if pair.count == 2 { variables[String(pair[0])] = String(pair[1]) }
      unsafe entry += 1
    }
    return variables
  }

  package static var processID: Int32 { getpid() }

  /// The processors this process may run on.
  package static var onlineProcessors: Int { max(1, Int(citycode_processor_count())) }

  /// Raises the limit of open descriptors to `wanted`, as far as this process may; what it is then.
  package static func raiseDescriptorLimit(to wanted: Int) -> Int {
    Int(citycode_raise_descriptor_limit(UInt64(wanted)))
  }

  package static var isErrorTerminal: Bool { isatty(2) == 1 }
}

extension System {
  /// The names in `directory` that end in `suffix`, sorted.
  package static func files(in directory: String, suffix: String) throws(Fault) -> [String] {
    guard let stream = unsafe opendir(directory) else {
      throw Fault(operation: "list", path: directory, errno: errno)
    }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) {
        unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name.hasSuffix(suffix) { names.append(name) }
    }
    return names.sorted()
  }

  /// Gives a socket as many of `bytes` as it takes at once. 0 also when it is broken: the next read
  /// or write says why.
  static func send(_ bytes: Span<UInt8>, to socket: CInt) -> Int {
    unsafe bytes.withUnsafeBytes { bytes in
      max(0, unsafe Glibc.send(socket, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL)))
    }
  }

  /// Blocks this thread; never on an event loop.
  package static func sleep(milliseconds: UInt32) { usleep(milliseconds * 1_000) }
}
