import Codes
import Feed
import Glibc
import StatusCache
import Storage
import Support
import Testing

@Suite struct SwitchTests {
  private static let switchCount = 1_000
  private static let readerCount = 8
  private static let people = 508 * 3

  /// Builds and switches to generation `number`, in which every revision is that number.
  private func recompute(_ writer: CacheWriter, _ number: Int) throws {
    var builder = try GenerationBuilder(writer, version: UInt64(number))
    for _ in 0..<Self.people { try builder.append(Sample.status(revision: UInt16(number))) }
    let (pageCount, _) = try builder.finish()
    try writer.switchTo(
      generation: builder.generation, pageCount: pageCount, chain: writer.state.chain,
      appliedPosition: UInt64(number), servablePosition: 0, asOf: Sample.instant(UInt64(number)))
  }

  @Test("P-17: eight readers see 1,000 switches, each as a whole, and the newest within a second")
  func switches() throws {
    let directory = try TemporaryDirectory(quick: true)
    let writer = try Sample.writer(directory)
    try recompute(writer, 1)
    let probe = Probe.path("StatusCacheProbe")
    let readers = try (0..<Self.readerCount).map { _ in
      try Probe([probe, "watch", directory.path])
    }
    for reader in readers { #expect(reader.line() == "watching") }
    for number in 2...Self.switchCount + 1 { try recompute(writer, number) }
    usleep(1_000_000)
    for reader in readers { reader.endInput() }
    for reader in readers {
      let line = reader.line() ?? ""
      #expect(line.hasPrefix("saw "), "\(line)")
      #expect(line.hasSuffix(" views, the last of \(Self.switchCount + 1)"), "\(line)")
      #expect(reader.finish() == 0)
    }
    // Old generations are gone: what is in use is the one in force and the one before.
    try writer.beat(asOf: Sample.instant(2_000))
    let usage = try writer.mapUsage()
    #expect(usage.fileBytes - usage.freeBytes < 2 * 3 * 4_096 + 20 * 4_096)
  }
}
