import Codes
import Feed
import StatusCache
import Storage
import Support
import Testing

@Suite struct GenerationTests {
  private let directory: TemporaryDirectory
  private let writer: CacheWriter
  private let reader: CacheReader

  init() throws {
    directory = try TemporaryDirectory(quick: true)
    writer = try Sample.writer(directory)
    reader = try Sample.reader(writer)
  }

  private func status(_ serial: UInt64) throws -> Status? {
    try reader.renew()
    defer { reader.reset() }
    return reader.status(of: Sample.serial(serial))
  }

  /// Builds and switches to a generation in which everybody has `status`.
  private func recompute(_ count: UInt64, _ status: Status, at position: UInt64) throws {
    var builder = try GenerationBuilder(writer, version: position)
    try builder.append(.absent)
    for _ in 1...count { try builder.append(status) }
    let (pageCount, _) = try builder.finish()
    try writer.switchTo(
      generation: builder.generation, pageCount: pageCount, chain: writer.state.chain,
      appliedPosition: position, servablePosition: 0, asOf: Sample.instant(position))
  }

  @Test(
    "a generation of any size holds exactly the statuses it was given",
    arguments: [1, 506, 507, 508, 1_015, 1_016, 508 * 2_000 + 3])
  func sizes(count: UInt64) throws {
    var builder = try GenerationBuilder(writer, version: 1)
    var expected: [UInt64: Status] = [:]
    try builder.append(.absent)
    for serial in 1...count {
      let status = Sample.status(revision: UInt16(truncatingIfNeeded: serial))
      try builder.append(status)
      if count < 10_000 { expected[serial] = status }
    }
    let (pageCount, digest) = try builder.finish()
    #expect(UInt64(pageCount) == count / 508 + 1)
    try writer.switchTo(
      generation: builder.generation, pageCount: pageCount, chain: .start(Sample.region),
      appliedPosition: 1, servablePosition: 0, asOf: Sample.instant(1))
    #expect(try writer.digest() == digest)
    if count < 10_000 { #expect(digest == SampleLog.digest(of: expected)) }
    #expect(try status(count)?.revision == UInt16(truncatingIfNeeded: count))
    #expect(try status(count / 2 + 1)?.revision == UInt16(truncatingIfNeeded: count / 2 + 1))
    #expect(try writer.scrub(first: 0, count: .max) == [])
    let beyond = try status(count + 1)
    #expect(beyond == nil || beyond == .absent)
  }

  @Test("nothing of a generation is seen before the switch, everything after")
  func switching() throws {
    try recompute(2_000, Sample.status(.green), at: 1)
    var builder = try GenerationBuilder(writer, version: 2)
    for _ in 0...2_000 { try builder.append(Sample.status(.red)) }
    let (pageCount, _) = try builder.finish()
    #expect(try status(1) == Sample.status(.green))
    #expect(try status(2_000) == Sample.status(.green))
    try reader.renew()
    try writer.switchTo(
      generation: builder.generation, pageCount: pageCount, chain: writer.state.chain,
      appliedPosition: 2, servablePosition: 0, asOf: Sample.instant(2))
    // A view is of one generation to its end.
    #expect(reader.status(of: Sample.serial(1)) == Sample.status(.green))
    #expect(reader.status(of: Sample.serial(2_000)) == Sample.status(.green))
    #expect(try status(1) == Sample.status(.red))
    #expect(try status(2_000) == Sample.status(.red))
  }

  @Test("a generation whose builder died is removed, those in force and before are not")
  func leftovers() throws {
    try recompute(1_000, Sample.status(.green), at: 1)
    try recompute(1_000, Sample.status(.yellow), at: 2)
    var builder = try GenerationBuilder(writer, version: 3)
    for _ in 0...200_000 { try builder.append(Sample.status(.red)) }
    _ = try builder.finish()
    let grown = try writer.mapUsage()
    let state = writer.state
    try writer.removeGenerations { $0 != state.generation }
    try writer.beat(asOf: Sample.instant(3))
    let usage = try writer.mapUsage()
    #expect(usage.fileBytes - usage.freeBytes < (grown.fileBytes - grown.freeBytes) / 10)
    #expect(try status(1_000) == Sample.status(.yellow))
    try goBack(at: 3)
    #expect(try status(1_000) == Sample.status(.green))
  }

  private func touched(
    _ serial: UInt64, _ fields: StatusFields, _ status: Status
  ) -> TouchedHolder {
    TouchedHolder(Sample.serial(serial), fields, status)
  }

  /// Switches to the generation before, as a segment at `position` that follows.
  private func goBack(at position: UInt64, keeping touched: [TouchedHolder] = []) throws {
    var chain = writer.state.chain
    chain.segment += 1
    chain.position = position
    try writer.switchTo(
      try #require(writer.previous), catchingUp: touched[...], chain: chain,
      asOf: Sample.instant(position))
  }

  @Test("P-24: a switch is undone, with the changes since that are to stay, and can be redone")
  func rollBack() throws {
    try recompute(1_000, Sample.status(.green), at: 1)
    try recompute(1_000, Sample.status(.red), at: 2)
    try writer.apply(
      changes: [
        (Sample.serial(7), Sample.status(.yellow)),
        (Sample.serial(8), Sample.status(.red, revision: 1)),
        (Sample.serial(1_600), Sample.status(.yellow)),
      ], upTo: 5, asOf: Sample.instant(3))
    try goBack(
      at: 6,
      keeping: [
        touched(7, .all, Sample.status(.yellow)), touched(8, [], Sample.status(.red)),
        touched(1_600, .all, Sample.status(.yellow)),
      ])
    #expect(try status(6) == Sample.status(.green))
    #expect(try status(7) == Sample.status(.yellow))
    #expect(try status(8) == Sample.status(.green, revision: 1))
    #expect(try status(1_600) == Sample.status(.yellow))
    #expect(writer.state.appliedPosition == 6)
    #expect(writer.state.pageCount == 4)
    try goBack(at: 7)
    #expect(try status(6) == Sample.status(.red))
    #expect(try status(7) == Sample.status(.yellow))
    #expect(throws: CacheError.self) { try goBack(at: 9) }
    try writer.retirePrevious()
    #expect(writer.previous == nil)
  }

  @Test("a candidate is caught up with in steps, of which a repeated one does no harm")
  func catchingUp() throws {
    try recompute(1_000, Sample.status(.green), at: 1)
    try recompute(1_000, Sample.status(.red), at: 2)
    var previous = try #require(writer.previous)
    let set = [
      touched(3, .colour, Sample.status(.yellow)), touched(900, [], Sample.status(.red)),
    ]
    try writer.apply(
      changes: [
        (Sample.serial(3), Sample.status(.yellow)),
        (Sample.serial(900), Sample.status(.red, revision: 4)),
      ], upTo: 4, asOf: Sample.instant(3))
    for _ in 0..<3 { try writer.catchUp(&previous, set[...]) }
    #expect(try status(3) == Sample.status(.yellow))
    #expect(try status(900) == Sample.status(.red, revision: 4))
    try goBack(at: 5)
    #expect(try status(3) == Sample.status(.yellow))
    #expect(try status(900) == Sample.status(.green, revision: 4))
    #expect(try status(901) == Sample.status(.green))
  }

  @Test("many recomputations take no more room than three generations")
  func room() throws {
    for position in UInt64(1)...12 { try recompute(30_000, Sample.status(), at: position) }
    let pages = 30_000 / 508 + 1
    #expect(try writer.mapUsage().fileBytes < 4 * pages * 4_096 + 200_000)
  }
}
