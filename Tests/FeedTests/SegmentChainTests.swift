import Codes
import Feed
import Security
import Testing

/// The stream of segments as a hostile or broken road may deliver it. After every refusal the
/// follower's state is what it was, and the true next segment is still taken.
@Suite struct SegmentChainTests {
  private func follow(_ stream: [[UInt8]], of sample: Sample) -> Follower {
    var follower = Follower(of: sample)
    for encoded in stream { follower.receive(encoded) }
    return follower
  }

  @Test("P-22: an unbroken chain is applied whole and in order")
  func unbroken() {
    var sample = Sample()
    let chain = sample.chain(20)
    let follower = follow(chain, of: sample)
    #expect(follower.faults.isEmpty)
    #expect(follower.position.segment == 20)
    #expect(follower.position.position == 30)
    #expect(follower.applied.count == 30)
    #expect(follower.position.asOf.milliseconds == 1_900)
  }

  @Test("P-22: a gap is refused as missing until it is filled")
  func gap() {
    var sample = Sample()
    let chain = sample.chain(6)
    for dropped in 0..<5 {
      var stream = chain
      stream.remove(at: dropped)
      let broken = follow(stream, of: sample)
      #expect(broken.faults == Array(repeating: .missing, count: 5 - dropped))
      #expect(broken.position == follow(Array(chain[..<dropped]), of: sample).position)
      let healed = follow(stream + chain[dropped...], of: sample)
      #expect(healed.position == follow(chain, of: sample).position)
    }
  }

  @Test("P-22: a duplicate is refused as repeated and counts once")
  func duplicate() {
    var sample = Sample()
    let chain = sample.chain(6)
    let whole = follow(chain, of: sample)
    for doubled in 0..<6 {
      var stream = chain
      stream.insert(chain[doubled], at: 6)
      stream.insert(chain[doubled], at: doubled)
      let follower = follow(stream, of: sample)
      #expect(follower.faults == [.repeated, .repeated])
      #expect(follower.position == whole.position)
      #expect(follower.applied == whole.applied)
    }
  }

  @Test("P-22: two swapped segments are refused, the later as missing")
  func reorder() {
    var sample = Sample()
    let chain = sample.chain(6)
    for swapped in 0..<5 {
      var stream = chain
      stream.swapAt(swapped, swapped + 1)
      let follower = follow(stream, of: sample)
      #expect(follower.faults.first == .missing)
      #expect(follower.position == follow(Array(chain[...swapped]), of: sample).position)
    }
  }

  @Test("P-22: a second history signed by the same key is refused as forked")
  func fork() {
    var sample = Sample()
    let chain = sample.chain(4)
    let before = follow(Array(chain[..<3]), of: sample)
    let (other, otherEncoded) = sample.seal(2, after: before.position, asOf: 350)
    #expect(other.number == 4)
    let (_, next) = sample.seal(1, after: other.end, asOf: 450)
    let follower = follow(chain + [otherEncoded, next], of: sample)
    #expect(follower.faults == [.repeated, .forked])
    #expect(follower.position == follow(chain, of: sample).position)
  }

  @Test("P-22: the beginning of another region's chain is no beginning here")
  func forkAtStart() {
    var sample = Sample()
    guard let foreign = Region(320_000) else { return }
    let (_, encoded) = sample.seal(1, after: .start(foreign), asOf: 1)
    #expect(sample.fault(encoded, after: .start(sample.region)) == .forked)
  }

  @Test("P-22: every single-bit flip of an encoded segment is refused as altered")
  func bitFlips() {
    var sample = Sample()
    let start = ChainPosition.start(sample.region)
    let (_, encoded) = sample.seal(2, after: start, asOf: 1)
    #expect(sample.fault(encoded, after: start) == nil)
    for bit in 0..<encoded.count * 8 {
      var flipped = encoded
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(sample.fault(flipped, after: start) == .altered, "bit \(bit)")
    }
  }

  @Test("P-22: every shortened or lengthened segment is refused as altered")
  func lengths() {
    var sample = Sample()
    let start = ChainPosition.start(sample.region)
    let (_, encoded) = sample.seal(2, after: start, asOf: 1)
    for count in 0..<encoded.count {
      #expect(sample.fault(Array(encoded[..<count]), after: start) == .altered)
    }
    #expect(sample.fault(encoded + [0], after: start) == .altered)
    #expect(
      sample.fault([UInt8](repeating: 0, count: Segment.byteCountMax + 1), after: start)
        == .malformed)
  }

  @Test("P-22: a segment signed by another key is refused as altered")
  func otherKey() {
    var sample = Sample()
    var impostor = Sample(seed: 2)
    let start = ChainPosition.start(sample.region)
    let (_, encoded) = impostor.seal(1, after: start, asOf: 1)
    #expect(sample.fault(encoded, after: start) == .altered)
    let (_, own) = sample.seal(1, after: start, asOf: 1)
    #expect(sample.fault(own, after: start) == nil)
  }

  @Test("P-22: a segment that the key signed for another region is refused as foreign")
  func foreignRegion() throws {
    var sample = Sample()
    let foreign = try #require(Region(320_000))
    let start = ChainPosition.start(foreign)
    var encoded: [UInt8] = []
    _ = Segment.seal(
      .changes(sample.changes(1)), region: foreign, after: start,
      asOf: Instant(milliseconds: 1), signedBy: sample.key, into: &encoded)
    #expect(sample.fault(encoded, after: start) == .foreignRegion)
  }

  @Test("P-22: a signed segment that skips positions or goes back in time is malformed")
  func signedNonsense() {
    var sample = Sample()
    let (first, _) = sample.seal(1, after: .start(sample.region), asOf: 500)
    var skipped = first.end
    skipped.position += 1
    let (_, gap) = sample.seal(1, after: skipped, asOf: 600)
    #expect(sample.fault(gap, after: first.end) == .malformed)
    var younger = first.end
    younger.asOf = Instant(milliseconds: 100)
    let (_, back) = sample.seal(1, after: younger, asOf: 499)
    #expect(sample.fault(back, after: first.end) == .malformed)
  }

  @Test("a sealer whose clock was set back keeps the as-of time it has told")
  func clockSetBack() {
    var sample = Sample()
    let (first, _) = sample.seal(1, after: .start(sample.region), asOf: 500)
    let (second, encoded) = sample.seal(1, after: first.end, asOf: 499)
    #expect(second.asOf == first.asOf)
    #expect(sample.fault(encoded, after: first.end) == nil)
  }
}
