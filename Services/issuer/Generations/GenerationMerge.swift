import Codes
import IssuerCore
import Records
import Server
import StatusCache
import Storage
import Synchronization

/// Makes the statuses of a generation: of each holder the colour, reason and end that the
/// generation says, under what the log's changes since its base set them to; kind, flags and
/// revision as they are at present.
///
/// ```
///   base          start             caught up         switch
/// ───┼──────────────┼──────────────────┼────────────────┼──► log
///    │ set since    │                  │                │
///    └──────────────┤ pages, each from its own view     │
///                   └─ set meanwhile ──┴─ and again ────┤ in the transaction that switches
/// ```
/// So they depend on the generation and the log alone, not on what was in force before. Nothing of
/// it is in force until the switch, so it may end at any moment; what it leaves is removed.
struct GenerationMerge {
  let registry: Registry
  let cache: CacheWriter
  /// Pages in one transaction: a single change waits for one of them at most.
  var pagesAtOnce = whileServing

  /// For pages beside services: a quarter of a megabyte, a third of a millisecond's work.
  static let whileServing = 64
  /// For pages while nobody waits: 16 MB, because each transaction waits for the disk.
  static let alone = 4_096

  /// A candidate and the last change it knows of.
  struct Progress: Sendable {
    var candidate: Candidate
    var upTo: UInt64
  }

  /// Why a generation cannot be put under the present.
  enum Fault: Error, CustomStringConvertible {
    case foreignLog(number: UInt32)
    case damagedCache(page: UInt32)

    var description: String {
      switch self {
      case .foreignLog(let number):
        "generation \(number) was computed from another or a newer change log than this one"
      case .damagedCache(let page):
        "page \(page) of the status cache is damaged: stop the services, empty the cache"
          + " directory, start again; it is rebuilt"
      }
    }
  }

  /// Holders in one transaction of catching up; each may be on a page of its own.
  private static let catchUpMax = 1_000

  /// Builds all pages beside those in force; without `pages` those of no computed generation.
  func build(_ pages: inout GenerationPages?) throws -> Progress {
    let start = cache.state
    let base =
      pages?.manifest.base ?? GenerationBase(region: cache.region, position: 0, nextSerial: 1)
    if let manifest = pages?.manifest {
      guard base.position <= start.appliedPosition, base.pageCount <= Int(start.pageCount) else {
        throw Fault.foreignLog(number: manifest.number)
      }
    }
    var merger = PageMerger(
      touched: try registry.touched(after: base.position, through: start.appliedPosition),
      loads: try registry.loads(from: base.nextSerial))
    // Whoever asks this issuer goes first; what holds the cache's lock does not wait, because
    // changes wait for that.
    let yields = pagesAtOnce == Self.whileServing
    var store = PageStore(
      cache, Candidate(generation: try cache.nextGeneration(), pageCount: 0), begunIdle: yields)
    if yields { System.setIdlePriority(true) }
    defer { if yields { System.setIdlePriority(false) } }
    do {
      try merge(&pages, with: &merger, into: &store)
    } catch {
      store.abandon()
      throw error
    }
    return Progress(candidate: try store.finish(), upTo: start.appliedPosition)
  }

  private func merge(
    _ pages: inout GenerationPages?, with merger: inout PageMerger, into store: inout PageStore
  ) throws {
    let reader = try CacheReader(SharedCache(cache), region: cache.region)
    var source = PageSource(pages, ahead: pagesAtOnce == Self.alone ? pagesAtOnce : 0)
    defer { source.abandon() }
    var computed: [UInt8] = []
    var first: UInt32 = 0
    while true {
      var present = store.takeBuffer()
      try reader.renew()
      let version = reader.state.appliedPosition
      let count = min(pagesAtOnce, Int(reader.pageCount) - Int(first))
      if count > 0 { try reader.appendPages(first: first, count: count, to: &present) }
      reader.reset()
      guard count > 0 else { break }
      guard present.count == count * StatusPage.byteCount else {
        throw Fault.damagedCache(page: first + UInt32(present.count / StatusPage.byteCount))
      }
      try source.read(count, into: &computed)
      if let damaged = merger.merge(
        &present, under: computed.span, firstPage: first, version: version)
      {
        throw Fault.damagedCache(page: damaged)
      }
      first += UInt32(count)
      try store.append(present)
    }
    pages = source.pages
    try pages?.finish()
  }

