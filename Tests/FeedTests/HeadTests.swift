import Codes
import Feed
import Security
import Testing

@Suite struct HeadTests {
  private func head(
    of sample: Sample, at position: ChainPosition, asOf: UInt64
  ) throws(SegmentFault) -> Head {
    var encoded: [UInt8] = []
    Head(region: sample.region, position: position, asOf: Instant(milliseconds: asOf))
      .encode(signedBy: sample.key, into: &encoded)
    return try Head.check(encoded.span, region: sample.region, key: sample.key.verifyingKey)
  }

  private func fault(_ body: () throws(SegmentFault) -> Void) -> SegmentFault? {
    do {
      try body()
      return nil
    } catch {
      return error
    }
  }

  @Test("tells a follower at the end that it is up to date")
  func advances() throws {
    var sample = Sample()
    let (segment, _) = sample.seal(1, after: .start(sample.region), asOf: 100)
    let advanced = try head(of: sample, at: segment.end, asOf: 900).advance(segment.end)
    #expect(advanced.asOf.milliseconds == 900)
    #expect(advanced.segment == 1)
    #expect(advanced.digest == segment.digest)
  }

  @Test("P-22: names what is wrong with where the follower stands")
  func names() throws {
    var sample = Sample()
    let start = ChainPosition.start(sample.region)
    let (first, _) = sample.seal(1, after: start, asOf: 100)
    let (other, _) = sample.seal(1, after: start, asOf: 100)
    let atFirst = try head(of: sample, at: first.end, asOf: 200)
    let atStart = try head(of: sample, at: start, asOf: 50)
    #expect(fault { () throws(SegmentFault) in _ = try atFirst.advance(start) } == .missing)
    #expect(fault { () throws(SegmentFault) in _ = try atStart.advance(first.end) } == .repeated)
    #expect(fault { () throws(SegmentFault) in _ = try atFirst.advance(other.end) } == .forked)
    let advanced = try atFirst.advance(first.end)
    #expect(fault { () throws(SegmentFault) in _ = try atFirst.advance(advanced) } == .repeated)
  }

  @Test("every single-bit flip is refused as altered, other lengths as malformed")
  func bitFlips() {
    let sample = Sample()
    let key = sample.key.verifyingKey
    var encoded: [UInt8] = []
    Head(region: sample.region, position: .start(sample.region), asOf: Instant(milliseconds: 3))
      .encode(signedBy: sample.key, into: &encoded)
    #expect(encoded.count == Head.byteCount)
    func check(_ bytes: [UInt8]) -> SegmentFault? {
      fault { () throws(SegmentFault) in
        _ = try Head.check(bytes.span, region: sample.region, key: key)
      }
    }
    #expect(check(encoded) == nil)
    for bit in 0..<encoded.count * 8 {
      var flipped = encoded
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(check(flipped) == .altered)
    }
    #expect(check(encoded + [0]) == .malformed)
    #expect(check(encoded.dropLast()) == .malformed)
    #expect(check([]) == .malformed)
  }

  @Test("a signature over one form never passes for another")
  func formsDiffer() {
    var sample = Sample()
    let key = sample.key.verifyingKey
    let start = ChainPosition.start(sample.region)
    var manifest: [UInt8] = []
    SnapshotManifest(
      region: sample.region, generation: 1, pageCount: 1, position: start,
      asOf: Instant(milliseconds: 1)
    ).encode(signedBy: sample.key, into: &manifest)
    let (_, segment) = sample.seal(1, after: start, asOf: 1)
    #expect(sample.fault(manifest, after: start) == .malformed)
    #expect(
      fault { () throws(SegmentFault) in
        _ = try PageBatch.check(segment.span, region: sample.region, key: key)
      } == .malformed)
  }
}

@Suite struct SnapshotTests {
  private func batch(of sample: Sample, pageCount: Int) -> PageBatch {
    var random = SplitMix(seed: 4_080)
    return PageBatch(
      region: sample.region, generation: 3, firstPage: 1_000,
      pages: random.bytes(pageCount * PageBatch.pageByteCount), position: .start(sample.region))
  }

