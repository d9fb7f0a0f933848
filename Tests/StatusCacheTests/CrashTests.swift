import Codes
import Feed
import Foundation
import StatusCache
import Storage
import Support
import Testing

@Suite struct CrashTests {
  private static let killCount = 200
  private static let segmentCount = 4_000

  @Test("P-21: an applier killed 200 times leaves, each time, exactly the state its position says")
  func killedApplier() throws {
    let directory = try TemporaryDirectory()
    let probe = Probe.path("StatusCacheProbe")
    var random = SplitMix(of: "P-21")
    var log = SampleLog()
    var bytes: [UInt8] = []
    var segments: [Segment] = []
    for number in 0..<Self.segmentCount {
      segments.append(
        log.seal(
          (0..<3).map { _ in
            (UInt64(random.below(2_500) + 1), Sample.status(revision: UInt16(number)))
          }, into: &bytes))
    }
    let body = Self.framed(segments)
    let file = "\(directory.path)/segments"
    try Data(body).write(to: URL(fileURLWithPath: file))

    var cache = Reference()
    var place = "\(directory.path)/cache-0"
    var killsInside = 0
    for kill in 0..<Self.killCount {
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      let applier = try Probe([probe, "follow", place, file])
      #expect(applier.line() == "from \(cache.segment)")
      usleep(UInt32(random.below(60_000)))
      applier.kill()
      if applier.rest().isEmpty { killsInside += 1 }
      try check(place, &cache, segments)
      if cache.segment == Self.segmentCount {
        cache = Reference()
        place = "\(directory.path)/cache-\(kill + 1)"
      }
    }
    // Most kills hit an applier at work, or the test would prove little.
    #expect(killsInside > Self.killCount / 2)
  }

  /// What the cache must hold.
  private struct Reference {
    var segment = 0
    var statuses: [UInt64: Status] = [:]
  }

  private func check(
    _ directory: String, _ reference: inout Reference, _ segments: [Segment]
  ) throws {
    let writer = try CacheWriter(
      directory: directory, region: Sample.region, mapSizeBytes: 256 << 20)
    let state = writer.state
    let reached = Int(state.chain.segment)
    #expect(reached >= reference.segment)
    for segment in segments[reference.segment..<reached] {
      guard case .changes(let changes) = segment.kind else { continue }
      for change in changes { reference.statuses[change.serial.value] = change.status }
    }
    reference.segment = reached
    if reached > 0 {
      #expect(state.chain == segments[reached - 1].end)
      #expect(state.appliedPosition == segments[reached - 1].lastPosition)
    }
    #expect(try writer.digest() == SampleLog.digest(of: reference.statuses))
    #expect(try writer.scrub(first: 0, count: .max) == [])
  }

  private static func framed(_ segments: [Segment]) -> [UInt8] {
    var body: [UInt8] = []
    for segment in segments {
      var bytes: [UInt8] = []
      segment.encode(into: &bytes)
      Framing.append(bytes.span, to: &body)
    }
    return body
  }
}