  /// Brings `progress` near the present, so that at most `rest` changes are left for the switch;
  /// gives up when they come faster than they can be followed.
  func catchUp(_ progress: inout Progress, leaving rest: UInt64) throws {
    for _ in 0..<100 {
      let applied = cache.state.appliedPosition
      guard applied > progress.upTo + rest else { return }
      let touched = try registry.touched(after: progress.upTo, through: applied)
      var index = 0
      while index < touched.count {
        let end = min(index + Self.catchUpMax, touched.count)
        try cache.catchUp(&progress.candidate, touched[index..<end])
        index = end
      }
      progress.upTo = applied
    }
  }
}

/// Reads and checks a generation's pages: the next on a thread of its own while those before are
/// merged, when nobody waits for this process.
private struct PageSource {
  private struct Read {
    let pages: GenerationPages
    let bytes: [UInt8]
  }

  private(set) var pages: GenerationPages?
  /// Pages to be read ahead; 0 for none.
  private let ahead: Int
  private var underWay: Worker<Read>?

  init(_ pages: GenerationPages?, ahead: Int) {
    self.pages = pages
    self.ahead = ahead
  }

  /// The next `count` pages, or what is left, in place of what is in `buffer`. With `ahead` each
  /// call asks for as many.
  mutating func read(_ count: Int, into buffer: inout [UInt8]) throws {
    guard ahead > 0, let before = pages else {
      try pages?.read(count, into: &buffer)
      return
    }
    let spare = exchange(&buffer, with: [])
    var (bytes, pages) = ([UInt8](), before)
    if let worker = exchange(&underWay, with: nil) {
      let read = try worker.finish()
      (bytes, pages) = (read.bytes, read.pages)
    } else {
      try pages.read(ahead, into: &bytes)
    }
    buffer = bytes
    self.pages = pages
    guard !pages.isAtEnd else { return }
    let (ahead, next, lent) = (ahead, pages, Lent(spare))
    underWay = try Worker {
      var (pages, bytes) = (next, lent.take())
      try pages.read(ahead, into: &bytes)
      return Read(pages: pages, bytes: bytes)
    }
  }

  /// A buffer for another thread, which writes to it without copying it first.
  private final class Lent: Sendable {
    private let bytes: Mutex<[UInt8]>
    init(_ bytes: [UInt8]) { self.bytes = Mutex(bytes) }
    func take() -> [UInt8] { bytes.withLock { exchange(&$0, with: []) } }
  }

  /// Waits for what is under way, whatever comes of it.
  mutating func abandon() { _ = try? exchange(&underWay, with: nil)?.finish() }
}

/// Puts merged pages into the cache on a thread of its own, so that the next are merged while these
/// wait for the disk. One transaction is under way at a time.
private struct PageStore {
  private struct Stored {
    let candidate: Candidate
    let buffer: [UInt8]
  }

  private let cache: CacheWriter
  /// Whether the thread that begins the others is in the idle class, which they inherit.
  private let begunIdle: Bool
  private var candidate: Candidate
  private var underWay: Worker<Stored>?
  private var spare: [UInt8] = []

  init(_ cache: CacheWriter, _ candidate: Candidate, begunIdle: Bool) {
    self.cache = cache
    self.begunIdle = begunIdle
    self.candidate = candidate
  }

  /// An empty buffer that has room already, once there were two.
  mutating func takeBuffer() -> [UInt8] {
    var buffer = exchange(&spare, with: [])
    buffer.removeAll(keepingCapacity: true)
    return buffer
  }

  /// Begins to store the next pages; throws what storing those before threw.
  mutating func append(_ pages: consuming [UInt8]) throws {
    try settle()
    let (cache, candidate, begunIdle) = (cache, candidate, begunIdle)
    underWay = try Worker { [pages] in
      if begunIdle { System.setIdlePriority(false) }
      var candidate = candidate
      try cache.append(pages.span, to: &candidate)
      return Stored(candidate: candidate, buffer: pages)
    }
  }

