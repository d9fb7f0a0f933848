import Codes
import Feed
import RelayCore
import Support
import Testing

/// One thing that can happen to a feed on its road, and what the follower must call it.
struct FeedFault: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let fault: SegmentFault
  /// The body of an answer to `.segments(after: 3)` of a source that has six.
  let body: @Sendable (FeedSource) -> [UInt8]

  init(
    _ name: String, _ fault: SegmentFault, _ body: @escaping @Sendable (FeedSource) -> [UInt8]
  ) {
    testDescription = name
    self.fault = fault
    self.body = body
  }

  /// The frames of segments by number behind the source's head.
  private static func frames(_ source: FeedSource, _ numbers: [Int]) -> [UInt8] {
    FeedSource.body([source.head()] + numbers.map { source.segments[$0 - 1] })
  }

  /// A body whose segment 5 is `other` in place of the source's.
  private static func replaced(_ source: FeedSource, by other: [UInt8]) -> [UInt8] {
    FeedSource.body([source.head(), source.segments[3], other, source.segments[5]])
  }

  static let all: [FeedFault] = [
    FeedFault("the next segment is dropped", .missing) { frames($0, [5, 6]) },
    FeedFault("a segment in the middle is dropped", .missing) { frames($0, [4, 6]) },
    FeedFault("two segments are swapped", .missing) { frames($0, [5, 4, 6]) },
    FeedFault("an applied segment comes again", .repeated) { frames($0, [3, 4]) },
    FeedFault("a new segment comes twice", .repeated) { frames($0, [4, 4, 5]) },
    FeedFault("the first segment comes again", .repeated) { frames($0, [1]) },
    FeedFault("a bit of a signature is wrong", .altered) { source in
      var segment = source.segments[4]
      segment[segment.count - 1] ^= 1
      return replaced(source, by: segment)
    },
    FeedFault("a bit of a status is wrong", .altered) { source in
      var segment = source.segments[4]
      segment[80] ^= 0x80
      return replaced(source, by: segment)
    },
    FeedFault("a segment is cut short", .altered) { source in
      replaced(source, by: Array(source.segments[4].dropLast(65)))
    },
    FeedFault("another key signed a segment", .altered) { source in
      let other = FeedSource(seed: 99)
      other.seal(6)
      return replaced(source, by: other.segments[4])
    },
    FeedFault("a segment follows another history", .forked) { source in
      // Two histories that part after segment 3 and disagree about 4.
      let other = FeedSource()
      other.seal(3)
      let parted = other.twin(seed: 77)
      parted.seal(3)
      return FeedSource.body([
        source.head(), source.segments[3], parted.segments[4], parted.segments[5],
      ])
    },
    FeedFault("the whole chain is another history", .forked) { source in
      let other = FeedSource().twin(seed: 77)
      other.seal(6)
      return FeedSource.body([other.head()] + other.segments[3...])
    },
    FeedFault("a segment is of another region", .foreignRegion) { source in
      let other = FeedSource(region: 330_000)
      other.seal(6)
      return replaced(source, by: other.segments[4])
    },
    FeedFault("the head is of another region", .foreignRegion) { source in
      let other = FeedSource(region: 330_000)
      other.seal(6)
      return FeedSource.body([other.head()] + source.segments[3...])
    },
    FeedFault("a bit of the head is wrong", .altered) { source in
      var head = source.head()
      head[60] ^= 1
      return FeedSource.body([head] + source.segments[3...])
    },
    FeedFault("the head is missing", .malformed) { source in
      FeedSource.body(Array(source.segments[3...]))
    },
    FeedFault("a segment stands in place of the head", .malformed) { source in
      FeedSource.body([source.segments[3], source.head()])
    },
    FeedFault("a head stands in place of a segment", .malformed) { source in
      FeedSource.body([source.head(), source.head()])
    },
    FeedFault("a manifest stands in place of a segment", .malformed) { source in
      FeedSource.body([source.head(), source.encoded(source.manifest(pageCount: 1))])
    },
    FeedFault("the body is empty", .malformed) { _ in [] },
    FeedFault("the body ends within a frame", .malformed) { Array($0.answer(after: 3).dropLast()) },
    FeedFault("there are bytes behind the last frame", .malformed) { $0.answer(after: 3) + [0] },
    FeedFault("a frame claims to be longer than any", .malformed) { source in
      source.answer(after: 3) + [0xFF, 0xFF, 0xFF, 0xFF]
    },
  ]
}

@Suite struct FollowerRefusalTests {
  /// A source of six segments and its followers, who have applied three.
  private func stage() throws -> (source: FeedSource, follower: Follower) {
    let source = FeedSource()
    source.seal(6)
    return (source, source.follower(at: source.decoded()[2].end))
  }

