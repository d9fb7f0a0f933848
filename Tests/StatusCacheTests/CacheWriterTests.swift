import Codes
import Feed
import Storage
import Support
import Testing

@testable import StatusCache

@Suite struct CacheWriterTests {
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

  private func code(_ body: () throws -> Void) -> CacheError.Code? {
    #expect(throws: CacheError.self, performing: body)?.code
  }

  @Test("a change is seen by the next view, with its position and time")
  func change() throws {
    try writer.apply(
      changes: [(Sample.serial(1), Sample.status(.red)), (Sample.serial(9_999), Sample.status())],
      upTo: 2, asOf: Sample.instant(5))
    #expect(try status(1) == Sample.status(.red))
    #expect(try status(9_999) == Sample.status())
    #expect(try status(2) == .absent)
    #expect(try status(20_000_000) == nil)
    #expect(reader.state == writer.state)
    #expect(writer.state.appliedPosition == 2)
    #expect(reader.asOf == Sample.instant(5))
    #expect(reader.servable && !reader.isEmpty)
    #expect(reader.pageCount == 20)
  }

  @Test("the last of several changes of one holder counts")
  func lastCounts() throws {
    let colours: [Colour] = [.red, .yellow, .green, .yellow]
    try writer.apply(
      changes: colours.map { (Sample.serial(3), Sample.status($0)) }, upTo: 4,
      asOf: Sample.instant(1))
    #expect(try status(3) == Sample.status(.yellow))
  }

  @Test("changes that are applied already are skipped, a gap is refused")
  func positions() throws {
    try writer.apply(
      changes: [(Sample.serial(1), Sample.status(.red))], upTo: 1, asOf: Sample.instant(1))
    try writer.apply(
      changes: [
        (Sample.serial(1), Sample.status(.green)), (Sample.serial(2), Sample.status(.yellow)),
      ], upTo: 2, asOf: Sample.instant(2))
    #expect(try status(1) == Sample.status(.red))
    #expect(try status(2) == Sample.status(.yellow))
    let before = writer.state
    let gap = code {
      try writer.apply(
        changes: [(Sample.serial(1), Sample.status())], upTo: 4, asOf: Sample.instant(9))
    }
    #expect(gap == .outOfOrder)
    let impossible = code {
      try writer.apply(
        changes: [(Sample.serial(1), Sample.status()), (Sample.serial(1), Sample.status())],
        upTo: 1, asOf: Sample.instant(9))
    }
    #expect(impossible == .outOfOrder)
    #expect(writer.state == before)
    try writer.apply(changes: [], upTo: 2, asOf: Sample.instant(3))
    #expect(writer.state.asOf == Sample.instant(3))
  }

  @Test("time never goes back")
  func time() throws {
    try writer.beat(asOf: Sample.instant(50))
    try writer.beat(asOf: Sample.instant(40))
    try writer.apply(changes: [], upTo: 0, asOf: Sample.instant(30))
    #expect(writer.state.asOf == Sample.instant(50))
  }

  @Test("P-27: a change far beyond all known holders is refused and fills no disk")
  func strangeSerial() throws {
    try writer.apply(
      changes: [(Sample.serial(1), Sample.status())], upTo: 1, asOf: Sample.instant(1))
    let before = writer.state
    let strange = code {
      try writer.apply(
        changes: [(Serial.max, Sample.status())], upTo: 2, asOf: Sample.instant(2))
    }
    #expect(strange == .strangeSerial)
    #expect(writer.state == before)
    #expect(try writer.mapUsage().fileBytes < 1 << 20)
    try writer.apply(
      changes: [(Sample.serial(508 * 4_000), Sample.status())], upTo: 2, asOf: Sample.instant(2))
    #expect(try status(508 * 4_000) == Sample.status())
  }

  // MARK: Segments

  @Test("segments are applied in order, each exactly once")
  func segments() throws {
    var log = SampleLog()
    let segments = (1...5).map { number in
      log.seal([
        (UInt64(number), Sample.status(.yellow)), (600, Sample.status(revision: UInt16(number))),
      ])
    }
    for segment in segments {
      try writer.apply(segment)
      #expect(code { try writer.apply(segment) } == .outOfOrder)
    }
    #expect(writer.state.chain == log.chain)
    #expect(writer.state.appliedPosition == 10)
    #expect(try writer.digest() == SampleLog.digest(of: log.statuses))
    #expect(try status(600)?.revision == 5)
  }

  @Test("P-22: a missing, repeated or forked segment changes nothing")
  func chain() throws {
    var log = SampleLog()
    let first = log.seal([(1, Sample.status())])
    var fork = log
    let second = log.seal([(2, Sample.status())])
    let third = log.seal([(3, Sample.status())])
    _ = fork.seal([(2, Sample.status(.red))])
    let forkedThird = fork.seal([(3, Sample.status(.red))])
    try writer.apply(first)
    let before = writer.state
    for segment in [first, third, forkedThird] {
      #expect(code { try writer.apply(segment) } == .outOfOrder)
    }
    #expect(writer.state == before)
    try writer.apply(second)
    #expect(code { try writer.apply(forkedThird) } == .outOfOrder)
    try writer.apply(third)
    #expect(writer.state.chain == log.chain)
  }

  @Test("an empty segment moves the chain and the time, not the position")
  func emptySegment() throws {
    var log = SampleLog()
    try writer.apply(log.seal([(1, Sample.status())]))
    try writer.apply(log.seal([]))
    try writer.apply(log.seal([(2, Sample.status())]))
    #expect(writer.state.chain.segment == 3)
    #expect(writer.state.appliedPosition == 2)
    #expect(writer.state.asOf == Sample.instant(3_000))
  }

