import Logging
import Synchronization

/// A request that gets a line once it is answered.
struct LoggedRequest {
  /// As the services that are asked because of it are told: its parent is this request.
  let trace: TraceContext
  /// The call that brought it, if the caller named one.
  let callerID: UInt64?
  /// The principal's name, never what it showed.
  let principal: String

  init(trace given: TraceContext?, principal: String) {
    callerID = given?.parentID
    trace =
      given?.child(TraceContext.newID(), isSampled: true) ?? TraceContext.begin(isSampled: true)
    self.principal = principal
  }
}

/// The lines of requests. A thread of its own writes them, so that whoever reads standard error
/// slowly holds up no loop; what it cannot write in time is dropped and counted.
package final class RequestLog: Sendable {
  private struct Waiting {
    var text = ""
    var dropped = 0
  }

  /// See `RequestSampler`.
  let oneIn: UInt64
  private let line: LogLine
  private let output: @Sendable (String) -> Void
  private let thread = Loops(count: 1)
  private let waiting = Mutex(Waiting())

  /// Bytes of lines that may wait: about a thousand.
  static let waitingBytesMax = 256 << 10

  /// `output` gets one or several lines at a time, on the thread of this.
  init(_ line: LogLine, oneIn: UInt64, output: @escaping @Sendable (String) -> Void) {
    self.line = line
    self.oneIn = oneIn
    self.output = output
  }

  /// Has a line written; never waits. Level `error` when the fault was ours.
  func write(_ request: LoggedRequest, route: String, status: Int, microseconds: UInt64) {
    var metadata: Logger.Metadata = [
      "route": "\(route)",
      "status": .stringConvertible(status),
      "duration_microseconds": .stringConvertible(Int(microseconds)),
      "principal": "\(request.principal)",
      "trace_id": "\(request.trace.traceID)",
      "request_id": "\(TraceContext.hexadecimal(request.trace.parentID))",
    ]
    if let caller = request.callerID {
      metadata["parent_id"] = "\(TraceContext.hexadecimal(caller))"
    }
    submit(line.text(status >= 500 ? .error : .info, "request", metadata))
  }

  private func submit(_ text: String) {
    let isFirst = waiting.withLock { waiting in
      let isFirst = waiting.text.isEmpty && waiting.dropped == 0
      if waiting.text.utf8.count + text.utf8.count <= Self.waitingBytesMax {
        waiting.text += text
      } else {
        waiting.dropped += 1
      }
      return isFirst
    }
    if isFirst { thread.all[0].execute { self.flush() } }
  }

  private func flush() {
    var taken = waiting.withLock { waiting in
      defer { waiting = Waiting() }
      return waiting
    }
    if taken.dropped > 0 {
      taken.text += line.text(
        .warning, "requests were left out of the log: standard error is slow",
        ["count": .stringConvertible(taken.dropped)])
    }
    if !taken.text.isEmpty { output(taken.text) }
  }

  /// Writes what waits and ends the thread.
  package func close() {
    try? thread.all[0].run { self.flush() }
    thread.shutDown()
  }
}
