import IssuerCore
import Records
import Server
import Synchronization

/// Has all units read by several threads, in the order of the files.
final class SourceReading: Sendable {
  private let plan: ComputePlan
  private let units: SourceUnits
  private let log: RejectLog
  private let progress: ComputeProgress
  private let next = Atomic<Int>(0)
  private let failure = Failure()
  private let events = Mutex<[Event]>([])

  /// Rejected rows of a unit that may wait in memory for those of the units before.
  private static let rejectBytesMax = 8 << 20

  init(
    _ plan: ComputePlan, _ units: SourceUnits, _ log: RejectLog, _ progress: ComputeProgress
  ) {
    self.plan = plan
    self.units = units
    self.log = log
    self.progress = progress
  }

  /// What matchers without a writer found, in any order.
  var found: [Event] { events.withLock { $0 } }

  /// Reads everything; each thread makes a matcher of its own.
  func run(threads: Int, _ matcher: @escaping @Sendable () throws -> RecordMatcher) throws {
    try Workers.run(threads) { _ in
      do { try self.work(try matcher()) } catch {
        self.failure.keep(error)
        throw error
      }
    }
    for file in units.files where !file.file.isUnchanged {
      throw ComputeError("\(file.file.path) was changed while it was read; nothing was written")
    }
  }

  private func work(_ matcher: RecordMatcher) throws {
    let reader = UnitReader(matcher, plan)
    while failure.first == nil {
      let number = next.add(1, ordering: .relaxed).oldValue
      guard number < units.units.count else { break }
      let unit = units.units[number]
      let file = units.files[unit.file]
      let extent = try reader.read(unit, of: file) { bytes, rows in
        progress.advance(bytes, rows: rows)
        guard matcher.rejects.bytes.count > Self.rejectBytesMax else { return }
        try waitForTurn(number)
        try log.addEarly(number, matcher.takeRejects())
      }
      guard file.file.isUnchanged else {
        throw ComputeError("\(file.file.path) was changed while it was read; nothing was written")
      }
      try log.add(
        number,
        RejectLog.Done(extent: extent, counts: matcher.counts, rejects: matcher.takeRejects()))
    }
    try matcher.finish()
    let found = matcher.found
    events.withLock { $0 += found }
  }

  /// Waits until all units before `number` are read. Whoever reads them does not wait: the lowest
  /// unit that is not read is the next.
  private func waitForTurn(_ number: Int) throws {
    while !log.isNext(number) {
      if let error = failure.first { throw error }
      System.sleep(milliseconds: 2)
    }
  }
}
