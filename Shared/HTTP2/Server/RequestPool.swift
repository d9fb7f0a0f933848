/// The requests of one session: those in use, those to hand out, and spares.
///
/// Steady traffic allocates nothing here: a request that ends becomes a spare, with its buffers.
struct RequestPool {
  /// Owns every request that a stream of the library may point to.
  private var all: [Request] = []
  private var spares: [Box<RequestState>] = []
  private var ready = Queue()
  private var abandoned = Queue()

  mutating func take() -> Box<RequestState> {
    if let spare = spares.popLast() { return spare }
    let request = Request(index: all.count)
    all.append(request)
    return request.box
  }

  private mutating func recycle(_ request: Box<RequestState>) {
    request.value.end()
    spares.append(request)
  }

  mutating func enqueue(_ request: Box<RequestState>) {
    request.value.stage = .ready
    ready.append(request)
  }

  var hasReady: Bool { !ready.isEmpty }

  /// The next request in order of completion; those whose stream has closed meanwhile are skipped,
  /// so that a request reset at once costs no work.
  mutating func nextReady() -> Request? {
    while let request = ready.pop() {
      if request.value.stage == .ready {
        request.value.stage = .delivered
        return all[request.value.index]
      }
      recycle(request)
    }
    return nil
  }

  /// The request's stream has closed.
  mutating func close(_ request: Box<RequestState>) {
    switch request.value.stage {
    case .pooled, .cancelled, .abandoned: break
    case .headers, .body, .answered: recycle(request)
    case .ready: request.value.stage = .cancelled
    case .delivered:
      request.value.stage = .abandoned
      abandoned.append(request)
    }
  }

  /// The next stream that closed although its request had been handed out and not answered.
  mutating func nextAbandoned() -> Int32? {
    guard let request = abandoned.pop() else { return nil }
    let streamID = request.value.streamID
    recycle(request)
    return streamID
  }

  /// Gives spares back to the system. Only when nothing is in use.
  mutating func releaseSpares() {
    guard spares.count == all.count else { return }
    self = RequestPool()
  }

  /// The earliest moment at which a body is overdue.
  func bodyDeadline(_ timers: TimerLimits) -> UInt64? {
    var earliest: UInt64?
    for request in all {
      let stage = request.box.value.stage
      // Answered, but the peer neither goes on nor stops.
      let isStuck = stage == .answered && !request.box.value.isComplete
      guard stage == .body || isStuck else { continue }
      var allowed = timers.bodyMilliseconds
      if timers.bodyBytesPerSecondMin > 0, !isStuck {
        let received = UInt64(request.box.value.body.count)
        allowed = max(allowed, received * 1_000 / timers.bodyBytesPerSecondMin)
      }
      earliest = min(earliest ?? .max, request.box.value.bodySince + allowed)
    }
    return earliest
  }
}

/// First in, first out, in an array that is reused.
private struct Queue {
  private var items: [Box<RequestState>] = []
  private var head = 0

  var isEmpty: Bool { items.isEmpty }

  mutating func append(_ item: Box<RequestState>) {
    items.append(item)
  }

  mutating func pop() -> Box<RequestState>? {
    guard head < items.count else { return nil }
    let item = items[head]
    head += 1
    if head == items.count {
      items.removeAll(keepingCapacity: true)
      head = 0
    } else if head >= 64, head * 2 >= items.count {
      // A queue that is never quite empty must not grow for ever.
      items.removeFirst(head)
      head = 0
    }
    return item
  }
}
