import Codes
import IssuerCore
import Records
import Security
import Server
import StatusCache
import Storage
import Synchronization

/// From raw records to the pages of a generation: reads and matches all rows, holds what they say
/// in partitions by holder, then decides every holder and writes the pages in order of serials.
struct ComputeEngine {
  struct Options: Sendable {
    var threads = System.onlineProcessors
    /// Bytes, for all that grows with the input.
    var memory = 4 << 30
    var shard = GenerationShard.whole
    /// Where what does not fit into memory goes.
    var spillDirectory: String
    /// `nil`: rejected rows are only counted.
    var rejectsPath: String?
    var isQuiet = false
    /// Bytes of records in memory, less than `memory` leaves for them: for tests.
    var recordBytesMax = Int.max
    /// See `SourceUnits`.
    var rangeBytes = SourceUnits.rangeBytesDefault
  }

  /// Where the registered are, and what their documents are stored under.
  struct Registered {
    let secret: RegionSecret
    let region: Region
    /// Opens the registry for reading.
    let open: () throws -> Registry
  }

  let plan: ComputePlan
  let registered: Registered
  let options: Options
  let progress: ComputeProgress
  private let start = System.monotonicNanoseconds

  init(_ plan: ComputePlan, _ registered: Registered, _ options: Options) {
    self.plan = plan
    self.registered = registered
    self.options = options
    progress = ComputeProgress(quiet: options.isQuiet)
  }

  /// What a computation made.
  struct Result {
    let manifest: GenerationManifest
    let spilledBytes: Int
    /// How long each step took.
    let steps: [(String, Double)]
  }

  /// Computes a generation, or the shard of one, into `directory`.
  func run(into directory: String, signedBy key: SigningKey) throws -> Result {
    defer { progress.end() }
    var steps: [(String, Double)] = []
    let base = try base()
    let pages = options.shard.pages(of: base)
    let writer = try GenerationWriter(directory: directory, shard: options.shard, base: base)
    let read = try read(base, pages)
    steps += read.steps
    progress.begin("deciding", total: pages.count)
    let begun = System.monotonicNanoseconds
    let totals = try StatusPages(plan, base, read.store, pages, writer)
      .run(threads: options.threads, progress)
    let sources = try account(read.tallies, totals)
    steps.append(("decide and write", Self.seconds(since: begun)))
    let manifest = try writer.finish(
      GenerationFacts(
        planName: plan.name, planDigest: plan.digest, asOf: plan.asOf,
        rejectShareMax: plan.rejectShareMax, sources: sources,
        seconds: Self.seconds(since: start)), signedBy: key)
    return Result(manifest: manifest, spilledBytes: read.store.spilledBytes, steps: steps)
  }

  private func base() throws -> GenerationBase {
    let registry = try registered.open()
    return GenerationBase(try registry.state(), region: registered.region)
  }

  static func seconds(since start: UInt64) -> Double {
    Double(System.monotonicNanoseconds - start) / 1e9
  }

  // MARK: Reading

  private struct Read {
    let store: RecordStore
    let tallies: [RejectLog.Tally]
    let steps: [(String, Double)]
  }

  private func read(_ base: GenerationBase, _ pages: Range<Int>) throws -> Read {
    var whole: Set<String> = []
    let begun = System.monotonicNanoseconds
    progress.begin("reading who is registered", total: 1)
    let index = try index(base)
    let indexed = Self.seconds(since: begun)
    // Opened anew: what the index was read from need not stay in memory.
    let registry = try registered.open()
    while true {
      let units = try SourceUnits(plan, whole: whole, rangeBytes: options.rangeBytes)
      let store = try store(base, pages, index)
      do {
        let tallies = try read(units, index, registry, base, store)
        return Read(
          store: store, tallies: tallies,
          steps: [
            ("index", indexed), ("read and match", Self.seconds(since: begun) - indexed),
          ])
      } catch let cut as RejectLog.CutInRow {
        // A quoted line feed where the file was cut: that file once more, in one piece.
        whole.insert(cut.path)
      }
    }
  }

