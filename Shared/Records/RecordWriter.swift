import Glibc

/// Two words; the second decides between records whose first words are the same.
public struct RecordPair: BitwiseCopyable, Sendable {
  @usableFromInline package var high: UInt64
  @usableFromInline package var low: UInt64

  @inlinable
  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  @inlinable
  static func isBefore(_ left: RecordPair, _ right: RecordPair) -> Bool {
    left.high == right.high ? left.low < right.low : left.high < right.high
  }
}

/// Puts one thread's records into their partitions.
///
/// A record first goes to a line of the cache that its partition has in a small table; a full line
/// goes to the partition's chunk. So the memory written at random stays small.
@safe
public final class RecordWriter {
  /// Records in a line of the cache.
  private static let lineRecords = 4
  static let chunkRecords = 256
  private static let chunkBytes = chunkRecords * 16
  /// Memory is asked for in slabs of so many bytes, or as much as a writer may have at all.
  private static let slabBytes = 32 << 20

  /// What a finished writer leaves to be read.
  struct Contents: @unchecked Sendable {
    let chunksInSlab: Int
    // Not written any more.
    var slabs: [Memory]
    /// By partition: its last chunk, −1 for none; how many records are in that.
    var lastChunk: [Int32]
    var lastCount: [UInt32]
    /// By chunk: the one before of the same partition.
    var before: [Int32]
    var spill: SpillFile?
    /// By partition: runs in the spill file.
    var runs: [[(start: Int, count: Int)]]
    /// Records by partition.
    var counts: [Int]

    func chunk(_ index: Int32) -> UnsafeMutablePointer<RecordPair> {
      let slab = Int(index) / chunksInSlab
      let place = Int(index) % chunksInSlab
      return unsafe (slabs[slab].start + place * RecordWriter.chunkBytes)
        .assumingMemoryBound(to: RecordPair.self)
    }
  }

  /// What a partition's records are put by.
  private struct Cursor {
    /// Behind the last line in the partition's chunk. Chunks lie at multiples of their size, so
    /// one of these is the end of a full chunk; 0 stands for none.
    var address: UInt
    /// Records in the line.
    var count: Int
  }

  private let store: RecordStore
  private let memory: [Memory]
  private let lines: UnsafeMutablePointer<RecordPair>
  private let cursors: UnsafeMutablePointer<Cursor>
  private var contents: Contents
  private var chunkCount: Int32 = 0
  private let chunksMax: Int
  private let firstOwner: UInt64
  /// 2^64 / owners in a partition, rounded up: a product's upper half is the quotient for all
  /// owners below 2^32.
  private let reciprocal: UInt64

  init(_ store: RecordStore) throws(RecordsError) {
    self.store = store
    let count = store.partitionCount
    let lineMemory = try Memory(byteCount: count * Self.lineRecords * 16)
    let cursorMemory = try Memory(byteCount: count * MemoryLayout<Cursor>.stride)
    memory = [lineMemory, cursorMemory]
    unsafe lines = lineMemory.start.assumingMemoryBound(to: RecordPair.self)
    unsafe cursors = cursorMemory.start.assumingMemoryBound(to: Cursor.self)
    let chunksInSlab = max(1, min(Self.slabBytes, store.bytesInMemory) / Self.chunkBytes)
    contents = Contents(
      chunksInSlab: chunksInSlab, slabs: [], lastChunk: [Int32](repeating: -1, count: count),
      lastCount: [UInt32](repeating: 0, count: count), before: [], spill: nil,
      runs: Array(repeating: [], count: count), counts: [Int](repeating: 0, count: count))
    let slabCount = store.bytesInMemory / Self.chunkBytes / chunksInSlab
    chunksMax = max(1, min(slabCount, Int(Int32.max) / chunksInSlab)) * chunksInSlab
    precondition(store.owners.count < 1 << 32, "a store has fewer than 4,294,967,296 owners")
    precondition(store.ownersInPartition > 1, "a partition has several owners")
    firstOwner = store.firstOwner
    reciprocal = UInt64.max / UInt64(store.ownersInPartition) + 1
  }

