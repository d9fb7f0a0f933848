import Codes
import Feed
import StatusCache
import Storage
import Support
import Testing

/// A follower that starts from nothing: the two caches stand in one process.
@Suite struct SnapshotTests {
  private let source: CacheWriter
  private let target: CacheWriter
  private let directories: [TemporaryDirectory]
  private var log = SampleLog()
  private static let people: UInt64 = 508 * 6

  init() throws {
    directories = [try TemporaryDirectory(quick: true), try TemporaryDirectory(quick: true)]
    source = try Sample.writer(directories[0])
    target = try Sample.writer(directories[1])
    try source.apply(log.seal((1..<Self.people).map { ($0, Sample.status()) }))
  }

  private func manifest() -> SnapshotManifest {
    let state = source.state
    return SnapshotManifest(
      region: Sample.region, generation: state.generation, pageCount: state.pageCount,
      position: state.chain, asOf: state.asOf)
  }

  private func batch(_ first: UInt32, _ count: Int) throws -> PageBatch {
    let reader = try Sample.reader(source)
    try reader.renew()
    defer { reader.reset() }
    var bytes: [UInt8] = []
    try reader.appendPages(first: first, count: count, to: &bytes)
    return PageBatch(
      region: Sample.region, generation: reader.generation, firstPage: first, pages: bytes,
      position: reader.chain)
  }

  @Test("P-23: pages read at different moments become one state when the segments are re-applied")
  mutating func fuzzy() throws {
    let manifest = manifest()
    var segments: [Segment] = []
    var builder = try SnapshotBuilder(target, manifest)
    // While pages travel, in any order, holders on all of them change.
    for page: UInt32 in [3, 0, 5, 1, 4, 2] {
      try builder.store(try batch(page, 1))
      segments.append(
        log.seal((0..<6).map { ($0 * 508 + 9, Sample.status(.red, revision: UInt16(page))) }))
      try source.apply(segments[segments.count - 1])
    }
    #expect(target.state.generation == 0)
    #expect(try builder.adopt())
    let reader = try Sample.reader(target)
    #expect(!target.state.servable)
    for (index, segment) in segments.enumerated() {
      try target.apply(segment)
      // The newest page was read after the fifth segment.
      #expect(target.state.servable == (index >= 4))
    }
    try reader.renew()
    #expect(reader.servable)
    #expect(reader.status(of: Sample.serial(9)) == Sample.status(.red, revision: 2))
    reader.reset()
    #expect(try target.digest() == source.digest())
    #expect(target.state.chain == source.state.chain)
  }

  @Test("a snapshot that lacks a page is not adopted")
  func missingPage() throws {
    var builder = try SnapshotBuilder(target, manifest())
    try builder.store(try batch(0, 2))
    try builder.store(try batch(3, 3))
    let error = #expect(throws: CacheError.self) { _ = try builder.adopt() }
    #expect(error?.code == .strangePage)
    #expect(error?.description.contains("page 2 ") == true)
    #expect(target.state.generation == 0)
    try builder.store(try batch(2, 1))
    #expect(try builder.adopt())
    #expect(try target.digest() == source.digest())
  }

  @Test("pages of another generation, beyond the end or damaged are refused")
  func strangePages() throws {
    var builder = try SnapshotBuilder(target, manifest())
    let good = try batch(4, 2)
    let foreign = PageBatch(
      region: good.region, generation: good.generation + 1, firstPage: 4, pages: good.pages,
      position: good.position)
    let beyond = PageBatch(
      region: good.region, generation: good.generation, firstPage: 5, pages: good.pages,
      position: good.position)
    var bytes = good.pages
    bytes[5_000] ^= 1
    let damaged = PageBatch(
      region: good.region, generation: good.generation, firstPage: 4, pages: bytes,
      position: good.position)
    for (batch, code) in [
      (foreign, CacheError.Code.strangePage), (beyond, .strangePage), (damaged, .damagedPage),
    ] {
      let error = #expect(throws: CacheError.self) { try builder.store(batch) }
      #expect(error?.code == code)
    }
  }

  @Test("a second snapshot replaces the state in one step, and the first serves until then")
  mutating func secondSnapshot() throws {
    var builder = try SnapshotBuilder(target, manifest())
    try builder.store(try batch(0, 6))
    #expect(try builder.adopt())
    let reader = try Sample.reader(target)
    try source.apply(log.seal([(1, Sample.status(.red))]))
    // An interrupted one in between leaves nothing.
    var interrupted = try SnapshotBuilder(target, manifest())
    try interrupted.store(try batch(0, 3))
    var second = try SnapshotBuilder(target, manifest())
    try second.store(try batch(0, 6))
    try reader.renew()
    #expect(reader.servable)
    #expect(reader.status(of: Sample.serial(1)) == Sample.status())
    #expect(try second.adopt())
    try reader.renew()
    #expect(reader.status(of: Sample.serial(1)) == Sample.status(.red))
    #expect(try target.digest() == source.digest())
  }

  @Test("a host that serves goes on with what it has until a fuzzy snapshot is one state")
  mutating func servesMeanwhile() throws {
    var first = try SnapshotBuilder(target, manifest())
    try first.store(try batch(0, 6))
    #expect(try first.adopt())
    #expect(target.state.servable)
    let before = target.state
    let manifest = manifest()
    var builder = try SnapshotBuilder(target, manifest)
    var segments: [Segment] = []
    for (page, serial) in [(UInt32(0), UInt64(3 * 508 + 9)), (1, 4 * 508 + 9)] {
      try builder.store(try batch(page, 1))
      segments.append(log.seal([(serial, Sample.status(.red)), (7_000, Sample.status())]))
      try source.apply(segments[segments.count - 1])
    }
    try builder.store(try batch(2, 4))
    #expect(try !builder.adopt())
    #expect(target.state.generation == before.generation && target.state.servable)
    #expect(try !builder.apply(segments[0]))
    #expect(target.state.generation == before.generation && target.state.servable)
    #expect(throws: CacheError.self) { _ = try builder.apply(segments[0]) }
    #expect(try builder.apply(segments[1]))
    #expect(target.state.generation != before.generation && target.state.servable)
    #expect(target.state.chain == source.state.chain)
    #expect(try target.digest() == source.digest())
  }

  @Test("pages are lent from any place, and only those there are")
  func lending() throws {
    #expect(try batch(2, 3).pageCount == 3)
    #expect(try batch(5, 100).pageCount == 1)
    let reader = try Sample.reader(source)
    try reader.renew()
    var bytes: [UInt8] = []
    try reader.appendPages(first: 6, count: 10, to: &bytes)
    try reader.appendPages(first: .max, count: 10, to: &bytes)
    #expect(bytes.isEmpty)
  }
}
