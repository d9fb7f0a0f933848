internal import Glibc

/// A file that is locked as long as this value lives. The lock (flock) belongs to the open file
/// and not to the process: it ends with the process however it dies, and it is seen across PID
/// namespaces, which LMDB's own locks are not.
final class LockFile: Sendable {
  let path: String
  private let descriptor: Int32

  init(_ path: String) throws(StorageError) {
    self.path = path
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw StorageError(systemError: errno, "opening \(path)") }
  }

  /// Lets others of the file's group lock it too, whatever the umask says; only its owner can.
  func shareWithGroup() { _ = fchmod(descriptor, 0o660) }

  deinit { close(descriptor) }

  /// Whether nobody else had it: it is locked for this opener alone now.
  func lockExclusively() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

  /// The same, tried again for a fifth of a second: a process that is being started by the last
  /// holder has the lock, too, between its fork and its exec.
  func lockExclusivelySoon() -> Bool {
    for _ in 0..<40 {
      if lockExclusively() { return true }
      usleep(5_000)
    }
    return false
  }

  /// Locks it together with others; waits for one who has it alone, at most five seconds.
  func lockShared() throws(StorageError) {
    for _ in 0..<1_000 {
      if flock(descriptor, LOCK_SH | LOCK_NB) == 0 { return }
      usleep(5_000)
    }
    throw StorageError(
      .busy, "opening \(path)", "another process has been opening it for five seconds; try again")
  }

  /// What the file says; empty when it says nothing.
  func read() -> String {
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = unsafe pread(descriptor, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  /// Replaces what the file says.
  func write(_ text: String) throws(StorageError) {
    let bytes = Array(text.utf8)
    guard ftruncate(descriptor, 0) == 0,
      unsafe pwrite(descriptor, bytes, bytes.count, 0) == bytes.count
    else { throw StorageError(systemError: errno, "writing \(path)") }
  }
}

/// The PID namespace of this process. LMDB marks a reader by a file lock at the byte whose number
/// is its PID: two containers that are both PID 1 would take each other for dead or for themselves.
enum PIDNamespace {
  static let rule =
    "all processes that share a status cache must share one PID namespace: in Kubernetes set"
    + " shareProcessNamespace: true on the pod, in Podman or Docker use --pid=container:NAME or"
    + " --pid=host"

  /// The kernel's name of the namespace, e.g. "pid:[4026531836]"; `nil` without /proc.
  static var current: String? {
    var bytes = [CChar](repeating: 0, count: 64)
    let count = unsafe readlink("/proc/self/ns/pid", &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// Who uses an environment: one writer, and processes of one PID namespace.
///
/// Two files beside LMDB's own: `writer.lock` is held by the writer alone, `users.lock` by all.
/// Whoever finds no other user writes its PID namespace into `users.lock`; everybody after must be
/// of the same. When the last one has ended, in whatever way, the next may come from another
/// namespace: a container that replaces another needs no help.
final class HostLocks: Sendable {
  private let users: LockFile
  private let writer: LockFile?

  init(directory: String, writes: Bool) throws(StorageError) {
    writer = writes ? try Self.lockForWriting(directory) : nil
    users = try LockFile("\(directory)/users.lock")
    if writes { users.shareWithGroup() }
  }

  private static func lockForWriting(_ directory: String) throws(StorageError) -> LockFile {
    let lock = try LockFile("\(directory)/writer.lock")
    guard lock.lockExclusivelySoon() else {
      throw StorageError(
        .writerExists, "opening \(directory)",
        "process \(lock.read()) is its writer; one process per host writes it, so end that one"
          + " first")
    }
    try lock.write("\(getpid())")
    return lock
  }

  /// Joins the users; `open` runs before anybody else can join if there is no other user yet, and
  /// is told whether that is so.
  func join(
    _ directory: String, _ open: (_ isAlone: Bool) throws(StorageError) -> Void
  ) throws(StorageError) {
    guard let namespace = PIDNamespace.current else {
      throw StorageError(
        .foreignPIDNamespace, "opening \(directory)",
        "/proc is not mounted, so the PID namespace cannot be told; mount it")
    }
    if users.lockExclusively() {
      try users.write(namespace)
      try open(true)
      try users.lockShared()
      try compare(namespace, directory)
    } else {
      try users.lockShared()
      try compare(namespace, directory)
      try open(false)
    }
  }

  /// The lock is let go for a moment when it becomes a shared one: the first user looks again.
  private func compare(_ namespace: String, _ directory: String) throws(StorageError) {
    let stamp = users.read()
    guard stamp == namespace else {
      throw StorageError(
        .foreignPIDNamespace, "opening \(directory)",
        "it is in use by processes of PID namespace \(stamp), this process is of \(namespace);"
          + " \(PIDNamespace.rule)")
    }
  }
}
