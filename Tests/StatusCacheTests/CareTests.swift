import Codes
import Feed
import Foundation
import StatusCache
import Storage
import Support
import Testing

/// What the writer does about readers that died or hang. Its seconds are told, not waited for.
@Suite struct CareTests {
  private let directory: TemporaryDirectory
  private let writer: CacheWriter
  private let probe = Probe.path("StatusCacheProbe")
  private let start = SuspendingClock.now

  init() throws {
    directory = try TemporaryDirectory(quick: true)
    writer = try Sample.writer(directory)
  }

  private func reader() throws -> Probe {
    let reader = try Probe([probe, "hold", directory.path, "readOnly", "view"])
    #expect(reader.line() == "open")
    return reader
  }

  /// Feeds the cache of 400 pages: a tenth of them change in each of `count` segments.
  private func ingest(_ log: inout SampleLog, _ count: Int) throws {
    for _ in 0..<count {
      let number = log.chain.segment
      let status = Sample.status(revision: UInt16(truncatingIfNeeded: number))
      try writer.apply(log.seal((0..<40).map { (($0 * 10 + number % 10) * 508 + 1, status) }))
    }
  }

  private func fileBytes() throws -> Int { try writer.mapUsage().fileBytes }

  @Test("P-11: fifty readers killed in their views while the feed comes in: the file stays small")
  func killedReaders() throws {
    var log = SampleLog()
    var care = CacheCare()
    try ingest(&log, 30)
    let steady = try fileBytes()
    var readers: [Probe] = []
    for round in 0..<30 {
      if round < 10 { readers += try (0..<5).map { _ in try reader() } }
      try ingest(&log, 1)
      for reader in readers { reader.kill() }
      readers.removeAll()
      // One second a round.
      #expect(try care.tick(writer, at: start + .seconds(round)).alarms.isEmpty)
    }
    let after = try fileBytes()
    print("P-11: \(steady) bytes before 50 kills, \(after) after")
    #expect(after * 10 <= steady * 13)
    #expect(try writer.readers.look().isEmpty)
  }

  @Test("P-12: a reader halted in its view is killed within ten seconds, with an alarm")
  func hungReader() throws {
    var log = SampleLog()
    var care = CacheCare()
    try ingest(&log, 30)
    let steady = try fileBytes()
    let hung = try reader()
    hung.signal(SIGSTOP)
    let other = try Probe([probe, "hold", directory.path, "readOnly"])
    #expect(other.line() == "open")
    var killedAt: Int?
    for second in 0..<30 {
      try ingest(&log, 1)
      let findings = try care.tick(writer, at: start + .seconds(second))
      #expect(findings.complaint == nil)
      guard let alarm = findings.alarms.first else { continue }
      #expect(killedAt == nil, "one alarm for one reader")
      killedAt = second
      #expect(alarm.contains("process \(hung.processID)") && alarm.contains("was killed"))
    }
    #expect(try #require(killedAt) <= 10)
    #expect(hung.finish() == SIGKILL)
    let after = try fileBytes()
    print("P-12: \(steady) bytes before, \(after) after a reader hung for \(killedAt ?? -1) s")
    #expect(after <= 2 * steady)
    // Whoever holds no view is left alone.
    #expect(other.finish() == 0)
  }

  @Test("P-12: where it may not kill, the writer says who must be ended, once a minute")
  func mayNotKill() throws {
    var log = SampleLog()
    var care = CacheCare(endsHungReaders: false)
    let hung = try reader()
    hung.signal(SIGSTOP)
    var alarms: [(second: Int, text: String)] = []
    for second in 0..<100 {
      try ingest(&log, 1)
      let found = try care.tick(writer, at: start + .seconds(second)).alarms
      alarms += found.map { (second, $0) }
    }
    #expect(alarms.count == 2 && alarms.first.map { $0.second <= 10 } == true, "\(alarms)")
    #expect(alarms.allSatisfy { $0.text.contains("\(hung.processID)") })
    #expect(try writer.readers.report().taken == 1)
    hung.signal(SIGCONT)
    #expect(hung.finish() == 0)
    #expect(try care.tick(writer, at: start + .seconds(100)).alarms.isEmpty)
  }
}
