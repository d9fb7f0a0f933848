import Codes
import Testing

@testable import Server

/// A loop whose time is told by the test, in microseconds.
private struct Clock {
  var admission = Admission(deadlineMilliseconds: 16)
  var now: UInt64 = 5_000_000

  var nanoseconds: UInt64 { now * 1_000 }

  mutating func rest(_ microseconds: UInt64) { now += microseconds }

  /// A turn that takes so long, and writes its answers in no time.
  mutating func turn(_ microseconds: UInt64) {
    admission.beginTurn(now: nanoseconds)
    now += microseconds
    admission.endTurn(now: nanoseconds)
    admission.rest(from: nanoseconds)
  }

  /// Turns of that length without a pause for `milliseconds`.
  mutating func turns(of microseconds: UInt64, forMilliseconds milliseconds: UInt64) {
    let end = now + milliseconds * 1_000
    while now < end { turn(microseconds) }
  }

  func isLate(_ urgency: Urgency, _ now: UInt64) -> Bool {
    admission.isLate(urgency, arrival: admission.arrivedAt, now: now)
  }

  mutating func age() -> UInt64 {
    admission.beginTurn(now: nanoseconds)
    return (nanoseconds - admission.arrivedAt) / 1_000
  }
}

@Suite struct AdmissionTests {
  @Test("what is read after a rest is new; without a rest it may be as old as the turn before")
  func ages() {
    var clock = Clock()
    #expect(clock.age() == 0)
    clock.turn(3_000)
    #expect(clock.age() == 3_000)
    clock = Clock()
    clock.turn(3_000)
    clock.rest(199)
    #expect(clock.age() == 3_199)
    clock = Clock()
    clock.turn(3_000)
    clock.rest(200)
    #expect(clock.age() == 0)
  }

  @Test("the time in which answers are written is not rest")
  func writing() {
    var clock = Clock()
    clock.admission.beginTurn(now: clock.nanoseconds)
    clock.rest(1_000)
    clock.admission.endTurn(now: clock.nanoseconds)
    clock.rest(4_000)
    clock.admission.rest(from: clock.nanoseconds)
    #expect(clock.age() == 5_000)
  }

  @Test("behind after a quarter of the deadline, late after all of it, the urgent after twice it")
  func deadlines() {
    var clock = Clock()
    clock.admission.beginTurn(now: clock.nanoseconds)
    let start = clock.nanoseconds
    let millisecond: UInt64 = 1_000_000
    for (urgency, deadline): (Urgency, UInt64) in [(.high, 32), (.normal, 16), (.low, 16)] {
      #expect(!clock.isLate(urgency, start + deadline * millisecond - 1))
      #expect(clock.isLate(urgency, start + deadline * millisecond))
    }
    #expect(!clock.admission.isBehind(now: start + 4 * millisecond - 1))
    #expect(clock.admission.isBehind(now: start + 4 * millisecond))
  }

  @Test("what stayed for a later turn is as old as its arrival, and yields to the urgent soon")
  func carried() {
    var clock = Clock()
    clock.rest(1_000)
    clock.turn(1_000)
    let arrival = clock.admission.arrivedAt
    for _ in 0..<7 { clock.turn(2_000) }
    clock.admission.beginServing(now: clock.nanoseconds)
    #expect(!clock.admission.mustYield(now: clock.nanoseconds + 1_999_999))
    #expect(clock.admission.mustYield(now: clock.nanoseconds + 2_000_000))
    clock.rest(8_000)
    #expect(clock.admission.isLate(.low, arrival: arrival, now: clock.nanoseconds))
    #expect(!clock.isLate(.low, clock.nanoseconds))
  }

  @Test("a loop that was kept from its processor serves a part of what it finds")
  func delayed() {
    var clock = Clock()
    clock.turn(100_000)
    #expect(clock.age() == 100_000)
    // Reading took long as well: the time to serve counts from its end.
    clock.rest(9_000)
    clock.admission.beginServing(now: clock.nanoseconds)
    let start = clock.nanoseconds
    for urgency in Urgency.allCases {
      #expect(!clock.isLate(urgency, start))
      #expect(!clock.isLate(urgency, start + 7_999_999))
      #expect(clock.isLate(urgency, start + 8_000_000))
    }
  }

  @Test("P-43: the level rises a step each tenth of a second behind, to D2 and no further")
  func rises() {
    var clock = Clock()
    clock.turns(of: 5_000, forMilliseconds: 90)
    #expect(clock.admission.level == .full)
    clock.turns(of: 5_000, forMilliseconds: 40)
    #expect(clock.admission.level == .withoutTexts)
    clock.turns(of: 20_000, forMilliseconds: 100)
    #expect(clock.admission.level == .withoutTexts)
    clock.turns(of: 20_000, forMilliseconds: 80)
    #expect(clock.admission.level == .statusOnly)
    clock.turns(of: 20_000, forMilliseconds: 5_000)
    #expect(clock.admission.level == .statusOnly)
  }

