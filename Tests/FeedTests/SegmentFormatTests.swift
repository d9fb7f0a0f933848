import Codes
import Feed
import Security
import Testing

@Suite struct SegmentFormatTests {
  @Test("what is sealed decodes to the same segment and encodes to the same bytes")
  func roundTrips() {
    var sample = Sample()
    var position = ChainPosition.start(sample.region)
    let switching = Segment.Kind.switchGeneration(
      generation: 7, digest: ChainPosition.start(sample.region).digest, pageCount: 66_930)
    let kinds: [Segment.Kind] = [
      .changes([]), .changes(sample.changes(1)), switching, .changes(sample.changes(5_000)),
    ]
    for kind in kinds {
      let (segment, encoded) = sample.seal(kind, after: position, asOf: 9)
      #expect(encoded.count <= Segment.byteCountMax)
      let decoded = Segment.decode(encoded.span)
      #expect(decoded == segment)
      var again: [UInt8] = []
      segment.encode(into: &again)
      #expect(again == encoded)
      #expect(segment.digest == SHA256.hash(encoded.span))
      position = segment.end
    }
    #expect(position.position == 5_002)
    #expect(position.segment == 4)
  }

  @Test("the largest changes there can be fit the largest segment")
  func largest() throws {
    let text = String(repeating: "界", count: 21) + "x"
    let change = Change(
      serial: .max, status: Status(bits: 0x00FF_FFFF_FFFF_FF13), time: CityTime(seconds: .max),
      actor: text, authority: text, ticket: text)
    let changes = Array(repeating: try #require(change), count: Segment.changeCountMax)
    let sample = Sample()
    let start = ChainPosition.start(sample.region)
    let (_, encoded) = sample.seal(.changes(changes), after: start, asOf: 1)
    #expect(encoded.count <= Segment.byteCountMax)
    #expect(sample.fault(encoded, after: start) == nil)
  }

  @Test("an empty segment and a switch take the positions that the format says")
  func positions() {
    let sample = Sample()
    let start = ChainPosition.start(sample.region)
    let (empty, _) = sample.seal(.changes([]), after: start, asOf: 1)
    #expect(empty.firstPosition == 1)
    #expect(empty.lastPosition == 0)
    let (switched, _) = sample.seal(
      .switchGeneration(generation: 1, digest: start.digest, pageCount: 1), after: empty.end,
      asOf: 2)
    #expect(switched.firstPosition == 1)
    #expect(switched.lastPosition == 1)
  }

  @Test("a change refuses texts that are long or hold control characters, and odd statuses")
  func changeBounds() {
    func change(_ actor: String, bits: UInt64 = 1) -> Change? {
      Change(
        serial: Serial(unchecked: 1), status: Status(bits: bits), time: CityTime(seconds: 1),
        actor: actor, authority: "", ticket: "")
    }
    #expect(change(String(repeating: "a", count: 64)) != nil)
    #expect(change(String(repeating: "a", count: 65)) == nil)
    #expect(change(String(repeating: "界", count: 22)) == nil)
    #expect(change("a\nb") == nil)
    #expect(change("a\u{7F}") == nil)
    #expect(change("a", bits: 1 << 60) == nil)
    #expect(change("a", bits: 0) != nil)
  }

  @Test("P-27: signed segments with impossible content are malformed and change nothing")
  func poison() {
    var sample = Sample()
    let start = ChainPosition.start(sample.region)
    let (_, encoded) = sample.seal(1, after: start, asOf: 1)
    let body = Array(encoded[..<(encoded.count - 64)])
    func fault(_ change: (inout [UInt8]) -> Void) -> SegmentFault? {
      var poisoned = body
      change(&poisoned)
      poisoned += sample.key.sign(poisoned.span)
      return sample.fault(poisoned, after: start)
    }
    #expect(fault { _ in } == nil)
    #expect(fault { $0[3] = 2 } == .malformed, "unknown version")
    #expect(fault { $0.replaceSubrange(4..<8, with: [0, 0, 0, 1]) } == .malformed, "region")
    #expect(fault { $0[15] = 0 } == .malformed, "number 0")
    #expect(fault { $0[31] = 2 } == .malformed, "positions and count differ")
    #expect(fault { $0[72] = 9 } == .malformed, "unknown kind")
    #expect(fault { $0[76] = 2 } == .malformed, "count and content differ")
    #expect(
      fault { $0.replaceSubrange(73..<77, with: [255, 255, 255, 255]) } == .malformed, "count")
    #expect(fault { $0.replaceSubrange(77..<82, with: [0, 0, 0, 0, 0]) } == .malformed, "serial 0")
    #expect(fault { $0[82] = 1 } == .malformed, "spare bits of a status")
    #expect(fault { $0[94] = 65 } == .malformed, "long text")
    #expect(fault { $0[95] = 0xFF } == .malformed, "invalid UTF-8")
    #expect(fault { $0[95] = 0x1B } == .malformed, "control character")
    #expect(fault { $0.append(0) } == .malformed, "trailing byte")
    #expect(fault { $0.removeLast() } == .malformed, "missing byte")
    #expect(fault { $0.removeAll() } == .altered, "nothing but a signature")
    #expect(
      fault { $0.replaceSubrange(16..<32, with: Array(repeating: 255, count: 16)) }
        == .malformed, "positions that cannot be added to")
  }

  @Test("decoders meet random and mutated bytes without a trap")
  func fuzz() {
    var sample = Sample()
    var random = SplitMix(seed: 27)
    let start = ChainPosition.start(sample.region)
    let (_, encoded) = sample.seal(3, after: start, asOf: 1)
    for round in 0..<30_000 {
      var bytes = round % 2 == 0 ? random.bytes(Int(random.next() % 400)) : encoded
      if round % 2 == 1 {
        for _ in 0...(random.next() % 4) {
          bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
        }
        if random.next() % 3 == 0 { bytes.removeLast(Int(random.next() % UInt64(bytes.count))) }
      }
      if let decoded = Segment.decode(bytes.span) {
        var again: [UInt8] = []
        decoded.encode(into: &again)
        #expect(again == bytes, "whatever decodes has one encoding")
      }
      if let frames = Framing.split(bytes.span) {
        #expect(frames.reduce(0) { $0 + $1.count + 4 } == bytes.count)
      }
    }
  }

  @Test("chain positions keep their 56 bytes")
  func chainPosition() {
    var sample = Sample()
    let (segment, _) = sample.seal(3, after: .start(sample.region), asOf: 77)
    var encoded: [UInt8] = []
    segment.end.encode(into: &encoded)
    #expect(encoded.count == ChainPosition.byteCount)
    let decoded = ChainPosition(encoded.span)
    #expect(decoded == segment.end)
    let short = ChainPosition(encoded.span.extracting(0..<55))
    #expect(short == nil)
  }
}
