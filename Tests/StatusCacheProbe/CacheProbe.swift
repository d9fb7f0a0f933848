import Codes
import Feed
import Foundation
import StatusCache
import Storage
import Synchronization

/// What a second process does to a status cache of region 310000.
enum CacheProbe {
  static let region = Region(310_000)!

  /// follow DIRECTORY FILE: applies the framed segments of the file from where the cache stands.
  static func follow(_ directory: String, _ arguments: [String]) throws {
    let body = [UInt8](try Data(contentsOf: URL(fileURLWithPath: arguments[0])))
    let frames = Framing.split(body.span) ?? []
    let writer = try CacheWriter(directory: directory, region: region, mapSizeBytes: 256 << 20)
    Probe.say("from \(writer.state.chain.segment)")
    for frame in frames.dropFirst(Int(writer.state.chain.segment)) {
      guard let segment = Segment.decode(body.span.extracting(frame)) else { continue }
      try writer.apply(segment)
    }
    Probe.say("done")
    Probe.wait()
  }

  /// watch DIRECTORY: takes view after view until the input ends; every view must be of one
  /// generation, whose statuses all carry one revision, never an older one than before.
  static func watch(_ directory: String) throws {
    let shared = try SharedCache(directory: directory, region: region, mapSizeBytes: 256 << 20)
    let reader = try CacheReader(shared, region: region)
    let stop = Thread {
      Probe.wait()
      Stop.wanted.withLock { $0 = true }
    }
    stop.start()
    Probe.say("watching")
    var last: UInt16 = 0
    var viewCount = 0
    while !Stop.wanted.withLock({ $0 }) {
      try reader.renew()
      let count = UInt64(reader.pageCount) * UInt64(StatusPage.statusCount)
      let first = reader.status(of: Serial(unchecked: 1))?.revision ?? 0
      for value in stride(from: UInt64(1), to: count, by: 101) {
        let revision = reader.status(of: Serial(unchecked: value))?.revision
        guard revision == first else {
          return Probe.say("mixed \(first) and \(String(describing: revision))")
        }
      }
      reader.reset()
      guard first >= last else { return Probe.say("back from \(last) to \(first)") }
      last = first
      viewCount += 1
      usleep(1_000)
    }
    Probe.say("saw \(viewCount) views, the last of \(last)")
  }

  /// stall DIRECTORY: begins a write transaction in the cache's environment, changes a page's
  /// bytes and stays inside it.
  static func stall(_ directory: String) throws {
    let environment = try Environment(directory: directory, mapSizeBytes: 256 << 20)
    let pages = try environment.table("pages", integerKeys: true)
    try environment.write { transaction throws(StorageError) in
      guard let key = try transaction.lastKey(pages) else { return Probe.say("error no page") }
      let garbage = [UInt8](repeating: 0xAB, count: StatusPage.byteCount)
      try transaction.put(pages, key: key, value: garbage.span)
      Probe.say("inside")
      Probe.wait()
      throw StorageError(.other, "stalling", "was let go")
    }
  }
}

/// Whether the test wants this process to end.
enum Stop {
  static let wanted = Mutex(false)
}
