import Testing

@testable import HTTP2

/// Phases on a clock set by hand (P-34).
@Suite struct ConnectionStateTests {
  private static let opened: UInt64 = 1_000_000

  private final class Machine {
    var state: ConnectionState
    var facts = ConnectionFacts()
    var unwritten = 0
    var written = 0

    init(_ limits: SessionLimits = .partner, ageJitter: Double = 0, settled: Bool = true) {
      state = ConnectionState(limits: limits, openedAt: opened, ageJitter: ageJitter)
      facts.receivedSettings = settled
    }

    func check(after milliseconds: UInt64) -> ConnectionState.Action {
      state.check(
        facts, socketUnwritten: unwritten, socketWritten: written, now: opened + milliseconds)
    }
  }

  @Test("P-34: closes when preface and SETTINGS take two seconds")
  func preface() {
    let machine = Machine(settled: false)
    #expect(machine.check(after: 1_999) == .none)
    #expect(machine.check(after: 2_000) == .close(.preface))
  }

  @Test(
    "P-34: closes when a header block is not complete in time",
    arguments: [
      (SessionLimits.partner, UInt64(5_000)), (.anonymous, 3_000),
    ])
  func headerBlock(limits: SessionLimits, allowed: UInt64) {
    let machine = Machine(limits)
    machine.facts.headerBlockSince = Self.opened + 100
    #expect(machine.check(after: 99 + allowed) == .none)
    #expect(machine.check(after: 100 + allowed) == .close(.headerBlock))
  }

  @Test("P-34: closes when a body is overdue")
  func body() {
    let machine = Machine()
    machine.facts.openStreams = 1
    machine.facts.bodyDeadline = Self.opened + 500
    #expect(machine.check(after: 499) == .none)
    #expect(machine.check(after: 500) == .close(.body))
  }

  @Test("P-34: a body may take longer while it keeps its rate, a stranger's may not")
  func bodyRate() {
    for (limits, allowed) in [(SessionLimits.partner, UInt64(10_000)), (.anonymous, 5_000)] {
      let server = Server(limits)
      server.body = nil
      server.now = 1_000
      server.send(Wire.headers(1, Wire.post, flags: 4))
      #expect(server.facts.bodyDeadline == 1_000 + allowed)
      server.send(Wire.data(1, [UInt8](repeating: 0, count: 8_192)))
      server.send(Wire.data(1, [UInt8](repeating: 0, count: 8_192)))
      let extended: UInt64? = limits.timers.bodyBytesPerSecondMin > 0 ? 17_000 : nil
      #expect(server.facts.bodyDeadline == extended)
      server.send(Wire.data(1, [], flags: 1))
      #expect(server.facts.bodyDeadline == nil)
    }
  }

  @Test(
    "P-34: closes when the peer's windows stay shut or it reads a byte now and then",
    arguments: [0, 1, 500])
  func stalledWindow(bytesPerSecond: Int) {
    let machine = Machine(.anonymous)
    machine.facts.openStreams = 1
    machine.facts.unsentBytes = 100_000
    var closedAt: UInt64?
    for second: UInt64 in 0..<60 where closedAt == nil {
      machine.facts.sentBytes = Int(second) * bytesPerSecond
      // Answers to PING are output too, but not the one that is waited for.
      machine.written = Int(second) * 2_000
      if machine.check(after: second * 1_000) == .close(.response) { closedAt = second }
    }
    #expect(closedAt == 5)
  }

  @Test("P-34: closes when the socket is not read")
  func stalledSocket() {
    let machine = Machine()
    machine.unwritten = 1
    #expect(machine.check(after: 0) == .none)
    #expect(machine.check(after: 9_999) == .none)
    #expect(machine.check(after: 10_000) == .close(.response))
  }

  @Test("a peer that reads steadily is not stalled")
  func steadyReader() {
    let machine = Machine(.anonymous)
    machine.facts.openStreams = 1
    for second: UInt64 in 0..<120 {
      machine.facts.unsentBytes = 100_000
      machine.facts.sentBytes = Int(second) * 1_100
      #expect(machine.check(after: second * 1_000) == .none)
    }
  }

