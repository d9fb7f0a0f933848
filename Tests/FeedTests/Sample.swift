import Codes
import Feed
import Security

/// Seeded random numbers, so that a failing run can be run again.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }
}

/// A region, its sealer and changes to seal.
struct Sample {
  let region: Region
  let key: SigningKey
  private var random: SplitMix

  init(region: UInt32 = 310_000, seed: UInt64 = 1) {
    guard let region = Region(region) else { preconditionFailure("a sample needs six digits") }
    self.region = region
    random = SplitMix(seed: seed)
    let keySeed = random.bytes(32)
    guard let key = try? SigningKey(seed: keySeed.span) else {
      preconditionFailure("any 32 bytes are an Ed25519 seed")
    }
    self.key = key
  }

  mutating func changes(_ count: Int) -> [Change] {
    (0..<count).compactMap { _ in
      Change(
        serial: Serial(unchecked: random.next() % 34_000_000 + 1),
        status: Status(
          colour: Colour(rawValue: UInt8(random.next() % 4)) ?? .none, kind: .resident,
          reason: UInt8(random.next() % 10), validUntil: CityTime(minutes: 4_000_000),
          revision: UInt16(random.next() % 9)),
        time: CityTime(seconds: 217_000_000), actor: "officer-\(random.next() % 100)",
        authority: "市卫生健康委员会", ticket: "T-\(random.next() % 1_000_000)")
    }
  }

  /// One sealed segment and its encoding.
  mutating func seal(
    _ changeCount: Int, after previous: ChainPosition, asOf: UInt64
  ) -> (segment: Segment, encoded: [UInt8]) {
    seal(.changes(changes(changeCount)), after: previous, asOf: asOf)
  }

  func seal(
    _ kind: Segment.Kind, after previous: ChainPosition, asOf: UInt64
  ) -> (segment: Segment, encoded: [UInt8]) {
    var encoded: [UInt8] = []
    let segment = Segment.seal(
      kind, region: region, after: previous, asOf: Instant(milliseconds: asOf), signedBy: key,
      into: &encoded)
    return (segment, encoded)
  }

  /// A chain of `count` segments from the start, encoded.
  mutating func chain(_ count: Int) -> [[UInt8]] {
    var position = ChainPosition.start(region)
    var chain: [[UInt8]] = []
    for number in 0..<count {
      let (segment, encoded) = seal(number % 4, after: position, asOf: UInt64(number) * 100)
      position = segment.end
      chain.append(encoded)
    }
    return chain
  }

  /// The fault that `encoded` meets after `position`; `nil` when it is taken.
  func fault(_ encoded: [UInt8], after position: ChainPosition) -> SegmentFault? {
    do {
      _ = try Segment.check(
        encoded.span, after: position, region: region, key: key.verifyingKey)
      return nil
    } catch {
      return error
    }
  }
}

/// What a host does with a stream: applies what passes and notes what does not.
struct Follower {
  let region: Region
  let key: VerifyingKey
  private(set) var position: ChainPosition
  private(set) var applied: [Change] = []
  private(set) var faults: [SegmentFault] = []

  init(of sample: Sample) {
    region = sample.region
    key = sample.key.verifyingKey
    position = .start(sample.region)
  }

  mutating func receive(_ encoded: [UInt8]) {
    do {
      let segment = try Segment.check(encoded.span, after: position, region: region, key: key)
      if case .changes(let changes) = segment.kind { applied += changes }
      position = segment.end
    } catch {
      faults.append(error)
    }
  }
}
