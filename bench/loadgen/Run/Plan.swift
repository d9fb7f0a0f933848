import RawHTTP2
import Security

/// Where requests of a class go.
struct Endpoint: Sendable {
  let address: Address
  let host: String
  let isSecure: Bool
  /// The request's `:authority`.
  let authority: String
  /// As given by the user, for messages.
  let url: String
}

/// What is checked of each answer.
enum Check: String, Sendable {
  case none, status, outcome
}

/// One class of requests.
struct ClassPlan: Sendable {
  var name: String
  var weight = 1.0
  var endpoints: [Endpoint]
  var method = "POST"
  var path: String
  var headers: [HeaderField] = []
  var bodies = Bodies.none
  var check = Check.status
  var expectedStatus = 200
  var connections = 16
  var streams = 32

  /// The fields of each request to `endpoint`, but for the length of bodies of many lengths.
  func fields(to endpoint: Endpoint) -> [HeaderField] {
    var fields = [
      HeaderField(":method", method), HeaderField(":scheme", endpoint.isSecure ? "https" : "http"),
      HeaderField(":authority", endpoint.authority), HeaderField(":path", path),
    ]
    fields += headers
    if let length = bodies.uniformByteCount, length > 0 {
      fields.append(HeaderField("content-length", String(length)))
    }
    return fields
  }
}

/// What connections are for.
enum Use: Equatable, Sendable {
  /// Requests; the connections are only the means.
  case load
  /// Each is opened, secured and closed again, after a request or without one.
  case handshakes(withRequest: Bool)
  /// Each has one request and then idles.
  case idle
}

/// Everything a run does; the same for all threads.
struct Plan: Sendable {
  var classes: [ClassPlan]
  var threads = 1
  var cores: [Int] = []
  var warmupSeconds = 1.0
  var seconds = 4.0
  /// `nil` for a closed loop: every stream is always in use.
  var ratePerSecond: Double?
  var arrivals = Arrivals.constant
  /// A request not sent so long after its time is given up.
  var giveUpNanoseconds: UInt64?
  var retriesMax = 0
  var abortsOnWrong = false
  var caFile: String?
  var resumes = true
  var use = Use.load

  var isClosed: Bool { ratePerSecond == nil }
}

/// How the starts of an open loop's requests are spread over time.
enum Arrivals: String, Sendable {
  case constant, poisson
}

/// When the requests of one thread and class are to start, in nanoseconds: even spaces, or
/// exponentially distributed ones. Depends on nothing that happens.
struct Schedule {
  private let spacing: Double
  private let arrivals: Arrivals
  private var time: Double
  private var random: SplitMix64

  /// From `start` on, `ratePerSecond` times a second. `phase` (0..<1) shifts even spaces, so that
  /// threads take turns.
  init(
    ratePerSecond: Double, arrivals: Arrivals, start: UInt64, phase: Double = 0, seed: UInt64
  ) {
    spacing = 1e9 / ratePerSecond
    self.arrivals = arrivals
    time = Double(start)
    random = SplitMix64(state: seed)
    time += arrivals == .constant ? phase * spacing : step()
  }

  /// The next start.
  var next: UInt64 { UInt64(time) }

  mutating func advance() { time += step() }

  private mutating func step() -> Double {
    guard arrivals == .poisson else { return spacing }
    return -logarithm(1 - random.unit()) * spacing
  }
}

/// A small generator with a seed (Steele, Lea, Flood: SplitMix).
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// At least 0, less than 1.
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