  private func index(_ base: GenerationBase) throws -> KeyIndex {
    let registry = try registered.open()
    let count = try DocumentIndex.count(registry)
    let needed = KeyIndex.byteCount(for: count) + Self.fixedBytes(threads: options.threads)
    guard options.memory > needed + Self.leastRecordBytes else {
      throw ComputeError(
        "--memory is too little for \(count) documents: give at least "
          + "\((needed + Self.leastRecordBytes) >> 20 + 1) MiB")
    }
    return try DocumentIndex.build(
      registry, nextSerial: base.nextSerial, threads: options.threads)
  }

  /// What does not grow: buffers, the program itself, the partition in work.
  private static func fixedBytes(threads: Int) -> Int { 64 << 20 + threads * (24 << 20) }
  private static let leastRecordBytes = 64 << 20

  private func store(
    _ base: GenerationBase, _ pages: Range<Int>, _ index: KeyIndex
  ) throws -> RecordStore {
    let owners =
      UInt64(
        pages.lowerBound * StatusPage.statusCount)..<UInt64(
        pages.upperBound * StatusPage.statusCount)
    return RecordStore(
      owners: owners,
      ownersInPartition: StatusPages.partitionPages(of: pages.count) * StatusPage.statusCount,
      writers: options.threads,
      byteCountMax: min(
        options.recordBytesMax,
        options.memory - index.byteCount - Self.fixedBytes(threads: options.threads)),
      spillDirectory: options.spillDirectory)
  }

  private func read(
    _ units: SourceUnits, _ index: KeyIndex, _ registry: Registry, _ base: GenerationBase,
    _ store: RecordStore
  ) throws -> [RejectLog.Tally] {
    progress.begin("reading", total: units.byteCount)
    let log = try RejectLog(units, plan, options.shard, path: options.rejectsPath)
    let registered = RecordMatcher.Registered(
      secret: self.registered.secret, index: index, registry: registry,
      serials: store.owners, nextSerial: base.nextSerial)
    let reading = SourceReading(plan, units, log, progress)
    try reading.run(threads: options.threads) {
      try RecordMatcher(registered, try store.writer())
    }
    try log.finish()
    return log.tallies
  }

  /// The counts of each source; they must add up, or nothing is finished.
  private func account(
    _ tallies: [RejectLog.Tally], _ totals: StatusPages.Totals
  ) throws -> [GenerationSource] {
    try plan.sources.indices.map { index in
      let tally = tallies[index]
      let name = plan.sources[index].name
      let (used, duplicates) = (totals.used[index], totals.duplicates[index])
      guard
        tally.rows == tally.matched + tally.elsewhere + tally.rejected + tally.rejectedElsewhere,
        used + duplicates == tally.matched
      else {
        throw ComputeError(
          "\(name): of \(tally.rows) rows \(used) were used, \(duplicates) were duplicates and "
            + "\(tally.rejected) were rejected, which does not add up: nothing was written")
      }
      return GenerationSource(
        name: name, rows: used + duplicates + tally.rejected, used: used, duplicates: duplicates,
        rejected: tally.rejected)
    }
  }

  // MARK: One holder

  /// The events of one holder, ascending, none repeated: what the plan's rules decide from.
  func events(of serial: Serial) throws -> [Event] {
    let base = try base()
    let registry = try registered.open()
    let index = try DocumentIndex.build(
      registry, nextSerial: base.nextSerial, threads: options.threads)
    let registered = RecordMatcher.Registered(
      secret: self.registered.secret, index: index, registry: registry,
      serials: serial.value..<serial.value + 1, nextSerial: base.nextSerial)
    var whole: Set<String> = []
    while true {
      let units = try SourceUnits(plan, whole: whole, rangeBytes: options.rangeBytes)
      progress.begin("reading", total: units.byteCount)
      let log = try RejectLog(units, plan, .whole, path: nil)
      let reading = SourceReading(plan, units, log, progress)
      do {
        try reading.run(threads: options.threads) { try RecordMatcher(registered, nil) }
      } catch let cut as RejectLog.CutInRow {
        whole.insert(cut.path)
        continue
      }
      progress.end()
      var events: [Event] = []
      for event in reading.found.sorted() where events.last?.repeats(event) != true {
        events.append(event)
      }
      return events
    }
  }
}
