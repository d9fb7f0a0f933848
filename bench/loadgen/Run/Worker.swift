import Security
import Server
import Synchronization

/// What threads of a run share.
final class RunControl: Sendable {
  /// When requests begin, 0 until all threads are connected.
  private let beginning = Atomic<UInt64>(0)
  private let isStopping = Atomic<Bool>(false)
  private let state = Mutex(State())

  private struct State {
    var readyCount = 0
    var fault: String?
    var results: [[Tally]] = []
    var latest: [Int: Tally.Second] = [:]
    var connectFault: String?
    var openCount = 0
  }

  var begin: UInt64 { beginning.load(ordering: .acquiring) }
  func begin(at time: UInt64) { beginning.store(time, ordering: .releasing) }

  var isStopped: Bool { isStopping.load(ordering: .relaxed) }
  func stop() { isStopping.store(true, ordering: .relaxed) }

  var readyCount: Int { state.withLock { $0.readyCount } }
  func isReady() { state.withLock { $0.readyCount += 1 } }

  /// Why a thread could not begin.
  var fault: String? { state.withLock { $0.fault } }
  func failed(_ fault: String) {
    state.withLock { if $0.fault == nil { $0.fault = fault } }
    stop()
  }

  /// Why a connection could not be opened, the last one.
  var connectFault: String? { state.withLock { $0.connectFault } }
  func note(fault: String) { state.withLock { $0.connectFault = fault } }

  /// Idle connections that have had their request answered.
  var openCount: Int { state.withLock { $0.openCount } }
  func countOpen(_ change: Int) { state.withLock { $0.openCount += change } }

  /// By thread, in no order: the tally of each class.
  var results: [[Tally]] { state.withLock { $0.results } }
  func ended(_ tallies: [Tally]) { state.withLock { $0.results.append(tallies) } }

  /// What each thread did in its last whole second.
  var latest: [Tally.Second] { state.withLock { Array($0.latest.values) } }
  func progressed(_ index: Int, _ second: Tally.Second) {
    state.withLock { $0.latest[index] = second }
  }
}

/// One thread of a run: an epoll loop over its share of the connections. Times are nanoseconds of
/// the monotonic clock.
final class Worker {
  struct ConnectFault: Error {
    let reason: String
  }

  /// How long connecting and waiting for the last answers may take.
  static let connectNanoseconds: UInt64 = 10_000_000_000
  static let drainNanoseconds: UInt64 = 10_000_000_000

  let plan: Plan
  let index: Int
  let control: RunControl
  let poller = Poller()
  private let context: TLSContext?
  private(set) var now = System.monotonicNanoseconds
  private var spanStart: UInt64 = .max
  private(set) var spanEnd: UInt64 = .max
  private var nextSecond: UInt64 = .max
  private(set) var isSending = false
  /// Connections are only cleared away now.
  private(set) var isOver = false
  private var lanes: [Lane] = []
  var buffers = ReadBuffers()
  private var table: [Connection?] = []
  private var freeTokens: [Int] = []

  init(_ plan: Plan, index: Int, context: TLSContext?, control: RunControl) {
    self.plan = plan
    self.index = index
    self.context = context
    self.control = control
  }

  @inline(__always)
  func isInSpan(_ time: UInt64) -> Bool { time >= spanStart && time < spanEnd }

  /// Sets the span whose requests count.
  func measure(from start: UInt64, to end: UInt64) { (spanStart, spanEnd) = (start, end) }

  // MARK: The run

  /// Connects, waits for the others, sends until the end, and hands the tallies over.
  func run() {
    if plan.cores.count > index, !SystemThread.pin(to: plan.cores[index]) {
      return control.failed("this process may not run on core \(plan.cores[index]): see --cores")
    }
    for (number, item) in plan.classes.enumerated() {
      let share = Self.share(of: item.connections, thread: index, of: plan.threads)
      guard share > 0 else { continue }
      let firstBody = item.bodies.count * index / plan.threads
      lanes.append(
        Lane(item, plan, worker: self, connections: share, firstBody: firstBody))
      laneClasses.append(number)
    }
    guard plan.use != .load || connectAll() else { return }
    control.isReady()
    while control.begin == 0, !control.isStopped { turn(milliseconds: 1) }
    guard !control.isStopped else { return }
    begin()
    loop()
    isSending = false
    isOver = true
    for connection in table { connection?.end("the run is over") }
    for lane in lanes { lane.finish() }
    var tallies = plan.classes.map { _ in Tally() }
    for (lane, number) in zip(lanes, laneClasses) { tallies[number] = lane.tally }
    // Worker and lanes hold each other.
    lanes = []
    control.ended(tallies)
  }

  private var laneClasses: [Int] = []

  /// The connections of one thread.
  static func share(of count: Int, thread: Int, of threads: Int) -> Int {
    count * (thread + 1) / threads - count * thread / threads
  }

