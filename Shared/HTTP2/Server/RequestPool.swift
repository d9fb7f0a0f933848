/// The requests of one session: those in use, those to hand out, and spares.
///
/// Steady traffic allocates nothing here: a request that ends becomes a spare, with its buffers.
struct RequestPool {
  /// Owns every request that a stream of the library may point to.
  private var all: [Request] = []
  private var spares: [Request] = []
  private var ready: [Request] = []
  private var readyHead = 0
  private var abandoned: [Request] = []
  private var abandonedHead = 0

  mutating func take() -> Request {
    if let request = spares.popLast() { return request }
    let request = Request()
    all.append(request)
    return request
  }

  mutating func recycle(_ request: Request) {
    request.end()
    spares.append(request)
  }

  mutating func enqueue(_ request: Request) {
    request.state = .ready
    ready.append(request)
  }

  var hasReady: Bool { !ready.isEmpty }

  /// The next request in order of completion; those whose stream has closed meanwhile are skipped,
  /// so that a request reset at once costs no work.
  mutating func nextReady() -> Request? {
    while let request = Self.pop(&ready, &readyHead) {
      if request.state == .ready {
        request.state = .delivered
        return request
      }
      recycle(request)
    }
    return nil
  }

  /// The request's stream has closed.
  mutating func close(_ request: Request) {
    switch request.state {
    case .pooled, .cancelled, .abandoned: break
    case .headers, .body, .answered: recycle(request)
    case .ready: request.state = .cancelled
    case .delivered:
      request.state = .abandoned
      abandoned.append(request)
    }
  }

  /// The next stream that closed although its request had been handed out and not answered.
  mutating func nextAbandoned() -> Int32? {
    guard let request = Self.pop(&abandoned, &abandonedHead) else { return nil }
    let streamID = request.streamID
    recycle(request)
    return streamID
  }

  /// Gives spares back to the system. Only when nothing is in use.
  mutating func releaseSpares() {
    guard spares.count == all.count else { return }
    all = []
    spares = []
    ready = []
    abandoned = []
  }

  /// The earliest moment at which a body is overdue.
  func bodyDeadline(_ timers: TimerLimits) -> UInt64? {
    var earliest: UInt64?
    for request in all where request.state == .body {
      var allowed = timers.bodyMilliseconds
      if timers.bodyBytesPerSecondMin > 0 {
        allowed = max(
          allowed, UInt64(request.body.count) * 1_000 / timers.bodyBytesPerSecondMin)
      }
      earliest = min(earliest ?? .max, request.bodySince + allowed)
    }
    return earliest
  }

  private static func pop(_ queue: inout [Request], _ head: inout Int) -> Request? {
    guard head < queue.count else { return nil }
    let request = queue[head]
    head += 1
    if head == queue.count {
      queue.removeAll(keepingCapacity: true)
      head = 0
    } else if head >= 64, head * 2 >= queue.count {
      queue.removeFirst(head)
      head = 0
    }
    return request
  }
}
