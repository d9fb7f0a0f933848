import Codes
import Security
import Server
import StatusCache
import Storage
import Synchronization

/// Writes the pages of a generation, or of a shard of one, under a temporary name; `finish` makes
/// it appear as a whole or not at all. Any thread may write.
///
/// What a page holds of a holder is colour, reason and valid-until; kind, flags and revision are
/// not looked at, because an activation takes them from the present. It must say something of every
/// holder: a status of all zeros says nothing.
final class GenerationWriter: Sendable {
  private let directory: String
  private let shard: GenerationShard
  private let base: GenerationBase
  private let range: Range<Int>
  private let temporary: String
  private let file: RandomFile
  private let progress: Mutex<Progress>

  private struct Progress {
    var isWritten: [Bool]
    var missing: Int
    /// Pages that are in `hasher` and `counts`: those before this one.
    var taken = 0
    /// Pages that came too early for that, by the first of them.
    var early: [Int: [UInt8]] = [:]
    var hasher = SHA256Hasher()
    var counts = [Int](repeating: 0, count: Colour.allCases.count)
    var isOver = false

    /// Adds pages to digest and counts in their order. Those that come early wait for the others,
    /// some at least: what is not taken here is read again at the end.
    mutating func take(_ pages: Span<UInt8>, first: Int) {
      guard first == taken else {
        if first > taken, early.count < GenerationWriter.earlyMax {
          early[first] = [UInt8](copying: pages)
        }
        return
      }
      take(pages)
      while let pages = early.removeValue(forKey: taken) { take(pages.span) }
    }

    /// Adds the next pages to digest and counts.
    mutating func take(_ pages: Span<UInt8>) {
      hasher.update(pages)
      GenerationCounts.add(pages, to: &counts)
      taken += pages.count / StatusPage.byteCount
    }
  }

  /// Writes whose pages wait in memory for earlier ones.
  private static let earlyMax = 16

  /// Why a generation cannot be finished.
  enum Fault: Error, CustomStringConvertible {
    case missingPages(Int)
    case strangePages(Int)
    case undecided(Int)

    var description: String {
      switch self {
      case .missingPages(let count): "\(count) pages of the generation were not written"
      case .strangePages(let first): "pages from \(first) on are not of this generation"
      case .undecided(let count): "the generation says nothing of \(count) holders"
      }
    }
  }

  /// Begins a generation in `directory`, which is made if it is missing. What runs that were
  /// killed left there is removed.
  init(directory: String, shard: GenerationShard = .whole, base: GenerationBase) throws {
    self.directory = directory
    self.shard = shard
    self.base = base
    range = shard.pages(of: base)
    try System.makeDirectory(directory)
    try GenerationDirectory(directory).removeLeftovers()
    (temporary, file) = try GenerationDirectory(directory).begin()
    progress = Mutex(
      Progress(isWritten: [Bool](repeating: false, count: range.count), missing: range.count))
  }

  deinit { abandon() }

  /// Writes whole sealed pages of 4,080 bytes. Those that come about in order are hashed at once.
  func write(_ pages: Span<UInt8>, firstPage: Int) throws {
    let count = pages.count / StatusPage.byteCount
    let first = firstPage - range.lowerBound
    guard first >= 0, first + count <= range.count, pages.count % StatusPage.byteCount == 0 else {
      throw Fault.strangePages(firstPage)
    }
    try file.write(pages, at: first * StatusPage.byteCount)
    file.startWriting(at: first * StatusPage.byteCount, byteCount: pages.count)
    progress.withLock { progress in
      for index in first..<first + count where !progress.isWritten[index] {
        progress.isWritten[index] = true
        progress.missing -= 1
      }
      progress.take(pages, first: first)
    }
  }

  /// Makes the generation appear, durably, under the next free number. Sealed by `key`.
  func finish(_ facts: GenerationFacts, signedBy key: SigningKey) throws -> GenerationManifest {
    let progress = try taken()
    try file.sync()
    var hasher = progress.hasher
    var manifest = GenerationManifest(
      number: 0, shard: shard, base: base, madeAt: WallClock.now(), facts: facts,
      pagesDigest: hasher.finalize(), counts: progress.counts)
    let place = GenerationDirectory(directory)
    if shard == .whole {
      try place.publish(temporary, &manifest, signedBy: key)
    } else {
      try place.publishShard(temporary, manifest, signedBy: key)
    }
    self.progress.withLock { $0.isOver = true }
    return manifest
  }

  /// Reads what was not hashed while it was written.
  private func taken() throws -> Progress {
    var progress = progress.withLock { $0 }
    progress.early = [:]
    guard progress.missing == 0 else { throw Fault.missingPages(progress.missing) }
    while progress.taken < range.count {
      let count = min(1_024, range.count - progress.taken)
      var chunk = [UInt8](repeating: 0, count: count * StatusPage.byteCount)
      try file.read(into: &chunk, at: progress.taken * StatusPage.byteCount)
      progress.take(chunk.span)
    }
    // Serial 0 is nobody.
    let end = min(range.upperBound * StatusPage.statusCount, Int(base.nextSerial))
    let holders = max(0, end - max(1, range.lowerBound * StatusPage.statusCount))
    let decided = progress.counts.reduce(0, +)
    guard decided == holders else { throw Fault.undecided(holders - decided) }
    return progress
  }

  /// Removes what was written; after `finish` nothing.
  func abandon() {
    let wasOver = progress.withLock { progress in
      defer { progress.isOver = true }
      return progress.isOver
    }
    if !wasOver { try? System.removeDirectory(temporary) }
  }
}

/// Counts holders by colour.
enum GenerationCounts {
  /// Adds every status of `pages` that says something, by the number of its colour.
  static func add(_ pages: Span<UInt8>, to counts: inout [Int]) {
    var none = 0
    var green = 0
    var yellow = 0
    var red = 0
    for page in 0..<pages.count / StatusPage.byteCount {
      let bytes = pages.extracting(
        page * StatusPage.byteCount..<(page + 1) * StatusPage.byteCount)
      for slot in 0..<StatusPage.statusCount {
        // Without a branch: this is done for everybody. What is 0 says nothing.
        let bits = bytes.littleEndianWord(
          at: StatusPage.headerByteCount + slot * MemoryLayout<UInt64>.size)
        let colour = bits & 3
        none += bits != 0 && colour == 0 ? 1 : 0
        green += colour == 1 ? 1 : 0
        yellow += colour == 2 ? 1 : 0
        red += colour == 3 ? 1 : 0
      }
    }
    counts[0] += none
    counts[1] += green
    counts[2] += yellow
    counts[3] += red
  }
}
