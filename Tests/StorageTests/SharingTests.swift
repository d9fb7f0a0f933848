import Foundation
import Storage
import Support
import Synchronization
import Testing

/// What several processes do to one environment.
@Suite struct SharingTests {
  private let directory: TemporaryDirectory
  private let probe = Probe.path("StatusCacheProbe")

  init() throws { directory = try TemporaryDirectory(quick: true) }

  private func rewrite(_ environment: Environment, _ table: Table, times: Int) throws {
    let value = [UInt8](repeating: 1, count: 50_000)
    for _ in 0..<times {
      try environment.write { transaction throws(StorageError) in
        for key in UInt64(0)..<4 { try transaction.put(table, key: key, value: value.span) }
      }
    }
  }

  @Test("P-11: readers that were killed do not hold back the reuse of pages")
  func deadReaders() throws {
    let environment = try Environment(directory: directory.path, mapSizeBytes: 64 << 20)
    let table = try environment.table("rows", integerKeys: true)
    try rewrite(environment, table, times: 20)
    let steady = try environment.mapUsage().fileBytes
    let readers = try (0..<50).map { _ in
      try Probe([probe, "hold", directory.path, "readOnly", "view"])
    }
    for reader in readers { #expect(reader.line() == "open") }
    #expect(try environment.readers().filter { $0.lag != nil }.count == 50)
    for reader in readers { reader.kill() }
    #expect(try environment.clearDeadReaders() == 50)
    #expect(try environment.readers().filter { $0.lag != nil }.isEmpty)
    try rewrite(environment, table, times: 50)
    #expect(try environment.mapUsage().fileBytes <= steady * 13 / 10)
  }

  @Test("a reader that holds its view is seen to lag")
  func lag() throws {
    let environment = try Environment(directory: directory.path, mapSizeBytes: 64 << 20)
    let table = try environment.table("rows", integerKeys: true)
    let reader = try Probe([probe, "hold", directory.path, "readOnly", "view"])
    #expect(reader.line() == "open")
    try rewrite(environment, table, times: 7)
    let slot = try environment.readers().first { $0.processID == reader.processID }
    #expect(slot?.lag == 7)
    reader.finish()
  }

  @Test("P-14: of sixteen processes for eight slots eight are refused by name, the rest read on")
  func processesBeyondSlots() throws {
    let environment = try Environment(
      directory: directory.path, mapSizeBytes: 64 << 20, readersMax: 8)
    let table = try environment.table("rows", integerKeys: true)
    let watch = ReaderWatch(environment)
    var open: [Probe] = []
    for _ in 0..<16 {
      let reader = try Probe([probe, "hold", directory.path, "readOnly", "view"])
      let line = reader.line() ?? ""
      if line == "open" {
        open.append(reader)
      } else {
        #expect(line.hasPrefix("error readersFull") && line.contains("too many readers"), "\(line)")
        #expect(reader.finish() == 1)
      }
    }
    #expect(open.count == 8)
    let full = try watch.report()
    #expect(full.taken == 8 && full.slotCount == 8)
    try rewrite(environment, table, times: 3)
    #expect(open.allSatisfy { $0.finish() == 0 })
    #expect(try Probe([probe, "hold", directory.path, "readOnly"]).line() == "open")
  }

  @Test("a view that is behind has an age, which ends with it; one at the newest commit has none")
  func viewAges() throws {
    let environment = try Environment(directory: directory.path, mapSizeBytes: 64 << 20)
    let table = try environment.table("rows", integerKeys: true)
    let watch = ReaderWatch(environment)
    let start = SuspendingClock.now
    let session = try ReadSession(environment)
    try session.renew()
    try watch.look(at: start)
    #expect(try watch.look(at: start + .seconds(60)).isEmpty)
    try rewrite(environment, table, times: 1)
    #expect(try watch.look(at: start + .seconds(61)).map(\.age) == [.zero])
    try rewrite(environment, table, times: 1)
    #expect(try watch.look(at: start + .seconds(70)).map(\.age) == [.seconds(9)])
    let report = try watch.report()
    #expect(report.oldest?.processID == getpid())
    // Nobody ends itself.
    let held = try #require(report.oldest)
    #expect(throws: StorageError.self) { try watch.end(held) }
    // A session that goes on with its turns never grows old.
    try session.renew()
    try rewrite(environment, table, times: 1)
    #expect(try watch.look(at: start + .seconds(80)).map(\.age) == [.zero])
    session.reset()
    #expect(try watch.look(at: start + .seconds(90)).isEmpty)
    #expect(try watch.end(held) == false)
  }

  @Test("P-14: a reader beyond the slots is refused, the others are unharmed")
  func readersFull() throws {
    let environment = try Environment(
      directory: directory.path, mapSizeBytes: 64 << 20, readersMax: 8)
    let table = try environment.table("rows", integerKeys: true)
    var sessions: [ReadSession] = []
    for _ in 0..<8 { sessions.append(try ReadSession(environment)) }
    let refused = try Probe([probe, "hold", directory.path, "readOnly"])
    let line = refused.line() ?? ""
    #expect(line.hasPrefix("error readersFull"), "\(line)")
    #expect(refused.finish() == 1)
    try rewrite(environment, table, times: 1)
    for session in sessions {
      try session.renew()
      #expect(try session.get(table, key: 3) { $0.count } == 50_000)
    }
    sessions.removeLast()
    _ = try ReadSession(environment)
  }

  @Test("slots of killed readers are taken over when all are taken")
  func slotsOfTheDead() throws {
    let environment = try Environment(
      directory: directory.path, mapSizeBytes: 64 << 20, readersMax: 2)
    let readers = try (0..<2).map { _ in try Probe([probe, "hold", directory.path, "readOnly"]) }
    for reader in readers { #expect(reader.line() == "open") }
    #expect(throws: StorageError.self) { _ = try ReadSession(environment) }
    for reader in readers { reader.kill() }
    _ = try ReadSession(environment)
  }

  @Test("P-18: a map that another process made larger is taken over unseen")
  func mapGrown() throws {
    do {
      let environment = try Environment(directory: directory.path, mapSizeBytes: 1 << 20)
      _ = try environment.table("rows", integerKeys: true)
    }
    let environment = try Environment(
      directory: directory.path, mapSizeBytes: 1 << 20, for: .readOnly)
    let table = try environment.table("rows", integerKeys: true)
    let session = try ReadSession(environment)
    try session.renew()
    #expect(try session.get(table, key: 1) { $0.count } == nil)
    session.reset()
    let writer = try Probe([probe, "write", directory.path, "20"])
    #expect(writer.line() == "written")
    try session.renew()
    #expect(try session.get(table, key: 200) { $0.count } == 100_000)
    session.reset()
    let count = try environment.read { transaction throws(StorageError) in
      try transaction.count(table)
    }
    #expect(count == 200)
    writer.finish()
  }

  @Test("P-18: taking over a larger map waits for the views of this process to end")
  func mapGrownUnderViews() throws {
    do {
      let environment = try Environment(directory: directory.path, mapSizeBytes: 1 << 20)
      _ = try environment.table("rows", integerKeys: true)
    }
    let environment = try Environment(
      directory: directory.path, mapSizeBytes: 1 << 20, for: .readOnly)
    let table = try environment.table("rows", integerKeys: true)
    let held = try ReadSession(environment)
    try held.renew()
    let writer = try Probe([probe, "write", directory.path, "20"])
    #expect(writer.line() == "written")
    let other = Thread {
      // Another loop's turn: it has to wait for this one's, and then sees the new rows.
      let seen = try? environment.read { transaction throws(StorageError) in
        try transaction.count(table)
      }
      Self.seen.withLock { $0 = seen }
    }
    other.start()
    usleep(100_000)
    #expect(Self.seen.withLock { $0 } == nil)
    #expect(try held.get(table, key: 1) { $0.count } == nil)
    held.reset()
    while !other.isFinished { usleep(1_000) }
    #expect(Self.seen.withLock { $0 } == 200)
    writer.finish()
  }

  private static let seen = Mutex<Int?>(nil)

  @Test("a writer killed inside a transaction leaves nothing of it, and the next goes on")
  func killedWriter() throws {
    let writer = try Probe([probe, "write", directory.path, "1", "stay"])
    #expect(writer.line() == "written")
    #expect(writer.line() == "inside")
    writer.kill()
    let environment = try Environment(directory: directory.path, mapSizeBytes: 256 << 20)
    let table = try environment.table("rows", integerKeys: true)
    let count = try environment.read { transaction throws(StorageError) in
      try transaction.count(table)
    }
    #expect(count == 10)
    try rewrite(environment, table, times: 1)
  }

  @Test("P-07: a full map refuses the write by name and changes nothing; reads and deletes go on")
  func mapFull() throws {
    let environment = try Environment(directory: directory.path, mapSizeBytes: 4 << 20)
    let table = try environment.table("rows", integerKeys: true)
    let value = [UInt8](repeating: 1, count: 100_000)
    var stored: UInt64 = 0
    var full: StorageError?
    while full == nil, stored < 100 {
      do throws(StorageError) {
        try environment.write { transaction throws(StorageError) in
          try transaction.put(table, key: stored, value: value.span)
        }
        stored += 1
      } catch {
        full = error
      }
    }
    #expect(full?.code == .mapFull)
    #expect(full?.description.contains("raise map_size_mib") == true)
    #expect(try environment.mapUsage().fraction > 0.8)
    let session = try ReadSession(environment)
    try session.renew()
    for key in 0..<stored { #expect(try session.get(table, key: key) { $0.count } == 100_000) }
    #expect(try session.get(table, key: stored) { $0.count } == nil)
    session.reset()
    // What one transaction frees can be used again from the next but one on.
    for key in 0..<stored / 2 {
      try environment.write { transaction throws(StorageError) in
        try transaction.delete(table, key: key)
      }
    }
    try environment.write { transaction throws(StorageError) in
      try transaction.put(table, key: stored, value: value.span)
    }
  }

  @Test("P-06: a full disk refuses the write by name; reads go on, and deleting cures it")
  func diskFull() throws {
    let mount = "mount -t tmpfs -o size=8m tmpfs \(directory.path)"
    let spaces = getuid() == 0 ? ["unshare", "-m"] : ["unshare", "-Urm"]
    let filler = try Probe(
      spaces + ["sh", "-c", "\(mount) && exec \(probe) fill \(directory.path)"])
    #expect(filler.rest() == ["full diskFull", "readable", "writable"])
    #expect(filler.finish() == 0)
  }
}
