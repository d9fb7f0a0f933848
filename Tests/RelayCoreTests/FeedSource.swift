import Codes
import Feed
import RelayCore
import Security
import Support

/// A region's issuer as a follower sees it: seals a chain and makes the bodies it answers with.
final class FeedSource {
  let region: Region
  let key: SigningKey
  private(set) var position: ChainPosition
  /// The encoded segments, from number 1.
  private(set) var segments: [[UInt8]] = []
  private var random: SplitMix

  init(region: UInt32 = 310_000, seed: UInt64 = 1) {
    self.region = Region(region)!
    random = SplitMix(seed: seed)
    let keySeed = random.bytes(32)
    guard let key = try? SigningKey(seed: keySeed.span) else {
      preconditionFailure("any 32 bytes are an Ed25519 seed")
    }
    self.key = key
    position = .start(self.region)
  }

  /// A source with the same key and history that may go another way from here.
  func twin(seed: UInt64) -> FeedSource {
    let twin = FeedSource(region: region.number)
    twin.position = position
    twin.segments = segments
    twin.random = SplitMix(seed: seed)
    return twin
  }

  func seal(_ count: Int = 1) {
    for _ in 0..<count {
      let changes = (0..<random.below(4)).compactMap { _ in
        Change(
          serial: Serial(unchecked: 1 + random.next() % 1_000),
          status: Status(
            colour: random.pick(Colour.allCases), kind: .resident,
            validUntil: CityTime(minutes: 4_000_000)),
          time: CityTime(seconds: 217_000_000), actor: "a", authority: "b", ticket: "c")
      }
      seal(.changes(changes))
    }
  }

  func seal(_ kind: Segment.Kind) {
    var encoded: [UInt8] = []
    let asOf = Instant(milliseconds: position.asOf.milliseconds + 100)
    position =
      Segment.seal(
        kind, region: region, after: position, asOf: asOf, signedBy: key, into: &encoded
      ).end
    segments.append(encoded)
  }

  func switchGeneration(to generation: UInt32, pageCount: UInt32) {
    seal(.switchGeneration(generation: generation, digest: Digest(), pageCount: pageCount))
  }

  /// A head at the end of the chain, `later` milliseconds after its last segment.
  func head(later: UInt64 = 0) -> [UInt8] {
    var encoded: [UInt8] = []
    Head(
      region: region, position: position,
      asOf: Instant(milliseconds: position.asOf.milliseconds + later)
    ).encode(signedBy: key, into: &encoded)
    return encoded
  }

  /// A body of `frames` in order.
  static func body(_ frames: [[UInt8]]) -> [UInt8] {
    var body: [UInt8] = []
    for frame in frames { Framing.append(frame.span, to: &body) }
    return body
  }

  /// The answer to `.segments(after:)`.
  func answer(after number: Int, later: UInt64 = 0) -> [UInt8] {
    Self.body([head(later: later)] + segments[number...])
  }

  func manifest(generation: UInt32 = 1, pageCount: UInt32) -> SnapshotManifest {
    SnapshotManifest(
      region: region, generation: generation, pageCount: pageCount, position: position,
      asOf: position.asOf)
  }

  func encoded(_ manifest: SnapshotManifest) -> [UInt8] {
    var encoded: [UInt8] = []
    manifest.encode(signedBy: key, into: &encoded)
    return encoded
  }

  func batch(generation: UInt32 = 1, first: UInt32, count: UInt32) -> PageBatch {
    PageBatch(
      region: region, generation: generation, firstPage: first,
      pages: [UInt8](repeating: UInt8(truncatingIfNeeded: first), count: Int(count) * 4_080),
      position: position)
  }

  func encoded(_ batch: PageBatch) -> [UInt8] {
    var encoded: [UInt8] = []
    batch.encode(signedBy: key, into: &encoded)
    return encoded
  }

  /// A follower of this source.
  func follower(at position: ChainPosition?) -> Follower {
    Follower(region: region, key: key.verifyingKey, position: position)
  }

  /// The segments of the chain after number `after`, decoded.
  func decoded(after number: Int = 0) -> [Segment] {
    segments[number...].compactMap { Segment.decode($0.span) }
  }
}

extension Follower {
  /// The fault that `body` meets; `nil` when it is taken.
  mutating func fault(_ body: [UInt8]) -> SegmentFault? {
    do {
      _ = try received(body.span)
      return nil
    } catch {
      return error
    }
  }

  mutating func take(_ body: [UInt8]) throws -> [FollowAction] { try received(body.span) }
}