  @Test("P-43: the level falls a step after two seconds in time, and one slow turn starts anew")
  func falls() {
    var clock = Clock()
    clock.turns(of: 20_000, forMilliseconds: 400)
    #expect(clock.admission.level == .statusOnly)
    clock.turns(of: 1_000, forMilliseconds: 1_900)
    clock.turns(of: 20_000, forMilliseconds: 40)
    clock.turns(of: 1_000, forMilliseconds: 1_900)
    #expect(clock.admission.level == .statusOnly)
    clock.turns(of: 1_000, forMilliseconds: 150)
    #expect(clock.admission.level == .withoutTexts)
    clock.turns(of: 1_000, forMilliseconds: 2_050)
    #expect(clock.admission.level == .full)
  }

  @Test("one slow turn now and then raises nothing")
  func hiccups() {
    var clock = Clock()
    for _ in 0..<200 {
      clock.turn(30_000)
      clock.turns(of: 500, forMilliseconds: 40)
    }
    #expect(clock.admission.level == .full)
  }

  @Test("a load around the bound does not make the level swing")
  func noFlapping() {
    var clock = Clock()
    var changes = 0
    var last = clock.admission.level
    for turn in 0..<3_000 {
      clock.turn(turn % 2 == 0 ? 5_000 : 3_000)
      clock.turn(2_000)
      if clock.admission.level != last { changes += 1 }
      last = clock.admission.level
    }
    #expect(changes <= 2, "\(changes) changes in half a minute")
  }

  @Test("a loop that nobody asks anything returns to D0, as fast as one that is in time")
  func idle() {
    var clock = Clock()
    clock.turns(of: 20_000, forMilliseconds: 400)
    var seen: [DegradationLevel] = []
    for _ in 0..<20 {
      clock.rest(250_000)
      clock.admission.checkIdle(now: clock.nanoseconds)
      seen.append(clock.admission.level)
    }
    #expect(seen.firstIndex(of: .withoutTexts) == 8)
    #expect(seen.firstIndex(of: .full).map { $0 <= 18 } == true, "\(seen)")
    // Between two turns is not idle.
    clock.turns(of: 20_000, forMilliseconds: 400)
    for _ in 0..<300 {
      clock.turn(20_000)
      clock.admission.checkIdle(now: clock.nanoseconds)
    }
    #expect(clock.admission.level == .statusOnly)
  }
}

@Suite struct StreamAllowanceTests {
  private static let deadline: UInt64 = 16_000_000

  /// An allowance that has just begun to hold.
  private func behind() -> StreamAllowance {
    var allowance = StreamAllowance(inFlightMax: 2_048, deadline: Self.deadline)
    let isAnnounced = allowance.update(
      wait: Self.deadline, perRequest: 3_000, open: 4_096, most: 16_384)
    #expect(isAnnounced && allowance.inFlight == 1_536)
    return allowance
  }

  @Test("holds nobody while the loop keeps up")
  func keepsUp() {
    var allowance = StreamAllowance(inFlightMax: 2_048, deadline: Self.deadline)
    for wait in [0, Self.deadline / 4, Self.deadline / 2] {
      let isAnnounced = allowance.update(wait: wait, perRequest: 3_000, open: 512, most: 16_384)
      #expect(!isAnnounced)
    }
    #expect(allowance.inFlight == nil)
    #expect(allowance.streams(.low, active: 1_000, most: 256) == 256)
  }

  @Test("shares what can be in flight among those who ask; the urgent keep theirs")
  func shares() {
    let allowance = behind()
    #expect(allowance.streams(.normal, active: 64, most: 256) == 24)
    #expect(allowance.streams(.low, active: 64, most: 256) == 6)
    #expect(allowance.streams(.high, active: 64, most: 256) == 256)
    #expect(allowance.streams(.normal, active: 0, most: 256) == 256)
    #expect(allowance.streams(.normal, active: 1, most: 32) == 32)
  }

  @Test("nobody is left without a stream, or gets more than the session has")
  func bounds() {
    let allowance = behind()
    for active in [0, 1, 2, 63, 500, 2_048, 15_000] {
      for most in [1, 32, 256] {
        let high = allowance.streams(.high, active: active, most: most)
        let normal = allowance.streams(.normal, active: active, most: most)
        let low = allowance.streams(.low, active: active, most: most)
        #expect(1 <= low && low <= normal && normal <= high && high == most)
      }
    }
    #expect(allowance.streams(.normal, active: 15_000, most: 256) == StreamAllowance.floorMax)
    #expect(allowance.streams(.low, active: 15_000, most: 256) == StreamAllowance.floorMax / 4)
  }

  @Test("goes down while requests wait too long, stays between, and ends when they do not")
  func follows() throws {
    var allowance = behind()
    func update(_ wait: UInt64) -> Bool {
      allowance.update(wait: wait, perRequest: 3_000, open: 512, most: 16_384)
    }
    _ = update(Self.deadline)
    #expect(allowance.inFlight == 1_152)
    _ = update(Self.deadline / 4 * 3)
    #expect(allowance.inFlight == 1_152)
    for _ in 0..<100 { _ = update(Self.deadline) }
    #expect(allowance.inFlight == 1)
    var steps = 0
    while allowance.inFlight != nil, steps < 200 {
      _ = update(0)
      steps += 1
    }
    #expect(20..<150 ~= steps, "\(steps)")
    let isAnnounced = update(0)
    #expect(!isAnnounced)
  }

