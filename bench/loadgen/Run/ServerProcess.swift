import Server

/// What the system says a process has used.
struct ProcessUsage: Sendable {
  var processorSeconds = 0.0
  var residentKiB = 0

  /// Reads `/proc/PID/stat`; `nil` when there is no such process.
  init?(of processID: Int32) {
    guard let bytes = Self.read("/proc/\(processID)/stat") else { return nil }
    self.init(stat: bytes)
  }

  /// From the text of a `stat` file (proc(5)). The command's name may hold blanks and brackets.
  init?(stat: [UInt8]) {
    guard let end = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = stat[(end + 1)...].split { $0 == 0x20 || $0 == 0x0A }
      .map { Int(String(decoding: $0, as: UTF8.self)) }
    // The field behind the bracket is the third: utime is 14, stime 15, rss 24.
    guard fields.count > 21, let user = fields[11], let system = fields[12], let pages = fields[21]
    else { return nil }
    processorSeconds = Double(user + system) / Usage.ticksPerSecond
    residentKiB = pages * Usage.pageKiB
  }

  private static func read(_ path: String) -> [UInt8]? {
    do throws(System.Fault) { return try System.readFile(path) } catch { return nil }
  }
}

/// A server's use between two moments.
struct ServerUsage: Sendable {
  let processID: Int32
  let before: ProcessUsage
  let after: ProcessUsage

  var processorSeconds: Double { after.processorSeconds - before.processorSeconds }
}
