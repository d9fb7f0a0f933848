/// A request that is to be sent: when it should start, with which body, and how often it was
/// refused before.
struct Pending {
  var intended: UInt64
  var body: Int
  var retries = 0
}

/// A request in flight.
struct Stream {
  /// 0 when the place is free.
  var id: UInt32 = 0
  var status: UInt16 = 0
  var hasRetryAfter = false
  /// An outcome was not the expected one.
  var isWrong = false
  var finder = OutcomeFinder()
  var request = Pending(intended: 0, body: 0)
  /// What the peer lets us send on this stream.
  var sendWindow = 0
  /// Bytes of the body not yet sent.
  var unsentByteCount = 0
  /// Bytes received since the stream's window was renewed.
  var receivedByteCount = 0
}

/// Requests waiting for a stream, oldest first. Grows as needed, allocates seldom.
struct Backlog {
  private var ring = [Pending](repeating: Pending(intended: 0, body: 0), count: 1_024)
  private var head = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }
  var first: Pending? { count == 0 ? nil : ring[head] }

  mutating func append(_ pending: Pending) {
    if count == ring.count { grow() }
    ring[(head &+ count) & (ring.count &- 1)] = pending
    count &+= 1
  }

  mutating func popFirst() -> Pending? {
    guard count > 0 else { return nil }
    defer {
      head = (head &+ 1) & (ring.count &- 1)
      count &-= 1
    }
    return ring[head]
  }

  private mutating func grow() {
    var larger = ring
    for index in 0..<count { larger[index] = ring[(head &+ index) & (ring.count &- 1)] }
    larger += ring
    ring = larger
    head = 0
  }
}
