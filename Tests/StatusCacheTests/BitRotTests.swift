import Codes
import Feed
import Foundation
import Security
import StatusCache
import Storage
import Support
import Testing

@Suite struct BitRotTests {
  /// The thousand that the promise names take minutes: `make torture` does them.
  private static let isTorture = ProcessInfo.processInfo.environment["CITYCODE_TORTURE"] != nil
  private static let rounds = isTorture ? 1_000 : 60

  /// What became of a cache in which one bit was flipped.
  private enum Fate: String {
    /// It was refused with a reason.
    case refused
    /// It was found and made anew.
    case anew
    /// It did no harm.
    case harmless
  }

  @Test("P-05: one flipped bit in copies of a cache is found, or does no harm")
  func flippedBits() throws {
    var random = SplitMix(of: "P-05 of the status cache")
    var log = SampleLog()
    var segments: [Segment] = []
    let original = try TemporaryDirectory(quick: true)
    do {
      let writer = try Sample.writer(original)
      for number in 0..<40 {
        let status = Sample.status([.green, .yellow, .red][number % 3], revision: UInt16(number))
        let changes = (0..<30).map { _ in (UInt64(random.below(20_000) + 1), status) }
        segments.append(log.seal(changes))
        try writer.apply(segments[number])
      }
      // Frees many pages, whose list can be hit, too.
      var builder = try GenerationBuilder(writer, version: 1)
      for _ in 0..<20_000 { try builder.append(Sample.status()) }
      _ = try builder.finish()
      try writer.removeGenerations { _ in true }
    }
    // Changes that come after the bit was flipped.
    var later = log
    for number in 0..<6 {
      segments.append(
        later.seal((0..<30).map { (UInt64($0 * 600 + number + 1), Sample.status(revision: 99)) }))
    }
    let wanted = SampleLog.digest(of: later.statuses)
    let whole = try Data(contentsOf: URL(fileURLWithPath: "\(original.path)/data.mdb"))
    var fates: [String: Int] = [:]
    for round in 0..<Self.rounds {
      var bytes = whole
      let bit = random.below(bytes.count * 8)
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      let place = try TemporaryDirectory(quick: true)
      try bytes.write(to: URL(fileURLWithPath: "\(place.path)/data.mdb"))
      let fate: Fate
      do {
        fate = try live(in: place, segments, wanted)
      } catch {
        Issue.record("bit \(bit) in round \(round): \(error)")
        return
      }
      fates[fate.rawValue, default: 0] += 1
    }
    print("P-05: of \(Self.rounds) flipped bits in a cache of \(whole.count) bytes: \(fates)")
    #expect(fates.values.reduce(0, +) == Self.rounds)
    #expect(fates["anew"] ?? 0 > Self.rounds / 10)
  }

  /// Opens the cache as a service does, and goes on with the log from where it says it is.
  private func live(
    in place: TemporaryDirectory, _ segments: [Segment], _ wanted: Digest
  ) throws -> Fate {
    let writer: CacheWriter
    do { writer = try Sample.writer(place) } catch is StorageError {
      return .refused
    } catch is CacheError {
      return .refused
    }
    for segment in segments.dropFirst(Int(writer.state.chain.segment)) {
      try writer.apply(segment)
    }
    guard try writer.digest() == wanted, writer.state.chain == segments.last?.end,
      try writer.scrub(first: 0, count: .max).isEmpty
    else { throw WrongStatuses() }
    return writer.damage == nil ? .harmless : .anew
  }

  private struct WrongStatuses: Error {}

  @Test("a damaged cache that a reader has open is not made anew under it, but refused")
  func inUse() throws {
    let place = try TemporaryDirectory(quick: true)
    var log = SampleLog()
    do {
      let writer = try Sample.writer(place)
      for number in UInt64(1)...20 { try writer.apply(log.seal([(number * 600, Sample.status())])) }
    }
    let reader = try Probe([
      Probe.path("StatusCacheProbe"), "hold", place.path, "readOnly", "view",
    ])
    #expect(reader.line() == "open")
    let path = URL(fileURLWithPath: "\(place.path)/data.mdb")
    let file = try FileHandle(forUpdating: path)
    // The roots of both root pages.
    for page in [0, 1] {
      try file.seek(toOffset: UInt64(page * 4_096 + 128))
      try file.write(contentsOf: Data([1]))
    }
    try file.close()
    let error = #expect(throws: StorageError.self) { try Sample.writer(place) }
    #expect(error?.code == .corrupted && error?.description.contains("stop the services") == true)
    reader.finish()
    let anew = try Sample.writer(place)
    #expect(anew.damage != nil && anew.state == .empty(Sample.region))
    #expect(FileManager.default.fileExists(atPath: "\(place.path)/data.mdb.damaged"))
  }
}
