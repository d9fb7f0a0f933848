import Codes
import Feed
import Security
import StatusCache
import Support

/// The values the tests of the status cache are made of.
enum Sample {
  static let region = Region(310_000)!
  static let mapSizeBytes = 64 << 20

  static func status(_ colour: Colour = .green, revision: UInt16 = 0) -> Status {
    Status(
      colour: colour, kind: .resident, validUntil: CityTime(minutes: 5_000_000),
      revision: revision)
  }

  static func serial(_ value: UInt64) -> Serial { Serial(unchecked: value) }

  static func instant(_ milliseconds: UInt64) -> Instant { Instant(milliseconds: milliseconds) }

  static func writer(
    _ directory: TemporaryDirectory, mapSizeBytes: Int = mapSizeBytes
  ) throws -> CacheWriter {
    try CacheWriter(directory: directory.path, region: region, mapSizeBytes: mapSizeBytes)
  }

  static func reader(_ writer: CacheWriter) throws -> CacheReader {
    try CacheReader(SharedCache(writer), region: region)
  }
}

/// A region's log under construction: makes segments, and knows what every one leads to.
struct SampleLog {
  static let key = try! SigningKey.generate()

  private(set) var chain = ChainPosition.start(Sample.region)
  private(set) var statuses: [UInt64: Status] = [:]

  /// Seals `changes`; `asOf` is the segment's number in seconds.
  mutating func seal(_ changes: [(UInt64, Status)]) -> Segment {
    var bytes: [UInt8] = []
    return seal(changes, into: &bytes)
  }

  /// Seals `changes` and appends the encoded segment to `bytes`.
  mutating func seal(_ changes: [(UInt64, Status)], into bytes: inout [UInt8]) -> Segment {
    let made = changes.map { serial, status in
      Change(
        serial: Sample.serial(serial), status: status, time: CityTime(seconds: 0),
        actor: "tester", authority: "tests", ticket: "1")!
    }
    let segment = Segment.seal(
      .changes(made), region: Sample.region, after: chain,
      asOf: Sample.instant((chain.segment + 1) * 1_000), signedBy: Self.key, into: &bytes)
    chain = segment.end
    for (serial, status) in changes { statuses[serial] = status }
    return segment
  }

  /// Appends `count` framed segments of three changes each to `body`.
  static func write(_ count: Int, into body: inout [UInt8]) {
    var log = SampleLog()
    for _ in 0..<count {
      var bytes: [UInt8] = []
      _ = log.seal((1...3).map { ($0, Sample.status()) }, into: &bytes)
      Framing.append(bytes.span, to: &body)
    }
  }

  /// The digest a cache with these statuses must have.
  static func digest(of statuses: [UInt64: Status]) -> Digest {
    var hasher = SHA256Hasher()
    let pageCount = statuses.isEmpty ? 0 : (statuses.keys.max() ?? 0) / 508 + 1
    for page in 0..<pageCount {
      var bytes: [UInt8] = []
      for serial in page * 508..<(page + 1) * 508 {
        let bits = statuses[serial]?.bits ?? 0
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
          bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
        }
      }
      hasher.update(bytes.span)
    }
    return hasher.finalize()
  }
}
