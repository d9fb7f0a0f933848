import Histogram
import Server

/// A line a second while a run lasts.
enum Progress {
  static func show(second: Int, control: RunControl) {
    var sum = Tally.Second()
    for latest in control.latest {
      sum.ok += latest.ok
      sum.refused += latest.refused
      sum.unsent += latest.unsent
      sum.latency += latest.latency
    }
    System.writeError(
      "\(second) s: \(sum.ok) ok, \(sum.refused) refused, \(sum.unsent) unsent,"
        + " p99 \(sum.p99) us\n")
  }
}

/// A run in a few lines, on standard output.
enum Summary {
  static func show(_ result: RunResult, to path: String?) {
    let total = result.total
    let latency = total.latency.whole
    func at(_ percentile: Double) -> UInt64 { latency.valueAtPercentile(percentile) }
    let seconds = result.plan.seconds
    var text = "\(Int(Double(total.okInTime) / seconds)) answers/s: \(total.ok) ok,"
    text += " \(total.refused) refused, \(total.unsent) unsent, \(total.lost) lost,"
    text += " \(total.errors) errors, \(total.wrong) wrong\n"
    if latency.totalCount > 0 {
      text += "latency us: p50 \(at(50)), p90 \(at(90)), p99 \(at(99)), p99.9 \(at(99.9)),"
      text += " p99.99 \(at(99.99)), max \(latency.max)\n"
    }
    for server in result.servers {
      text += "server \(server.processID): \(Int(server.processorSeconds * 1_000)) ms of CPU,"
      text += " \(server.after.residentKiB) KiB\n"
    }
    if total.wrong > 0 { text += "VOID: answers were wrong\n" }
    if let path { text += "report: \(path)\n" }
    System.writeOutput(text)
  }
}