  @Test("goes down by as much as the wait is too long, and begins with what is under way")
  func proportion() {
    var allowance = StreamAllowance(inFlightMax: 2_048, deadline: Self.deadline)
    _ = allowance.update(wait: 3 * Self.deadline, perRequest: 500_000, open: 256, most: 8_192)
    #expect(allowance.inFlight == 64)
    _ = allowance.update(wait: 100 * Self.deadline, perRequest: 500_000, open: 64, most: 8_192)
    #expect(allowance.inFlight == 8)
  }

  @Test("requests that are much work need no company in their packet")
  func floors() {
    var allowance = behind()
    for (work, floor): (UInt64, Int) in [
      (0, 16), (3_000, 16), (5_000, 10), (25_000, 2), (50_001, 1), (.max, 1),
    ] {
      _ = allowance.update(
        wait: Self.deadline / 4 * 3, perRequest: work, open: 512, most: 16_384)
      #expect(allowance.streams(.normal, active: 15_000, most: 256) == floor, "\(work)")
      #expect(allowance.streams(.low, active: 15_000, most: 256) == max(floor / 4, 1))
    }
  }
}

@Suite struct DegradationTests {
  @Test("the process is at the level of its slowest loop, unless an operator holds another")
  func levels() {
    let degradation = Degradation(loops: 3)
    #expect(degradation.level == .full && degradation.held == nil)
    degradation.found(.statusOnly, byLoop: 1)
    degradation.found(.withoutTexts, byLoop: 2)
    #expect(degradation.level == .statusOnly)
    degradation.hold(.full)
    #expect(degradation.level == .full && degradation.held == .full)
    degradation.hold(.lastKnown)
    #expect(degradation.level == .lastKnown)
    degradation.hold(nil)
    #expect(degradation.level == .statusOnly && degradation.held == nil)
  }

  private func configuration(_ overrides: [String]) throws -> Configuration {
    try Configuration(
      service: "verifier", settings: AdmissionSettings.all(deadlineMilliseconds: 15), file: nil,
      environment: [:], overrides: overrides)
  }

  @Test("settings have their defaults, are taken, and are refused with a reason")
  func settings() throws {
    let plain = try AdmissionSettings.limits(try configuration([]))
    #expect(plain.deadlineMilliseconds == 15 && plain.inFlightMax == 2_048)
    let own = try AdmissionSettings.limits(
      try configuration(["request_deadline_milliseconds=60000", "requests_in_flight_max=16"]))
    #expect(own.deadlineMilliseconds == 60_000 && own.inFlightMax == 16)
    for bad in ["request_deadline_milliseconds=0", "requests_in_flight_max=15"] {
      let name = String(bad.prefix { $0 != "=" })
      do {
        _ = try AdmissionSettings.limits(try configuration([bad]))
        Issue.record("took \(bad)")
      } catch let error as ConfigurationError {
        #expect(error.message.contains(name), "\(error.message)")
      }
    }
  }

  @Test("P-43: degradation_level is auto or the name of a level")
  func levelSetting() throws {
    func held(_ text: String) throws -> DegradationLevel? {
      try AdmissionSettings.degradation(
        try configuration(["degradation_level=\(text)"]), loops: 1
      ).held
    }
    #expect(try held("auto") == nil)
    for level in DegradationLevel.allCases { #expect(try held(level.name) == level) }
    for bad in ["d1", "D4", "1", "D"] {
      do {
        _ = try held(bad)
        Issue.record("took \(bad)")
      } catch let error as ConfigurationError {
        #expect(error.message.contains("degradation_level"))
      }
    }
  }

  @Test("P-43: the admin port says the level and holds it")
  func adminPort() {
    let degradation = Degradation(loops: 1)
    let port = AdminPort(metrics: Metrics(), checks: [], degradation: degradation)
    #expect(port.answer("/degradation").body == "D0\n")
    for level in DegradationLevel.allCases {
      #expect(port.put("/degradation", " \(level.name)\r\n").body == level.name + "\n")
      #expect(degradation.held == level)
      #expect(port.answer("/degradation").body == level.name + "\n")
    }
    for bad in ["", "D4", "d0", "D0D0", "automatic"] {
      #expect(port.put("/degradation", bad).body.contains("auto, D0"), "\(bad)")
      #expect(degradation.held == .lastKnown)
    }
    #expect(port.put("/metrics", "D0").body.contains("only /degradation"))
    #expect(degradation.held == .lastKnown)
    degradation.found(.withoutTexts, byLoop: 0)
    #expect(port.put("/degradation", "auto").body == "D1\n")
    #expect(degradation.held == nil)
  }
}