  @Test("P-22: what is wrong with a feed is named and changes nothing", arguments: FeedFault.all)
  func refused(fault: FeedFault) throws {
    var (source, follower) = try stage()
    #expect(follower.fault(fault.body(source)) == fault.fault)
    // The same question again, and the true answer is taken whole.
    #expect(follower.request == .segments(after: 3))
    #expect(
      try follower.take(source.answer(after: 3)) == source.decoded(after: 3).map { .apply($0) })
    #expect(follower.request == .segments(after: 6))
  }

  @Test("P-22: a head that tells another history of the applied end is a fork")
  func forkedHead() throws {
    let source = FeedSource()
    source.seal(3)
    let other = FeedSource().twin(seed: 77)
    other.seal(3)
    var follower = source.follower(at: source.position)
    #expect(follower.fault(FeedSource.body([other.head(later: 9)])) == .forked)
    #expect(follower.request == .segments(after: 3))
    #expect(try follower.take(source.answer(after: 3, later: 9)).count == 1)
  }

  @Test("P-22: no change of a single bit of an answer passes or moves the follower")
  func bits() throws {
    let (source, follower) = try stage()
    let good = source.answer(after: 3)
    var random = SplitMix(of: "feed bits")
    for _ in 0..<600 {
      var body = good
      let bit = random.below(body.count * 8)
      body[bit / 8] ^= 1 << UInt8(bit % 8)
      var tried = follower
      #expect(tried.fault(body) != nil, "bit \(bit)")
      #expect(tried.request == follower.request)
    }
  }

  @Test("P-22: a random road of drops, repeats, swaps and damage leads to the same state")
  func roads() throws {
    var random = SplitMix(of: "feed roads")
    let source = FeedSource()
    source.seal(40)
    let truth = source.decoded()
    var refused = 0
    for _ in 0..<20 {
      var follower = source.follower(at: .start(source.region))
      var applied: [Segment] = []
      while applied.count < truth.count {
        guard case .segments(let after) = follower.request else { preconditionFailure("no switch") }
        try #require(after == UInt64(applied.count), "a refused answer moved the follower")
        let last = min(truth.count, Int(after) + 1 + random.below(5))
        var frames = Array(source.segments[Int(after)..<last])
        if random.once(in: 2) { spoil(&frames, source, &random) }
        do {
          for case .apply(let segment) in try follower.take(
            FeedSource.body([source.head()] + frames))
          {
            applied.append(segment)
          }
        } catch is SegmentFault {
          refused += 1
        }
      }
      #expect(applied == truth)
    }
    #expect(refused > 20)
  }

  private func spoil(_ frames: inout [[UInt8]], _ source: FeedSource, _ random: inout SplitMix) {
    let place = random.below(frames.count)
    switch random.below(5) {
    case 0: frames.remove(at: place)
    case 1: frames.insert(frames[place], at: place)
    case 2: frames.swapAt(place, random.below(frames.count))
    case 3: frames[place][random.below(frames[place].count)] ^= 1 << UInt8(random.below(8))
    default: frames.insert(source.segments[random.below(source.segments.count)], at: place)
    }
  }

  @Test("a snapshot that does not fit is refused and asked for again")
  func snapshots() throws {
    let source = FeedSource()
    source.seal(3)
    let early = source.twin(seed: 5).batch(first: 0, count: 2)
    source.seal()
    var follower = source.follower(at: nil)
    let manifest = source.manifest(pageCount: 2)
    let foreign = FeedSource(region: 330_000)
    foreign.seal(4)
    var damaged = source.encoded(manifest)
    damaged[12] ^= 1
    for (body, fault): ([UInt8], SegmentFault) in [
      (foreign.encoded(foreign.manifest(pageCount: 2)), .foreignRegion), (damaged, .altered),
      ([], .malformed), (source.answer(after: 0), .malformed), (source.head(), .malformed),
      (FeedSource(seed: 9).encoded(manifest), .altered),
    ] {
      #expect(follower.fault(body) == fault)
      #expect(follower.request == .manifest)
    }
    _ = try follower.take(source.encoded(manifest))
    let wanted = FollowRequest.pages(generation: 1, first: 0, count: 2)
    var damagedBatch = source.encoded(source.batch(first: 0, count: 2))
    damagedBatch[4_000] ^= 1
    for (body, fault): ([UInt8], SegmentFault) in [
      (source.encoded(source.batch(generation: 2, first: 0, count: 2)), .malformed),
      (source.encoded(source.batch(first: 1, count: 2)), .malformed),
      (source.encoded(source.batch(first: 0, count: 1)), .malformed),
      (source.encoded(source.batch(first: 0, count: 3)), .malformed),
      (source.encoded(early), .repeated), (damagedBatch, .altered), ([], .altered),
      (source.encoded(manifest), .malformed),
      (foreign.encoded(foreign.batch(first: 0, count: 2)), .foreignRegion),
    ] {
      #expect(follower.fault(body) == fault)
      #expect(follower.request == wanted)
    }
    #expect(try follower.take(source.encoded(source.batch(first: 0, count: 2))).count == 2)
    #expect(follower.request == .segments(after: 4))
  }
}
