import Codes
import IssuerCore
import JSON
import World

/// Which holders get codes and what shall become of each code: decided from the seed alone.
struct CorpusPlan: Sendable {
  /// What is done to a code after it was made.
  enum Fate: Sendable {
    case kept
    /// One bit of the sealed part or the tag is flipped.
    case forged
    /// Its time is over when it is made.
    case expired
  }

  /// Shares of all codes, in percent.
  struct Shares: Sendable {
    var forged = 1.0
    var expired = 1.0
    var killed = 1.0
  }

  struct Code: Sendable {
    /// Index into `holders`.
    let holder: Int
    let fate: Fate
  }

  let holders: [Person]
  /// Holders without a code: their status can be changed without making an answer wrong.
  let spares: [Person]
  let codes: [Code]
  /// Indices of the holders whose codes are killed once all are made.
  let killed: [Int]

  static let sparesMax = 64

  /// `count` codes of as many distinct holders as `population` of `people` has, up to `count`.
  init(
    count: Int, population: SamplePopulation, people: Int, shares: Shares,
    seed: UInt64
  ) throws {
    var random = SplitMixNumbers(seed: seed)
    var persons = try Self.persons(
      count + Self.sparesMax, population, people: people, random: &random)
    persons.shuffle(using: &random)
    let spareCount = min(Self.sparesMax, persons.count / 10)
    let holderCount = min(count, persons.count - spareCount)
    guard holderCount > 0 else { throw WorldError("the population is too small") }
    holders = Array(persons.prefix(holderCount))
    spares = Array(persons.dropFirst(holderCount).prefix(spareCount))
    let killedCount = Int(Double(holderCount) * shares.killed / 100)
    // Shuffled already, so the first ones are anywhere in the population.
    killed = Array(0..<killedCount)
    let alive = (0..<count).filter { $0 % holderCount >= killedCount }.shuffled(using: &random)
    let forgedCount = Int(Double(count) * shares.forged / 100)
    let expiredCount = Int(Double(count) * shares.expired / 100)
    guard forgedCount + expiredCount <= alive.count else {
      throw WorldError("the shares of forged, expired and killed codes are more than all")
    }
    var fates = [Fate](repeating: .kept, count: count)
    for index in alive.prefix(forgedCount) { fates[index] = .forged }
    for index in alive.dropFirst(forgedCount).prefix(expiredCount) { fates[index] = .expired }
    codes = fates.enumerated().map { Code(holder: $0.offset % holderCount, fate: $0.element) }
  }

  /// At least `count` people who get codes by themselves, if there are as many: one from each of
  /// equal parts of the population, so that no part of the cache is left out. Not every k-th:
  /// the sample has a pattern of a hundred rows.
  private static func persons(
    _ count: Int, _ population: SamplePopulation, people: Int, random: inout SplitMixNumbers
  ) throws -> [Person] {
    // 95 of 100 rows are no dependants.
    let parts = min(people, count + count / 16 + 20)
    var rows: [Int] = []
    rows.reserveCapacity(parts)
    for part in 0..<parts {
      let (start, end) = (part * people / parts, (part + 1) * people / parts)
      rows.append(Int.random(in: start..<end, using: &random))
    }
    let csv = String(decoding: population.rows(at: rows), as: UTF8.self)
    return try Person.rows(csv).filter { $0.kind != "dependant" }
  }
}

/// SplitMix64: the same numbers for the same seed on every machine.
struct SplitMixNumbers: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// The policy of a scene, read from its file: what a scan of an untouched code must say.
struct ScenePolicy: Sendable {
  private let colours: Set<String>
  private let kinds: Set<String>

  init(name: String, directory: String) throws {
    let path = "\(directory)/\(name).json"
    guard let json = try? JSONParser.parse(Files.bytes(path)), let policy = ScenePolicy(json: json)
    else { throw WorldError("\(path) is no scene") }
    self = policy
  }

  init?(json: JSONValue) {
    guard let colours = json["colours"]?.array, let kinds = json["kinds"]?.array else { return nil }
    self.colours = Set(colours.compactMap(\.string))
    self.kinds = Set(kinds.compactMap(\.string))
  }

  /// The outcome for a holder with this status, as the issuer describes it, until `end`.
  func outcome(_ status: JSONValue, until end: CityTime) throws -> Outcome {
    guard let colour = status["colour"]?.string, let kind = status["kind"]?.string,
      let validUntil = status["valid_until"]?.string.flatMap({ CityTime(rfc3339: $0) })
    else { throw WorldError("a status lacks colour, kind or valid_until") }
    if status["flags"]?.array?.isEmpty == false { return .suspended }
    if !kinds.contains(kind) { return .wrongScene }
    if validUntil <= end { return .statusExpired }
    return colours.contains(colour) ? .accepted : .colour
  }
}