  private func connectAll() -> Bool {
    let deadline = now + Self.connectNanoseconds
    while true {
      for lane in lanes { lane.maintain() }
      turn(milliseconds: 1)
      if let fault = lanes.compactMap(\.connectFault).first {
        control.failed(fault)
        return false
      }
      if lanes.allSatisfy(\.isConnected) { return true }
      if control.isStopped { return false }
      if now > deadline {
        let url = lanes.first { !$0.isConnected }?.plan.endpoints[0].url ?? ""
        control.failed("\(url): no HTTP/2 SETTINGS within 10 seconds; is it an HTTP/2 server?")
        return false
      }
    }
  }

  private func begin() {
    let begin = control.begin
    let start = begin + UInt64(plan.warmupSeconds * 1e9)
    measure(from: start, to: start + UInt64(plan.seconds * 1e9))
    nextSecond = spanStart + 1_000_000_000
    let weights = plan.classes.reduce(0) { $0 + $1.weight }
    for (lane, number) in zip(lanes, laneClasses) {
      guard let rate = plan.ratePerSecond else { break }
      let item = plan.classes[number]
      let share = Self.share(of: item.connections, thread: index, of: plan.threads)
      lane.begin(
        ratePerSecond: rate * item.weight / weights * Double(share) / Double(item.connections),
        start: begin, phase: Double(index) / Double(plan.threads),
        seed: UInt64(index * 1_000 + number + 1))
    }
    while now < begin, !control.isStopped { turn(milliseconds: 0) }
    isSending = true
    for lane in lanes where plan.isClosed && plan.use == .load { lane.fill() }
  }

  private func loop() {
    let keepsStep = plan.isClosed && lanes.count > 1 && plan.use == .load
    while !control.isStopped {
      turn(milliseconds: patience)
      for lane in lanes {
        if isSending || plan.use == .load { lane.maintain() }
        lane.arrive()
        if keepsStep { lane.fill() }
      }
      if now >= nextSecond { endSecond() }
      if now >= spanEnd {
        isSending = false
        if isIdle || now > spanEnd + Self.drainNanoseconds { return }
      }
    }
  }

  /// Whether nothing waits for a stream or an answer.
  private var isIdle: Bool {
    lanes.allSatisfy(\.isIdle) && table.allSatisfy { ($0?.inFlight ?? 0) == 0 }
  }

  /// How long to wait for events: below a millisecond there is no waiting, the loop turns.
  private var patience: Int32 {
    guard let next = lanes.compactMap(\.nextStart).min(), next < spanEnd else { return 10 }
    guard next > now else { return 0 }
    return Int32(min((next - now) / 1_000_000, 10))
  }

  private func turn(milliseconds: Int32) {
    let count = poller.wait(milliseconds: milliseconds)
    now = System.monotonicNanoseconds
    for event in 0..<count {
      guard let connection = table[poller.token(event)] else { continue }
      // Answers are as late as the moment they are looked at, not as the turn's beginning.
      if event > 0 { now = System.monotonicNanoseconds }
      connection.handle(poller.kinds(event))
    }
  }

  private func endSecond() {
    guard nextSecond <= spanEnd else { return }
    nextSecond += 1_000_000_000
    var second = Tally.Second()
    for lane in lanes {
      lane.tally.endSecond()
      guard let last = lane.tally.seconds.last else { continue }
      second.ok += last.ok
      second.refused += last.refused
      second.unsent += last.unsent
      second.latency += last.latency
    }
    control.progressed(index, second)
  }

  /// Whether a class of a closed loop may begin a request: classes keep to their weights, within
  /// what their connections hold.
  func mayStart(_ lane: Lane) -> Bool {
    guard lanes.count > 1 else { return true }
    let slowest = lanes.reduce(Double.infinity) { min($0, $1.progress) }
    let heaviest = lanes.reduce(0) { max($0, $1.plan.weight) }
    return lane.progress <= slowest + 64 / heaviest
  }

  func report(_ text: String) { System.writeError("loadgen: wrong: \(text)\n") }

  // MARK: Connections

  func connect(to endpoint: Endpoint, for lane: Lane) -> Result<Connection, ConnectFault> {
    let descriptor = Wire.connect(to: endpoint.address)
    guard descriptor >= 0 else { return .failure(ConnectFault(reason: Wire.reason(-descriptor))) }
    let token = freeTokens.popLast() ?? table.count
    if token == table.count { table.append(nil) }
    do throws(SecurityError) {
      let session = try session(to: endpoint)
      let connection = Connection(
        token: token, endpoint: endpoint, transport: Transport(descriptor, session), owner: lane,
        poller: poller, now: now)
      table[token] = connection
      return .success(connection)
    } catch {
      Wire.end(descriptor)
      freeTokens.append(token)
      return .failure(ConnectFault(reason: error.description))
    }
  }

  private func session(to endpoint: Endpoint) throws(SecurityError) -> TLSSession? {
    guard endpoint.isSecure, let context else { return nil }
    return try TLSSession(client: context, serverName: endpoint.host)
  }

  func forget(_ connection: Connection) {
    let token = connection.token
    guard token < table.count, table[token] === connection else { return }
    table[token] = nil
    freeTokens.append(token)
  }
}
