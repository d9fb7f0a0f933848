internal import Glibc
import Synchronization

/// Starts, watches and ends processes: the few calls into libc that a world needs.
///
/// The only file of this module that handles raw memory.
package enum Spawn {
  /// Held while a process starts or a pipe is made, so that no child gets a pipe's ends in the
  /// moment before they are marked.
  private static let lock = Mutex(())

  /// Where a standard stream of a new process leads.
  package enum Stream: Sendable {
    /// Where this process's own leads.
    case inherited
    case null
    /// A file, emptied first, mode 0600.
    case file(String)
    /// A file that is appended to, mode 0600.
    case appended(String)
    /// An open descriptor of this process, such as a pipe's end.
    case descriptor(Int32)
  }

  package struct Streams: Sendable {
    package var input = Stream.null
    package var output = Stream.inherited
    package var error = Stream.inherited

    package init(
      input: Stream = .null, output: Stream = .inherited, error: Stream = .inherited
    ) {
      self.input = input
      self.output = output
      self.error = error
    }
  }

  /// How a process ended.
  package enum Ending: Equatable, Sendable {
    case exited(Int32)
    case signalled(Int32)
  }

  /// Starts `executable` (looked up in PATH when it has no slash) with a clean signal mask, in a
  /// session of its own when `inOwnSession`, so that the terminal's Ctrl-C does not reach it.
  package static func start(
    _ executable: String, _ arguments: [String], streams: Streams = Streams(),
    inOwnSession: Bool = false
  ) throws(WorldError) -> Int32 {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    for (number, stream) in [(Int32(0), streams.input), (1, streams.output), (2, streams.error)] {
      unsafe add(stream, number, &actions)
    }
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    // This process blocks SIGINT, SIGTERM and SIGHUP and ignores SIGPIPE; its children must not.
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe posix_spawnattr_setsigmask(&attributes, &signals)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { unsafe sigaddset(&signals, number) }
    unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
    let newSession: Int32 = 0x80  // POSIX_SPAWN_SETSID, which glibc shows to GNU sources only
    let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (inOwnSession ? newSession : 0)
    unsafe posix_spawnattr_setflags(&attributes, Int16(flags))

    var words = unsafe ([executable] + arguments).map { unsafe strdup($0) }
    unsafe words.append(nil)
    defer { unsafe words.forEach { unsafe free($0) } }
    var processID: pid_t = 0
    let code = lock.withLock { _ in
      unsafe posix_spawnp(&processID, executable, &actions, &attributes, words, environ)
    }
    guard code == 0 else {
      throw WorldError("cannot start \(executable): \(unsafe String(cString: strerror(code)))")
    }
    return processID
  }

  private static func add(
    _ stream: Stream, _ number: Int32, _ actions: inout posix_spawn_file_actions_t
  ) {
    switch stream {
    case .inherited: break
    case .null:
      unsafe posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
    case .file(let path):
      unsafe posix_spawn_file_actions_addopen(
        &actions, number, path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600)
    case .appended(let path):
      unsafe posix_spawn_file_actions_addopen(
        &actions, number, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    case .descriptor(let descriptor):
      unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, number)
    }
  }

  /// How the child `processID` ended, or `nil` while it runs. Asks once only: the number is the
  /// system's to give away afterwards.
  package static func reap(_ processID: Int32) -> Ending? {
    var status: Int32 = 0
    guard unsafe waitpid(processID, &status, WNOHANG) == processID else { return nil }
    let signal = status & 0x7F
    return signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
  }

  package enum Signal: Sendable {
    case terminate
    case kill
    case stop
    case proceed
    case interrupt
    /// Read the files anew.
    case hangUp

    fileprivate var number: Int32 {
      switch self {
      case .terminate: SIGTERM
      case .kill: SIGKILL
      case .stop: SIGSTOP
      case .proceed: SIGCONT
      case .interrupt: SIGINT
      case .hangUp: SIGHUP
      }
    }
  }

  package static func send(_ signal: Signal, to processID: Int32) {
    precondition(processID > 1, "one process that was started here")
    kill(processID, signal.number)
  }

  /// A pipe whose ends no child inherits unless it is given one.
  package static func pipe() throws(WorldError) -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [0, 0]
    let isMade = lock.withLock { _ in
      unsafe Glibc.pipe(&ends) == 0 && fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0
        && fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0
    }
    guard isMade else { throw WorldError("cannot make a pipe") }
    return (ends[0], ends[1])
  }

  package static func closeDescriptor(_ descriptor: Int32) { close(descriptor) }

  /// Whether nobody uses `port` on loopback.
  package static func isFree(port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let length = socklen_t(MemoryLayout<sockaddr_in>.size)
    return unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(descriptor, $0, length) == 0
      }
    }
  }

  /// The path of the program that runs now.
  package static var ownExecutable: String { resolved("/proc/self/exe") }

  /// `path` without links and dots; as it is when there is no such file.
  package static func resolved(_ path: String) -> String {
    guard let real = unsafe realpath(path, nil) else { return path }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }

  package static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  /// Sets the mode of the file at `path`.
  package static func setMode(_ path: String, _ mode: UInt32) { unsafe chmod(path, mode) }

  package static func removeFile(_ path: String) { unsafe unlink(path) }
}
