import Glibc

extension System {
  /// What an operator tells a service by a signal.
  package enum Signal: Sendable {
    /// SIGTERM or SIGINT.
    case stop
    /// SIGHUP.
    case reload
  }

  private static func signals(_ numbers: [Int32]) -> sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for number in numbers { unsafe sigaddset(&set, number) }
    return set
  }

  /// Leaves SIGTERM, SIGINT and SIGHUP to `waitForSignal` and ignores SIGPIPE. Call before any
  /// thread is made: threads inherit the mask.
  package static func blockStopSignals() {
    var set = signals([SIGTERM, SIGINT, SIGHUP])
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
  }

  /// Blocks until a signal comes.
  package static func waitForSignal() -> Signal {
    var set = signals([SIGTERM, SIGINT, SIGHUP])
    var number: Int32 = 0
    while unsafe sigwait(&set, &number) != 0 {}
    return number == SIGHUP ? .reload : .stop
  }

  /// Waits so long for SIGTERM or SIGINT; whether one came.
  package static func stopSignalCame(withinMilliseconds milliseconds: Int) -> Bool {
    var set = signals([SIGTERM, SIGINT])
    let deadline = monotonicNanoseconds + UInt64(milliseconds) * 1_000_000
    while true {
      let now = monotonicNanoseconds
      let left = deadline > now ? deadline - now : 0
      var time = timespec(
        tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
      if unsafe sigtimedwait(&set, nil, &time) > 0 { return true }
      // EAGAIN: the time is over. EINTR: another signal came.
      guard errno == EINTR else { return false }
    }
  }
}
