import Codes
import Feed
import RelayCore
import Testing

@Suite struct FollowerTests {
  @Test("an empty cache is filled with a snapshot, page batch by page batch, then follows")
  func snapshot() throws {
    let source = FeedSource()
    source.seal(5)
    let manifest = source.manifest(generation: 7, pageCount: 150)
    var follower = source.follower(at: nil)
    #expect(follower.request == .manifest)
    #expect(try follower.take(source.encoded(manifest)) == [.begin(manifest)])
    for (first, count): (UInt32, UInt32) in [(0, 64), (64, 64), (128, 22)] {
      #expect(follower.request == .pages(generation: 7, first: first, count: count))
      // Pages may be newer than the manifest: the chain repeats what is in them.
      source.seal()
      let batch = source.batch(generation: 7, first: first, count: count)
      var expected: [FollowAction] = [.store(batch)]
      if first == 128 { expected.append(.adopt(manifest)) }
      #expect(try follower.take(source.encoded(batch)) == expected)
    }
    #expect(follower.request == .segments(after: 5))
    let actions = try follower.take(source.answer(after: 5))
    #expect(actions == source.decoded(after: 5).map { .apply($0) })
    #expect(follower.request == .segments(after: 8))
  }

  @Test("a region without pages is adopted with its manifest")
  func noPages() throws {
    let source = FeedSource()
    let manifest = source.manifest(pageCount: 0)
    var follower = source.follower(at: nil)
    #expect(try follower.take(source.encoded(manifest)) == [.begin(manifest), .adopt(manifest)])
    #expect(follower.request == .segments(after: 0))
  }

  @Test("a follower goes on where its cache stands and applies each segment once, in order")
  func following() throws {
    let source = FeedSource()
    source.seal(10)
    var follower = source.follower(at: .start(source.region))
    var applied: [Segment] = []
    var asked = 0
    for batch in [3, 1, 6] {
      #expect(follower.request == .segments(after: UInt64(asked)))
      let body = FeedSource.body([source.head()] + source.segments[asked..<(asked + batch)])
      for case .apply(let segment) in try follower.take(body) { applied.append(segment) }
      asked += batch
    }
    #expect(applied == source.decoded())
    // Starting anew in the middle is the same as having followed from the start.
    let middle = applied[3].end
    var late = source.follower(at: middle)
    #expect(late.request == .segments(after: 4))
    #expect(
      try late.take(source.answer(after: 4)) == source.decoded(after: 4).map { .apply($0) })
    #expect(late.request == follower.request)
  }

  @Test("nothing newer: the head moves the time, not the position, and only forward")
  func beats() throws {
    let source = FeedSource()
    source.seal(2)
    var follower = source.follower(at: source.position)
    #expect(try follower.take(source.answer(after: 2)) == [])
    for later: UInt64 in [100, 250, 251] {
      let actions = try follower.take(source.answer(after: 2, later: later))
      var expected = source.position
      expected.asOf = Instant(milliseconds: source.position.asOf.milliseconds + later)
      #expect(actions == [.beat(expected)])
      #expect(follower.request == .segments(after: 2))
    }
    // A head that took longer on its road says nothing new.
    for later: UInt64 in [251, 100, 0] {
      #expect(try follower.take(source.answer(after: 2, later: later)) == [])
    }
    // A segment must not go back behind a time that was promised to be complete.
    source.seal()
    #expect(follower.fault(source.answer(after: 2)) == .malformed)
  }

  @Test("a head beyond or behind the follower says nothing by itself")
  func otherHeads() throws {
    let source = FeedSource()
    source.seal(2)
    let old = source.head(later: 10_000)
    let position = source.position
    source.seal()
    var follower = source.follower(at: position)
    #expect(try follower.take(FeedSource.body([source.head(later: 5_000)])) == [])
    #expect(follower.request == .segments(after: 2))
    _ = try follower.take(source.answer(after: 2))
    #expect(try follower.take(FeedSource.body([old])) == [])
    #expect(follower.request == .segments(after: 3))
  }

  @Test("a switch of generations is applied up to the switch, then comes as a snapshot")
  func switched() throws {
    let source = FeedSource()
    source.seal(2)
    source.switchGeneration(to: 2, pageCount: 3)
    source.seal(2)
    var follower = source.follower(at: .start(source.region))
    let actions = try follower.take(source.answer(after: 0))
    #expect(actions == source.decoded().prefix(2).map { .apply($0) })
    #expect(follower.request == .manifest)
    let manifest = source.manifest(generation: 2, pageCount: 3)
    #expect(try follower.take(source.encoded(manifest)) == [.begin(manifest)])
    let batch = source.batch(generation: 2, first: 0, count: 3)
    #expect(try follower.take(source.encoded(batch)) == [.store(batch), .adopt(manifest)])
    #expect(follower.request == .segments(after: 5))
  }

  @Test("a follower is level once it has all that the head shows, and not before")
  func level() throws {
    let source = FeedSource()
    source.seal(3)
    var follower = source.follower(at: .start(source.region))
    #expect(!follower.isLevel)
    _ = try follower.take(FeedSource.body([source.head()] + source.segments[0..<2]))
    #expect(!follower.isLevel, "one segment is missing")
    _ = try follower.take(source.answer(after: 2))
    #expect(follower.isLevel)
    // Nothing newer is level, too; what cannot be believed is not.
    _ = try follower.take(source.answer(after: 3, later: 100))
    #expect(follower.isLevel)
    #expect(follower.fault([1, 2, 3]) != nil)
    #expect(!follower.isLevel)
    var other = source.follower(at: source.position)
    source.switchGeneration(to: 2, pageCount: 0)
    _ = try other.take(source.answer(after: 3))
    #expect(!other.isLevel, "the new generation is not here yet")
  }

  @Test("starting over asks for a snapshot, from any state")
  func restart() throws {
    let source = FeedSource()
    source.seal(2)
    var follower = source.follower(at: source.position)
    follower.restart()
    #expect(follower.request == .manifest)
    _ = try follower.take(source.encoded(source.manifest(pageCount: 100)))
    #expect(follower.request == .pages(generation: 1, first: 0, count: 64))
    follower.restart()
    #expect(follower.request == .manifest)
  }

  @Test("requests are paths of the issuer's feed")
  func paths() {
    #expect(FollowRequest.manifest.path == "/v1/feed/snapshot")
    #expect(
      FollowRequest.pages(generation: 7, first: 64, count: 22).path
        == "/v1/feed/pages?generation=7&first=64&count=22")
    #expect(
      FollowRequest.segments(after: 9).path == "/v1/feed/segments?after=9&wait_seconds=15")
  }
}