  @Test("changes applied before they were sealed are not undone by their segment")
  func unsealedThenSealed() throws {
    var log = SampleLog()
    try writer.apply(
      changes: [
        (Sample.serial(1), Sample.status(.red)), (Sample.serial(1), Sample.status(.green)),
        (Sample.serial(1), Sample.status(.yellow)),
      ], upTo: 3, asOf: Sample.instant(1))
    try writer.apply(log.seal([(1, Sample.status(.red)), (1, Sample.status(.green))]))
    #expect(try status(1) == Sample.status(.yellow))
    #expect(writer.state.appliedPosition == 3)
    try writer.apply(log.seal([(1, Sample.status(.yellow)), (2, Sample.status())]))
    #expect(writer.state.appliedPosition == 4)
    #expect(try writer.digest() == SampleLog.digest(of: log.statuses))
  }

  @Test("sealing is noted without touching statuses")
  func markSealed() throws {
    var log = SampleLog()
    _ = log.seal([(1, Sample.status(.red))])
    try writer.apply(
      changes: [(Sample.serial(1), Sample.status(.red))], upTo: 1, asOf: Sample.instant(1))
    try writer.markSealed(log.chain)
    try writer.apply(log.seal([(1, Sample.status(.green))]))
    #expect(try status(1) == Sample.status(.green))
  }

  @Test("P-29: a cache that lacks changes of the log does not call itself complete")
  func behind() throws {
    var log = SampleLog()
    try writer.apply(log.seal([(1, Sample.status())]))
    let missed = log.seal([(2, Sample.status(.red))])
    #expect(code { try writer.beat(asOf: Sample.instant(9_000), upTo: 2) } == .outOfOrder)
    #expect(code { try writer.markSealed(log.chain) } == .outOfOrder)
    #expect(writer.state.asOf == Sample.instant(1_000))
    try writer.apply(missed)
    try writer.beat(asOf: Sample.instant(9_000), upTo: 2)
    #expect(writer.state.asOf == Sample.instant(9_000))
    #expect(writer.state.chain == log.chain)
  }

  // MARK: Opening again, damage, room

  @Test("what was committed is there after reopening")
  func reopening() throws {
    let other = try TemporaryDirectory()
    var log = SampleLog()
    let state: CacheState
    do {
      let writer = try Sample.writer(other)
      for number in UInt64(1)...20 { try writer.apply(log.seal([(number * 100, Sample.status())])) }
      state = writer.state
    }
    let again = try Sample.writer(other)
    #expect(again.state == state)
    #expect(try again.digest() == SampleLog.digest(of: log.statuses))
    try again.apply(log.seal([(1, Sample.status())]))
  }

  @Test("another region's directory is refused by name")
  func foreignRegion() throws {
    let other = try TemporaryDirectory()
    do { _ = try Sample.writer(other) }
    for reads in [false, true] {
      let error = #expect(throws: CacheError.self) {
        let region = try #require(Region(330_000))
        if reads {
          _ = try SharedCache(
            directory: other.path, region: region, mapSizeBytes: Sample.mapSizeBytes)
        } else {
          _ = try CacheWriter(
            directory: other.path, region: region, mapSizeBytes: Sample.mapSizeBytes)
        }
      }
      #expect(error?.code == .foreignRegion)
      #expect(error?.description.contains("310000") == true)
    }
  }

  /// Changes stored bytes as a failing disk would.
  private func damage(_ writer: CacheWriter, page: UInt32, byte: Int) throws {
    let pages = writer.tables.pages
    try writer.tables.environment.write { transaction throws(StorageError) in
      let key = UInt64(1) << 32 | UInt64(page)
      let stored = try transaction.get(pages, key: key) { [UInt8](copying: $0) }
      guard var stored else { return }
      stored[byte] ^= 4
      try transaction.put(pages, key: key, value: stored.span)
    }
  }

  @Test("P-05: a damaged page is found by the scrubber and never written over")
  func damagedPage() throws {
    let other = try TemporaryDirectory()
    var log = SampleLog()
    let writer = try Sample.writer(other)
    try writer.apply(log.seal((1..<4).map { (UInt64($0) * 508, Sample.status()) }))
    try damage(writer, page: 2, byte: 100)
    #expect(try writer.scrub(first: 0, count: 2) == [])
    #expect(try writer.scrub(first: 0, count: 100) == [2])
    let before = writer.state
    #expect(code { try writer.apply(log.seal([(2 * 508 + 1, Sample.status())])) } == .damagedPage)
    #expect(writer.state == before)
  }

  @Test("P-07: a full map stops the writer by name; reads go on, a larger map catches up")
  func mapFull() throws {
    let other = try TemporaryDirectory(quick: true)
    var log = SampleLog()
    var waiting: [Segment] = []
    do {
      let writer = try Sample.writer(other, mapSizeBytes: 4 << 20)
      let reader = try Sample.reader(writer)
      for number in UInt64(0)..<20 {
        waiting.append(
          log.seal((0..<100).map { (number * 50_800 + 1 + $0 * 508, Sample.status()) }))
      }
      var full: StorageError?
      do {
        while let segment = waiting.first {
          try writer.apply(segment)
          waiting.removeFirst()
        }
      } catch let error as StorageError {
        full = error
      }
      #expect(full?.code == .mapFull)
      #expect(waiting.count < 20)
      #expect(writer.state.chain.segment == UInt64(20 - waiting.count))
      try reader.renew()
      #expect(reader.status(of: Sample.serial(1)) == Sample.status())
      #expect(reader.state == writer.state)
      reader.reset()
    }
    let writer = try Sample.writer(other, mapSizeBytes: 64 << 20)
    for segment in waiting { try writer.apply(segment) }
    #expect(writer.state.chain == log.chain)
    #expect(try writer.digest() == SampleLog.digest(of: log.statuses))
  }
}