  private func check(_ bytes: [UInt8], of sample: Sample) -> Result<PageBatch, SegmentFault> {
    do {
      return .success(
        try PageBatch.check(bytes.span, region: sample.region, key: sample.key.verifyingKey))
    } catch {
      return .failure(error)
    }
  }

  @Test("pages arrive as they were sent", arguments: [1, 3, 1_000])
  func pages(count: Int) throws {
    let sample = Sample()
    let batch = batch(of: sample, pageCount: count)
    var encoded: [UInt8] = []
    batch.encode(signedBy: sample.key, into: &encoded)
    #expect(encoded.count <= PageBatch.byteCountMax)
    let received = try check(encoded, of: sample).get()
    #expect(received == batch)
    #expect(received.pageCount == count)
    #expect(received.range(ofPage: count - 1).upperBound == received.pages.count)
  }

  @Test("altered, foreign, empty and oversized batches are refused by name")
  func refused() throws {
    let sample = Sample()
    var encoded: [UInt8] = []
    batch(of: sample, pageCount: 1).encode(signedBy: sample.key, into: &encoded)
    var random = SplitMix(seed: 8)
    for _ in 0..<500 {
      var flipped = encoded
      flipped[Int(random.next() % UInt64(encoded.count))] ^= 1 << UInt8(random.next() % 8)
      #expect(check(flipped, of: sample) == .failure(.altered))
    }
    func resigned(_ change: (inout [UInt8]) -> Void) -> SegmentFault? {
      var body = Array(encoded.dropLast(64))
      change(&body)
      body += sample.key.sign(body.span)
      guard case .failure(let fault) = check(body, of: sample) else { return nil }
      return fault
    }
    #expect(resigned { _ in } == nil)
    #expect(resigned { $0.replaceSubrange(16..<20, with: [0, 0, 0, 0]) } == .malformed)
    #expect(resigned { $0.replaceSubrange(16..<20, with: [0, 0, 0, 2]) } == .malformed)
    #expect(resigned { $0.replaceSubrange(16..<20, with: [255, 255, 255, 255]) } == .malformed)
    #expect(resigned { $0.replaceSubrange(12..<16, with: [255, 255, 255, 255]) } == .malformed)
    #expect(resigned { $0.append(0) } == .malformed)
    #expect(resigned { $0.replaceSubrange(4..<8, with: [0, 4, 0xE2, 0]) } == .foreignRegion)
    #expect(
      check([UInt8](repeating: 0, count: PageBatch.byteCountMax + 1), of: sample)
        == .failure(.malformed))
  }

  @Test("a manifest arrives as it was sent, and every single-bit flip is refused")
  func manifest() throws {
    let sample = Sample()
    let key = sample.key.verifyingKey
    let manifest = SnapshotManifest(
      region: sample.region, generation: 9, pageCount: 66_930, position: .start(sample.region),
      asOf: Instant(milliseconds: 5))
    var encoded: [UInt8] = []
    manifest.encode(signedBy: sample.key, into: &encoded)
    #expect(encoded.count == SnapshotManifest.byteCount)
    let received = try SnapshotManifest.check(encoded.span, region: sample.region, key: key)
    #expect(received == manifest)
    for bit in 0..<encoded.count * 8 {
      var flipped = encoded
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: SegmentFault.altered) {
        try SnapshotManifest.check(flipped.span, region: sample.region, key: key)
      }
    }
  }

  @Test("frames split into what was framed, and cut bodies do not split")
  func framing() {
    var sample = Sample()
    var body: [UInt8] = []
    let chain = sample.chain(5)
    for encoded in chain { Framing.append(encoded.span, to: &body) }
    let frames = Framing.split(body.span)
    #expect(frames?.map { Array(body[$0]) } == chain)
    let ends = Set([0] + (frames ?? []).map(\.upperBound))
    for count in 0...body.count {
      let split = Framing.split(body.span.extracting(0..<count))
      #expect((split != nil) == ends.contains(count), "\(count)")
    }
    let empty = Framing.split(([0, 0, 0, 0] as [UInt8]).span)
    #expect(empty == nil)
  }
}
