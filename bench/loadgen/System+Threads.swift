// One of the few files of the load generator that calls the system with pointers.
internal import CLoadgen
import Glibc

/// A thread with a body of its own, which can be waited for.
final class SystemThread {
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  private var handle = pthread_t()

  init(_ run: @escaping @Sendable () -> Void) {
    let body = unsafe Unmanaged.passRetained(Body(run)).toOpaque()
    let result = unsafe pthread_create(
      &handle, nil,
      { raw in
        unsafe Unmanaged<Body>.fromOpaque(raw!).takeRetainedValue().run()
        return nil
      }, body)
    precondition(result == 0, "a thread cannot be made: is there a limit on processes?")
  }

  /// Keeps the calling thread on one processor; `false` when this process may not use it.
  static func pin(to processor: Int) -> Bool {
    (0..<1_024).contains(processor) && loadgen_pin_thread(Int32(processor)) == 0
  }

  func join() { _ = pthread_join(handle, nil) }
}

/// Clocks and counters of processes.
enum Usage {
  /// Processor seconds this process has used, user and system.
  static var processorSeconds: Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  static let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
  static let pageKiB = Int(sysconf(Int32(_SC_PAGESIZE))) / 1_024

  /// Lets this process have `count` open files, if the system allows it.
  static func allowOpenFiles(_ count: Int) -> Bool {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      return false
    }
    if limit.rlim_cur >= rlim_t(count) { return true }
    limit.rlim_cur = min(limit.rlim_max, rlim_t(count))
    return unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
      && limit.rlim_cur >= rlim_t(count)
  }
}

/// Eight bytes at once, in the byte order of the network.
extension Span<UInt8> {
  /// The 8 bytes at `offset` as a big-endian number.
  @inline(__always)
  func word(at offset: Int) -> UInt64 {
    precondition(offset >= 0 && offset &+ 8 <= count, "a word behind the end")
    return unsafe withUnsafeBytes {
      unsafe UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
  }
}

/// The natural logarithm.
func logarithm(_ value: Double) -> Double { log(value) }
