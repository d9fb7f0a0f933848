internal import CLinux
import Glibc

/// What this process uses. `/proc/self` may be read by the process itself although `forbidDumps`
/// keeps all others from it.
extension System {
  /// User and system time of all threads, ended ones included.
  static var processorNanoseconds: UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Memory in use, shared pages included; `nil` where the system does not say.
  static var residentBytes: Int? {
    guard let text = try? readFile("/proc/self/statm") else { return nil }
    let fields = String(decoding: text, as: UTF8.self).split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }

  /// How many descriptors are open; `nil` where the system does not say.
  static var openDescriptors: Int? {
    guard let stream = unsafe opendir("/proc/self/fd") else { return nil }
    defer { unsafe closedir(stream) }
    var count = 0
    while unsafe readdir(stream) != nil { count += 1 }
    // Without ".", ".." and the stream's own.
    return max(0, count - 3)
  }

  /// Whether the calling thread, and those that it makes, only get the time that nobody else wants
  /// (SCHED_IDLE, sched(7)): another of this process that wakes never waits for them. `false`
  /// brings back the ordinary class. Where the system does not allow it, nothing changes.
  package static func setIdlePriority(_ isIdle: Bool) {
    citycode_set_idle_priority(isIdle ? 1 : 0)
  }
}