  private mutating func settle() throws {
    guard let worker = exchange(&underWay, with: nil) else { return }
    let stored = try worker.finish()
    candidate = stored.candidate
    spare = stored.buffer
  }

  /// Waits for the last pages.
  mutating func finish() throws -> Candidate {
    try settle()
    return candidate
  }

  /// Waits for what is under way, whatever comes of it.
  mutating func abandon() { try? settle() }
}

/// Merges runs of pages in order, with loads and touched holders beside them.
struct PageMerger {
  private let touched: [TouchedHolder]
  private let loads: [LoadedHolders]
  private var nextTouched = 0
  private var nextLoad = 0

  init(touched: [TouchedHolder], loads: [LoadedHolders]) {
    self.touched = touched
    self.loads = loads
  }

  /// Recolours the pages in `present`, the first of which is number `firstPage`; `computed` holds
  /// the generation's and may end before. The number of a page that is damaged, if there is one.
  mutating func merge(
    _ present: inout [UInt8], under computed: Span<UInt8>, firstPage: UInt32, version: UInt64
  ) -> UInt32? {
    var pages = present.mutableSpan
    for index in 0..<pages.count / StatusPage.byteCount {
      let start = index * StatusPage.byteCount
      let end = start + StatusPage.byteCount
      guard StatusPage.isIntact(pages.span.extracting(start..<end)) else {
        return firstPage + UInt32(index)
      }
      let first = UInt64(firstPage + UInt32(index)) * UInt64(StatusPage.statusCount)
      let statuses = start + StatusPage.headerByteCount
      if end <= computed.count, !hasExtra(before: first + UInt64(StatusPage.statusCount)) {
        Self.recolour(&pages, computed, at: statuses)
      } else {
        recolour(&pages, computed, at: statuses, firstSerial: first)
      }
      StatusPage.seal(&pages, at: start, version: version)
    }
    return nil
  }

  /// Whether a holder below `serial` is decided by more than the generation.
  private func hasExtra(before serial: UInt64) -> Bool {
    (nextTouched < touched.count && touched[nextTouched].serial.value < serial)
      || (nextLoad < loads.count && loads[nextLoad].serials.lowerBound < serial)
  }

  /// A page of which only the generation speaks: nearly all are.
  private static func recolour(
    _ pages: inout MutableSpan<UInt8>, _ computed: Span<UInt8>, at offset: Int
  ) {
    // As `recoloured(by:)` does, by words: this is done for everybody.
    let mask = Status(bits: 0).taking(.all, of: Status(bits: .max)).bits
    for slot in 0..<StatusPage.statusCount {
      let place = offset + 8 * slot
      let present = pages.span.littleEndianWord(at: place)
      let opinion = computed.littleEndianWord(at: place)
      guard present != 0, opinion != 0 else { continue }
      pages.setLittleEndianWord(present & ~mask | opinion & mask, at: place)
    }
  }

  private mutating func recolour(
    _ pages: inout MutableSpan<UInt8>, _ computed: Span<UInt8>, at offset: Int,
    firstSerial: UInt64
  ) {
    for slot in 0..<StatusPage.statusCount {
      let place = offset + 8 * slot
      let serial = firstSerial + UInt64(slot)
      var opinion = Status.absent
      if place + 8 <= computed.count {
        opinion = Status(bits: computed.littleEndianWord(at: place))
      }
      if let load = load(of: serial) { opinion = load }
      if nextTouched < touched.count, touched[nextTouched].serial.value == serial {
        opinion = touched[nextTouched].over(opinion)
        nextTouched += 1
      }
      let present = Status(bits: pages.span.littleEndianWord(at: place))
      pages.setLittleEndianWord(present.recoloured(by: opinion).bits, at: place)
    }
  }

  private mutating func load(of serial: UInt64) -> Status? {
    while nextLoad < loads.count, loads[nextLoad].serials.upperBound <= serial { nextLoad += 1 }
    guard nextLoad < loads.count, loads[nextLoad].serials.contains(serial) else { return nil }
    return loads[nextLoad].opinion
  }
}
