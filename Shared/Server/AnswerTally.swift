/// What an answer is counted under: where its request went, and when it came.
struct RequestTiming {
  /// Index into `Router.labels`.
  let route: Int32
  /// No later; nanoseconds of the monotonic clock.
  let arrivedAt: UInt64
}

/// The answers of one turn of a loop, counted when they leave: they are written together, so one
/// look at the clock tells how long each took, and what a turn answers is few kinds of requests
/// that came at few times.
struct AnswerTally {
  struct Run: Equatable {
    var route: Int32
    /// 0 for 1xx to 4 for 5xx.
    var statusClass: Int32
    var arrivedAt: UInt64
    var count: UInt64
  }

  /// The kind of the last answer, apart from the others: the next is nearly always of it.
  private var last = Run(route: 0, statusClass: 0, arrivedAt: 0, count: 0)
  private var earlier: [Run] = []

  /// Counts an answer with `status`.
  mutating func answered(_ timing: RequestTiming, status: Int) {
    // Most are, and a division is dearer than the rest of this.
    let statusClass = status == 200 ? 1 : Int32(min(max(status / 100 - 1, 0), 4))
    if timing.route == last.route, timing.arrivedAt == last.arrivedAt,
      statusClass == last.statusClass
    {
      last.count += 1
      return
    }
    if last.count > 0 { earlier.append(last) }
    last = Run(
      route: timing.route, statusClass: statusClass, arrivedAt: timing.arrivedAt, count: 1)
  }

  /// Hands each kind of answer since the last call to `body`.
  mutating func drain(_ body: (Run) -> Void) {
    if last.count > 0 { body(last) }
    last.count = 0
    guard !earlier.isEmpty else { return }
    for run in earlier { body(run) }
    earlier.removeAll(keepingCapacity: true)
  }
}
