import RawHTTP2
import Testing

/// A flood of things each of which is allowed, or costs the server more than the client; the server
/// must end the connection within a stated number of units and serve others meanwhile.
struct FloodProbe: Sendable, CustomTestStringConvertible {
  let id: String
  let promise: String
  let sentence: String
  /// Units that must not yet end the connection, because honest clients come near them.
  let unitsTolerated: @Sendable (TargetLimits) -> Int
  /// Units by which the connection must have ended.
  let unitsMax: @Sendable (TargetLimits) -> Int
  /// Whether the attacker reads what the server answers.
  let reads: Bool
  /// Whether the attacker acknowledges the server's SETTINGS and answers its PINGs.
  let isPolite: Bool
  let begin: @Sendable (RawConnection, TargetLimits) throws -> Void
  let unit: @Sendable (RawConnection, _ index: UInt32) -> [Frame]

  init(
    _ id: String, _ promise: String, _ sentence: String,
    tolerated unitsTolerated: @escaping @Sendable (TargetLimits) -> Int,
    max unitsMax: @escaping @Sendable (TargetLimits) -> Int, reads: Bool = true,
    isPolite: Bool = true,
    begin: @escaping @Sendable (RawConnection, TargetLimits) throws -> Void = { _, _ in },
    unit: @escaping @Sendable (RawConnection, UInt32) -> [Frame]
  ) {
    self.id = id
    self.promise = promise
    self.sentence = sentence
    self.unitsTolerated = unitsTolerated
    self.unitsMax = unitsMax
    self.reads = reads
    self.isPolite = isPolite
    self.begin = begin
    self.unit = unit
  }

  var testDescription: String { "\(promise) \(id): \(sentence)" }

  /// Units in one write; small, so that the count at the end is nearly exact.
  private static let burst = 8

  /// Floods one connection while an honest one asks after every burst.
  func run(against endpoint: Endpoint, limits: TargetLimits) throws {
    let honest = try HonestClient(of: endpoint)
    try honest.ask(times: 10)
    let attacker = try RawConnection(to: endpoint, receiveBufferBytes: reads ? nil : 4_096)
    attacker.isPolite = isPolite
    try attacker.exchangePrefaces()
    try begin(attacker, limits)
    var unitsSent = 0
    while unitsSent < unitsTolerated(limits) {
      unitsSent += sendBurst(on: attacker, from: unitsSent)
      try reads ? attacker.expectAlive() : honest.ask()
    }
    while unitsSent < unitsMax(limits), !attacker.hasEnded(reads: reads) {
      unitsSent += sendBurst(on: attacker, from: unitsSent)
      try honest.ask()
    }
    try attacker.expectEnd(reads: reads, after: unitsSent)
    try honest.ask(times: 10)
  }

  private func sendBurst(on attacker: RawConnection, from first: Int) -> Int {
    var bytes: [UInt8] = []
    for index in first..<first + Self.burst {
      for frame in unit(attacker, UInt32(index)) { frame.append(to: &bytes) }
    }
    attacker.send(bytes: bytes, within: .milliseconds(200))
    return Self.burst
  }
}

extension RawConnection {
  /// Takes in what has arrived without waiting.
  func drain() {
    while true {
      let event = nextEvent(until: .now)
      if event == .quiet || event == .closed { return }
    }
  }

  /// Whether the server has given the connection up; `reads` says whether looking may read.
  func hasEnded(reads: Bool) -> Bool {
    guard reads else { return isEndedByPeer }
    drain()
    return transcript.contains(where: \.isEnd)
  }

  /// Waits for GOAWAY with an error, or for the close. A client that has not read gets a moment to
  /// see the close without reading; then it reads, because last words may be stuck behind the rest.
  func expectEnd(reads: Bool, after unitsSent: Int) throws {
    let deadline = ContinuousClock.now + .milliseconds(200)
    while !reads, .now < deadline {
      if isEndedByPeer { return }
    }
    if transcript.contains(where: \.isEnd) { return }
    try expect("GOAWAY or close within \(unitsSent) units", \.isEnd)
  }
}

extension Event {
  /// Whether the connection is over, because of an error or without a word.
  var isEnd: Bool {
    switch self {
    case .closed: true
    case .goAway(_, let code): code != .noError
    default: false
    }
  }
}