  @Test("P-34: closes an idle connection, counted from its last request")
  func idle() {
    let machine = Machine(.anonymous)
    #expect(machine.check(after: 19_000) == .none)
    machine.facts.requests = 1
    #expect(machine.check(after: 19_500) == .none)
    machine.facts.openStreams = 1
    #expect(machine.check(after: 60_000) == .none)
    machine.facts.openStreams = 0
    #expect(machine.check(after: 79_999) == .none)
    #expect(machine.check(after: 80_000) == .close(.idle))
  }

  @Test("asks a silent peer by PING and closes after two misses")
  func keepAlive() {
    let machine = Machine()
    machine.facts.openStreams = 1
    #expect(machine.check(after: 29_999) == .none)
    #expect(machine.check(after: 30_000) == .ping)
    #expect(machine.check(after: 59_000) == .none)
    #expect(machine.check(after: 60_000) == .ping)
    #expect(machine.check(after: 90_000) == .close(.keepAlive))
  }

  @Test("a peer that answers PING stays")
  func answersPing() {
    let machine = Machine()
    machine.facts.openStreams = 1
    var pings = 0
    for second: UInt64 in 0..<1_000 {
      if machine.check(after: second * 1_000) == .ping {
        pings += 1
        machine.facts.pingAcks += 1
        machine.state.receivedBytes(now: Self.opened + second * 1_000 + 5)
      }
    }
    #expect((30...34).contains(pings))
  }

  @Test("drains at its age, with jitter, in two steps", arguments: [-0.2, 0, 0.2, 5])
  func age(jitter: Double) {
    let machine = Machine(ageJitter: jitter)
    machine.facts.openStreams = 1
    let end = UInt64(1_800_000 * (1 + min(jitter, 0.2)))
    machine.state.receivedBytes(now: Self.opened + end - 100)
    #expect(machine.check(after: end - 1) == .none)
    #expect(machine.check(after: end) == .shutDown)
    #expect(machine.state.isDraining)
    #expect(machine.check(after: end + 499) == .none)
    #expect(machine.check(after: end + 500) == .finishShutDown)
    #expect(machine.check(after: end + 10_499) == .none)
    #expect(machine.check(after: end + 10_500) == .close(.drain))
  }

  @Test("drains after its last request and on command")
  func drains() {
    let machine = Machine(.anonymous)
    machine.facts.requests = 9_999
    #expect(machine.check(after: 10) == .none)
    machine.facts.requests = 10_000
    #expect(machine.check(after: 20) == .shutDown)
    let other = Machine()
    other.state.drain(now: Self.opened)
    #expect(other.check(after: 1) == .shutDown)
    #expect(other.check(after: 501) == .finishShutDown)
  }

  @Test("the session reports its phases")
  func facts() {
    let server = Server(startingWith: [])
    server.body = nil
    #expect(!server.facts.receivedSettings)
    server.send(Array(Wire.start.dropLast()))
    #expect(!server.facts.receivedSettings)
    server.send([Wire.start.last!])
    #expect(server.facts.receivedSettings)
    server.now = 50
    server.send(Array(Wire.headers(1).prefix(9)))
    #expect(server.facts.headerBlockSince == 50)
    server.now = 60
    server.send(Array(Wire.headers(1).dropFirst(9)))
    #expect(server.facts.headerBlockSince == nil && server.facts.openStreams == 1)
    server.send(Wire.headers(3, flags: 1))
    #expect(server.facts.headerBlockSince == 60)
    server.send(Wire.continuation(3, [], flags: 4))
    #expect(server.facts.headerBlockSince == nil && server.facts.requests == 2)
    #expect(server.next() != nil && server.respond(to: 1, "answer".bytes))
    #expect(server.facts.unsentBytes == 6 && server.facts.sentBytes == 0)
    server.pump()
    #expect(server.facts.unsentBytes == 0 && server.facts.sentBytes == 6)
    server.session.ping()
    server.pump()
    server.send(Wire.ping(1))
    #expect(server.facts.pingAcks == 1)
  }
}