  /// Takes one record of an owner that the store has.
  package func add(_ record: RecordPair) throws(RecordsError) {
    let owner = (record.high >> RecordStore.ownerShift) &- firstOwner
    let partition = Int(truncatingIfNeeded: owner.multipliedFullWidth(by: reciprocal).high)
    let cursor = unsafe cursors + partition
    let line = unsafe lines + partition * Self.lineRecords
    let count = unsafe cursor.pointee.count
    unsafe line[count] = record
    if count < Self.lineRecords - 1 {
      unsafe cursor.pointee.count = count + 1
    } else {
      unsafe cursor.pointee.count = 0
      try flush(partition, Self.lineRecords)
    }
  }

  /// Moves `count` records of a partition's line to its chunk; fewer than a line only at the end.
  @inline(__always)
  private func flush(_ partition: Int, _ count: Int) throws(RecordsError) {
    let cursor = unsafe cursors + partition
    if unsafe cursor.pointee.address % UInt(Self.chunkBytes) == 0 { try addChunk(to: partition) }
    let target = unsafe UnsafeMutablePointer<RecordPair>(bitPattern: cursor.pointee.address)
    unsafe target.unsafelyUnwrapped.update(
      from: lines + partition * Self.lineRecords, count: count)
    unsafe cursor.pointee.address += UInt(count * 16)
  }

  private func addChunk(to partition: Int) throws(RecordsError) {
    if Int(chunkCount) == chunksMax { try spill() }
    let previous = contents.lastChunk[partition]
    if previous >= 0 { contents.counts[partition] += Self.chunkRecords }
    let index = chunkCount
    if Int(index) == contents.slabs.count * contents.chunksInSlab {
      contents.slabs.append(
        try Memory(byteCount: contents.chunksInSlab * Self.chunkBytes))
    }
    if Int(index) == contents.before.count {
      contents.before.append(previous)
    } else {
      contents.before[Int(index)] = previous
    }
    chunkCount += 1
    contents.lastChunk[partition] = index
    unsafe cursors[partition].address = UInt(bitPattern: contents.chunk(index))
  }

  /// Notes how full the last chunks are.
  private func closeChunks() {
    for partition in contents.lastChunk.indices where contents.lastChunk[partition] >= 0 {
      let bytes = unsafe (cursors[partition].address - 1) % UInt(Self.chunkBytes) + 1
      contents.lastCount[partition] = UInt32(bytes / 16)
      contents.counts[partition] += Int(bytes / 16)
      unsafe cursors[partition].address = 0
    }
  }

  /// Writes all chunks to the spill file, partition by partition, and begins anew.
  private func spill() throws(RecordsError) {
    let file: SpillFile
    if let known = contents.spill { file = known } else { file = try store.makeSpillFile() }
    contents.spill = file
    closeChunks()
    let bufferBytes = 4 << 20
    let buffer = try Memory(byteCount: bufferBytes)
    var used = 0
    var position = file.byteCount
    for partition in contents.lastChunk.indices {
      var chunk = contents.lastChunk[partition]
      var count = Int(contents.lastCount[partition])
      let start = position
      while chunk >= 0 {
        let bytes = count * 16
        if used + bytes > bufferBytes {
          _ = try unsafe file.append(UnsafeRawBufferPointer(start: buffer.start, count: used))
          used = 0
        }
        unsafe (buffer.start + used).copyMemory(from: contents.chunk(chunk), byteCount: bytes)
        used += bytes
        position += bytes
        chunk = contents.before[Int(chunk)]
        // Those before the last are full.
        count = Self.chunkRecords
      }
      if position > start {
        contents.runs[partition].append((start, (position - start) / 16))
      }
      contents.lastChunk[partition] = -1
      contents.lastCount[partition] = 0
    }
    _ = try unsafe file.append(UnsafeRawBufferPointer(start: buffer.start, count: used))
    chunkCount = 0
  }

  /// Gives everything to the store; the writer is spent.
  package func finish() throws(RecordsError) {
    for partition in 0..<store.partitionCount {
      let count = unsafe cursors[partition].count
      if count > 0 { try flush(partition, count) }
      unsafe cursors[partition].count = 0
    }
    closeChunks()
    store.keep(contents)
    contents.slabs = []
  }
}
