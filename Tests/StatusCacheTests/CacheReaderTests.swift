import Codes
import Feed
import Foundation
import StatusCache
import Storage
import Support
import Testing

@Suite struct CacheReaderTests {
  private let directory: TemporaryDirectory
  private let probe = Probe.path("StatusCacheProbe")

  init() throws { directory = try TemporaryDirectory(quick: true) }

  private func shared() throws -> SharedCache {
    try SharedCache(
      directory: directory.path, region: Sample.region, mapSizeBytes: Sample.mapSizeBytes)
  }

  @Test("a cache nobody has written yet reads as empty, and serves once it is written")
  func lateWriter() throws {
    let shared = try shared()
    let reader = try CacheReader(shared, region: Sample.region)
    for _ in 0..<3 {
      try reader.renew()
      #expect(reader.isEmpty && !reader.servable)
      #expect(reader.status(of: Sample.serial(1)) == nil)
      #expect(reader.chain == .start(Sample.region))
      reader.reset()
    }
    #expect(shared.asOf == nil)
    var bytes: [UInt8] = []
    SampleLog.write(5, into: &bytes)
    let segments = "\(directory.path)/segments"
    try Data(bytes).write(to: URL(fileURLWithPath: segments))
    let writer = try Probe([probe, "follow", directory.path, segments])
    #expect(writer.line() == "from 0")
    #expect(writer.line() == "done")
    let deadline = ContinuousClock.now + .seconds(2)
    repeat {
      usleep(10_000)
      try reader.renew()
    } while reader.isEmpty && ContinuousClock.now < deadline
    #expect(reader.servable)
    #expect(reader.status(of: Sample.serial(1))?.exists == true)
    #expect(shared.asOf == reader.asOf)
    writer.finish()
  }

  @Test("a writer that has made its tables but written nothing reads as empty")
  func emptyTables() throws {
    let writer = try Sample.writer(directory)
    let reader = try Sample.reader(writer)
    try reader.renew()
    #expect(reader.isEmpty && !reader.servable)
    #expect(reader.status(of: Sample.serial(1)) == nil)
    #expect(SharedCache(writer).asOf == nil)
    try writer.beat(asOf: Sample.instant(1))
    try reader.renew()
    #expect(!reader.isEmpty && reader.servable)
    #expect(reader.status(of: Sample.serial(1)) == nil)
    #expect(SharedCache(writer).asOf == Sample.instant(1))
  }

  @Test("without a view there is no status")
  func noView() throws {
    let writer = try Sample.writer(directory)
    try writer.apply(
      changes: [(Sample.serial(1), Sample.status())], upTo: 1, asOf: Sample.instant(1))
    let reader = try Sample.reader(writer)
    #expect(reader.status(of: Sample.serial(1)) == nil)
    try reader.renew()
    #expect(reader.status(of: Sample.serial(1)) == Sample.status())
    reader.reset()
    #expect(reader.status(of: Sample.serial(1)) == nil)
    #expect(reader.fault == nil)
  }

  @Test("P-13: a writer stopped inside a transaction stops no read, and the age of answers rises")
  func stoppedWriter() throws {
    do {
      let writer = try Sample.writer(directory)
      try writer.apply(
        changes: (1...2_000).map { (Sample.serial($0), Sample.status(revision: UInt16($0))) },
        upTo: 2_000, asOf: Sample.instant(1_000))
    }
    let stalled = try Probe([probe, "stall", directory.path])
    #expect(stalled.line() == "inside")
    stalled.signal(SIGSTOP)
    let shared = try shared()
    let reader = try CacheReader(shared, region: Sample.region)
    let start = ContinuousClock.now
    var answered = 0
    while ContinuousClock.now < start + .milliseconds(500) {
      try reader.renew()
      for serial in stride(from: UInt64(1), through: 2_000, by: 37) {
        #expect(reader.status(of: Sample.serial(serial))?.revision == UInt16(serial))
        answered += 1
      }
      // Nobody says that time went on, so the age rises with the clock.
      #expect(reader.asOf == Sample.instant(1_000))
      reader.reset()
    }
    #expect(answered > 1_000)
    #expect(shared.asOf == Sample.instant(1_000))
    // The writer is replaced; nothing of what it had half done is seen.
    stalled.kill()
    var bytes: [UInt8] = []
    SampleLog.write(3, into: &bytes)
    let segments = "\(directory.path)/segments"
    try Data(bytes).write(to: URL(fileURLWithPath: segments))
    let next = try Probe([probe, "follow", directory.path, segments])
    #expect(next.line() == "from 0")
    #expect(next.line() == "done")
    try reader.renew()
    #expect(reader.asOf == Sample.instant(3_000))
    #expect(reader.status(of: Sample.serial(2_000))?.revision == 2_000)
    next.finish()
  }

  @Test("P-16: a verifier in another PID namespace is told the rule and does not start")
  func foreignNamespace() throws {
    let writer = try Sample.writer(directory)
    try writer.beat(asOf: Sample.instant(1))
    let unshare = getuid() == 0 ? ["unshare", "-pf"] : ["unshare", "-Urpf"]
    let foreign = try Probe(unshare + [probe, "watch", directory.path])
    let line = foreign.line() ?? ""
    #expect(line.hasPrefix("error foreignPIDNamespace"), "\(line)")
    #expect(line.contains("must share one PID namespace"))
    #expect(foreign.finish() == 1)
    let native = try Probe([probe, "watch", directory.path])
    #expect(native.line() == "watching")
    native.finish()
  }
}
