import Codes
import Feed
@testable import StatusCache
import Storage
import Support
import Testing

@Suite struct FormatTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory(quick: true) }

  private func record(_ text: String) throws {
    let environment = try Environment(directory: directory.path, mapSizeBytes: Sample.mapSizeBytes)
    let meta = try environment.table("meta")
    try environment.write { transaction throws(StorageError) in
      try transaction.put(meta, key: Array("region".utf8).span, value: Array(text.utf8).span)
    }
  }

  private func shared() throws -> SharedCache {
    try SharedCache(
      directory: directory.path, region: Sample.region, mapSizeBytes: Sample.mapSizeBytes)
  }

  @Test("P-90: a cache of a newer version is refused by writer and readers, with what to do")
  func newer() throws {
    var log = SampleLog()
    do { try Sample.writer(directory).apply(log.seal([(1, Sample.status())])) }
    try record("3 310000")
    for open in [{ _ = try Sample.writer(directory) }, { _ = try shared() }] {
      let error = #expect(throws: StorageError.self, performing: open)
      #expect(error?.code == .newerFormat)
      #expect(error?.description.contains("run the newer version, or stop the services") == true)
    }
    // Nothing was touched: the newer version finds its cache as it was.
    try record("2 310000")
    #expect(try Sample.writer(directory).digest() == SampleLog.digest(of: log.statuses))
  }

  @Test("P-90: a cache of an older version is emptied by its writer and filled again")
  func older() throws {
    var log = SampleLog()
    var segments: [Segment] = []
    for number in UInt64(1)...5 { segments.append(log.seal([(number * 600, Sample.status())])) }
    do {
      let writer = try Sample.writer(directory)
      for segment in segments { try writer.apply(segment) }
    }
    try record("1 310000")
    // A reader that starts first waits for the writer.
    let early = try shared()
    #expect(try early.state() == nil && early.asOf == nil)
    let writer = try Sample.writer(directory)
    #expect(writer.state == .empty(Sample.region))
    for segment in segments { try writer.apply(segment) }
    #expect(try writer.digest() == SampleLog.digest(of: log.statuses))
  }

  @Test("a reader that has the cache open when another version makes it anew answers nothing")
  func madeAnew() throws {
    var log = SampleLog()
    let writer = try Sample.writer(directory)
    try writer.apply(log.seal([(1, Sample.status())]))
    let reader = try Sample.reader(writer)
    try reader.renew()
    #expect(reader.status(of: Sample.serial(1)) == Sample.status())
    reader.reset()
    let (meta, state) = (try writer.tables.environment.table("meta"), Array("state".utf8))
    try writer.tables.environment.write { transaction throws(StorageError) in
      try transaction.delete(meta, key: state.span)
    }
    let error = #expect(throws: CacheError.self) { try reader.renew() }
    #expect(error?.code == .foreignFormat)
  }
}
