import Glibc

/// Takes partitions out of a store, sorted and without repetitions; one for each thread.
@safe
public final class RecordReader {
  private let store: RecordStore
  private let contents: [RecordWriter.Contents]
  private var raw: Memory?
  private var sorted: Memory?
  private var capacity = 0
  /// By owner of the partition: where its records begin; one more than there are owners.
  @usableFromInline var starts: [UInt32] = []
  @usableFromInline var ends: [UInt32] = []

  init(_ store: RecordStore, _ contents: [RecordWriter.Contents]) {
    self.store = store
    self.contents = contents
  }

  /// Loads a partition: each owner's records ascend, and of those that differ in the last 8 bits
  /// only the first stays; `onRepeat` is told the second word of each other.
  package func load(
    partition: Int, onRepeat: (_ low: UInt64) -> Void
  ) throws(RecordsError) {
    let count = contents.reduce(0) { $0 + $1.counts[partition] }
    guard count < Int(UInt32.max) else {
      throw RecordsError(operation: "sort", path: "4 billion records of one part", errno: EFBIG)
    }
    if count > capacity {
      sorted = nil
      capacity = count + count / 4
      sorted = try Memory(byteCount: capacity * 16)
    }
    let owners = store.ownersInPartition
    starts.removeAll(keepingCapacity: true)
    starts.append(contentsOf: repeatElement(0, count: owners + 1))
    guard count > 0, let sorted else {
      ends = starts
      return
    }
    let to = unsafe sorted.start.assumingMemoryBound(to: RecordPair.self)
    let first = store.firstOwner + UInt64(partition * owners)
    unsafe distribute(try pieces(partition), first, to)
    unsafe settle(to, onRepeat)
  }

  /// Records that lie one behind the other.
  @safe
  private struct Piece {
    let start: UnsafePointer<RecordPair>
    let count: Int

    @inline(__always)
    subscript(index: Int) -> RecordPair { unsafe start[index] }
  }

  /// Where all records of a partition are: those in memory where the writers put them, the others
  /// read into memory.
  private func pieces(_ partition: Int) throws(RecordsError) -> [Piece] {
    var pieces: [Piece] = []
    let spilled = contents.reduce(0) { $0 + $1.runs[partition].reduce(0) { $0 + $1.count } }
    if spilled > 0 { raw = try Memory(byteCount: spilled * 16) }
    var filled = 0
    for part in contents {
      var chunk = part.lastChunk[partition]
      var count = Int(part.lastCount[partition])
      while chunk >= 0 {
        unsafe pieces.append(Piece(start: part.chunk(chunk), count: count))
        chunk = part.before[Int(chunk)]
        count = RecordWriter.chunkRecords
      }
      for run in part.runs[partition] {
        guard let raw else { continue }
        let start = unsafe raw.start + filled * 16
        try unsafe part.spill?.read(
          at: run.start, into: UnsafeMutableRawBufferPointer(start: start, count: run.count * 16))
        unsafe pieces.append(
          Piece(start: start.assumingMemoryBound(to: RecordPair.self), count: run.count))
        filled += run.count
      }
    }
    return pieces
  }

  /// Counting sort by owner.
  private func distribute(
    _ pieces: [Piece], _ first: UInt64, _ to: UnsafeMutablePointer<RecordPair>
  ) {
    // Taken out of `self` while they are written.
    var starts = exchange(&self.starts, with: [])
    var offsets = starts.mutableSpan
    for piece in pieces {
      for index in 0..<piece.count {
        let owner = Int((piece[index].high >> RecordStore.ownerShift) &- first)
        offsets[owner] &+= 1
      }
    }
    var sum: UInt32 = 0
    for owner in 0..<offsets.count {
      let here = offsets[owner]
      offsets[owner] = sum
      sum += here
    }
    var ends = starts
    self.starts = starts
    var places = ends.mutableSpan
    for piece in pieces {
      for index in 0..<piece.count {
        let record = piece[index]
        let owner = Int((record.high >> RecordStore.ownerShift) &- first)
        unsafe to[Int(places[owner])] = record
        places[owner] &+= 1
      }
    }
    self.ends = ends
  }

  /// Sorts each owner's records and drops repetitions.
  private func settle(
    _ records: UnsafeMutablePointer<RecordPair>, _ onRepeat: (UInt64) -> Void
  ) {
    // Taken out of `self` while they are written.
    var ends = exchange(&self.ends, with: [])
    defer { self.ends = ends }
    var places = ends.mutableSpan
    for owner in 0..<store.ownersInPartition {
      let start = Int(starts[owner])
      let end = Int(places[owner])
      guard end - start > 1 else { continue }
      if end - start <= 24 {
        unsafe insertionSort(records, start, end)
      } else {
        var slice = unsafe UnsafeMutableBufferPointer(start: records + start, count: end - start)
        unsafe slice.sort(by: RecordPair.isBefore)
      }
      var kept = start
      for index in start + 1..<end {
        let record = unsafe records[index]
        let last = unsafe records[kept]
        if record.high == last.high, record.low >> 8 == last.low >> 8 {
          onRepeat(record.low)
        } else {
          kept += 1
          unsafe records[kept] = record
        }
      }
      places[owner] = UInt32(truncatingIfNeeded: kept + 1)
    }
  }

  @inline(__always)
  private func insertionSort(
    _ records: UnsafeMutablePointer<RecordPair>, _ start: Int, _ end: Int
  ) {
    var index = start + 1
    while index < end {
      let record = unsafe records[index]
      var place = index
      while place > start, unsafe RecordPair.isBefore(record, records[place - 1]) {
        unsafe records[place] = records[place - 1]
        place -= 1
      }
      unsafe records[place] = record
      index += 1
    }
  }

  /// Where the records of owner `index` of the loaded partition stand among those `withRecords`
  /// lends.
  @inlinable
  package func range(ofOwner index: Int) -> Range<Int> {
    // An end is never before its start.
    unsafe Range(uncheckedBounds: (Int(starts[index]), Int(ends[index])))
  }

  /// Lends the loaded partition's records as values of a type of the same 16 bytes.
  package func withRecords<T: BitwiseCopyable, R>(
    as type: T.Type, _ body: (Span<T>) throws -> R
  ) rethrows -> R {
    precondition(MemoryLayout<T>.size == 16 && MemoryLayout<T>.stride == 16, "16 bytes")
    let count = Int(starts.last ?? 0)
    guard count > 0, let sorted else { return try body(Span()) }
    let records = unsafe UnsafeBufferPointer(
      start: sorted.start.assumingMemoryBound(to: T.self), count: count)
    return try body(unsafe records.span)
  }
}
