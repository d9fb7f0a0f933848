import Codes
import IssuerCore
import Records
import StatusCache
import Storage
import Synchronization

/// Decides every holder of a shard and writes the pages, partition by partition, on all threads.
final class StatusPages: Sendable {
  /// Pages in a partition: its records are to fit into the processor's cache.
  static let pagesInPartition = 64
  /// Never more partitions: what is written to them at random must fit into the cache, too.
  private static let partitionsMax = 4_096

  /// How many pages go into one partition when there are `count` in all.
  static func partitionPages(of count: Int) -> Int {
    max(pagesInPartition, (count + partitionsMax - 1) / partitionsMax)
  }

  private let plan: ComputePlan
  private let base: GenerationBase
  private let store: RecordStore
  private let pages: Range<Int>
  private let writer: GenerationWriter
  private let next = Atomic<Int>(0)
  private let totals: Mutex<Totals>

  /// Events by source.
  struct Totals: Sendable, Equatable {
    var used = [Int](repeating: 0, count: 256)
    var duplicates = [Int](repeating: 0, count: 256)

    mutating func add(_ other: Totals) {
      for index in used.indices {
        used[index] += other.used[index]
        duplicates[index] += other.duplicates[index]
      }
    }
  }

  init(
    _ plan: ComputePlan, _ base: GenerationBase, _ store: RecordStore, _ pages: Range<Int>,
    _ writer: GenerationWriter
  ) {
    self.plan = plan
    self.base = base
    self.store = store
    self.pages = pages
    self.writer = writer
    totals = Mutex(Totals())
  }

  /// Writes all pages; what became of the events.
  func run(threads: Int, _ progress: ComputeProgress) throws -> Totals {
    let failure = Failure()
    try Workers.run(threads) { _ in
      do { try self.work(progress, failure) } catch {
        failure.keep(error)
        throw error
      }
    }
    return totals.withLock { $0 }
  }

  private func work(_ progress: ComputeProgress, _ failure: Failure) throws {
    let reader = store.reader()
    let partitionPages = store.ownersInPartition / StatusPage.statusCount
    var buffer = [UInt8](repeating: 0, count: partitionPages * StatusPage.byteCount)
    var mine = Totals()
    while failure.first == nil {
      let partition = next.add(1, ordering: .relaxed).oldValue
      guard partition < store.partitionCount else { break }
      var duplicates = mine.duplicates
      try reader.load(partition: partition) { low in duplicates[Int(low & 0xFF)] += 1 }
      mine.duplicates = duplicates
      let first = pages.lowerBound + partition * partitionPages
      let count = min(partitionPages, pages.upperBound - first)
      let rows = reader.withRecords(as: Event.self) { events in
        decide(events, reader, first, count, &buffer, &mine)
        return events.count
      }
      try writer.write(
        buffer.span.extracting(0..<count * StatusPage.byteCount), firstPage: first)
      progress.advance(count, rows: rows)
    }
    let done = mine
    totals.withLock { $0.add(done) }
  }

  private func decide(
    _ events: Span<Event>, _ reader: RecordReader, _ first: Int, _ count: Int,
    _ buffer: inout [UInt8], _ totals: inout Totals
  ) {
    let program = plan.program
    let statuses = (0...program.ruleCount).map { Self.status(program.decision(of: $0)) }
    let otherwise = statuses[program.ruleCount]
    let used = FixedBuffer(repeating: 0, count: 256)
    let firstSerial = UInt64(first * StatusPage.statusCount)
    var span = buffer.mutableSpan
    for page in 0..<count {
      let start = page * StatusPage.byteCount
      for slot in 0..<StatusPage.statusCount {
        let owner = page &* StatusPage.statusCount &+ slot
        let range = reader.range(ofOwner: owner)
        var bits = otherwise
        if !range.isEmpty {
          let mine = events.extracting(range)
          for index in mine.indices { used[Int(mine[index].source)] += 1 }
          bits = statuses[program.rule(for: mine)]
        }
        let serial = firstSerial &+ UInt64(owner)
        // Nobody's: the page says nothing of them.
        if serial == 0 || serial >= base.nextSerial { bits = Status.absent.bits }
        span.setLittleEndianWord(
          bits, at: start &+ StatusPage.headerByteCount &+ 8 &* slot)
      }
      StatusPage.seal(&span, at: start, version: base.position)
    }
    for source in totals.used.indices { totals.used[source] += used[source] }
  }

  /// What a page says of a holder: the kind and all else come from the present when it is put in
  /// force.
  private static func status(_ decision: Decision) -> UInt64 {
    Status(
      colour: decision.colour, kind: .unspecified, reason: decision.reason,
      validUntil: decision.validUntil
    ).bits
  }
}
