import Glibc

/// Two words; the second decides between records whose first words are the same.
package struct RecordPair: BitwiseCopyable, Sendable {
  package var high: UInt64
  package var low: UInt64

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
package final class RecordWriter {
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

  private let store: RecordStore
  private let lineMemory: Memory
  private let lines: UnsafeMutablePointer<RecordPair>
  private var lineCounts: [UInt8]
  private var contents: Contents
  private var chunkCount: Int32 = 0
  private let chunksMax: Int
  private let divisor: UInt64

  init(_ store: RecordStore) throws(RecordsError) {
    self.store = store
    let count = store.partitionCount
    lineMemory = try Memory(byteCount: count * Self.lineRecords * 16)
    unsafe lines = lineMemory.start.assumingMemoryBound(to: RecordPair.self)
    lineCounts = [UInt8](repeating: 0, count: count)
    let chunksInSlab = max(1, min(Self.slabBytes, store.bytesInMemory) / Self.chunkBytes)
    contents = Contents(
      chunksInSlab: chunksInSlab, slabs: [], lastChunk: [Int32](repeating: -1, count: count),
      lastCount: [UInt32](repeating: 0, count: count), before: [], spill: nil,
      runs: Array(repeating: [], count: count), counts: [Int](repeating: 0, count: count))
    let slabCount = store.bytesInMemory / Self.chunkBytes / chunksInSlab
    chunksMax = max(1, min(slabCount, Int(Int32.max) / chunksInSlab)) * chunksInSlab
    divisor = UInt64(store.ownersInPartition)
  }

  /// Takes one record of an owner that the store has.
  package func add(_ record: RecordPair) throws(RecordsError) {
    let owner = (record.high >> RecordStore.ownerShift) - store.firstOwner
    let partition = Int(truncatingIfNeeded: owner / divisor)
    let count = Int(lineCounts[partition])
    unsafe lines[partition * Self.lineRecords + count] = record
    if count == Self.lineRecords - 1 {
      lineCounts[partition] = 0
      try flush(partition, Self.lineRecords)
    } else {
      lineCounts[partition] = UInt8(truncatingIfNeeded: count + 1)
    }
  }

  /// Moves `count` records of a partition's line to its chunk, which has room for lines only.
  private func flush(_ partition: Int, _ count: Int) throws(RecordsError) {
    var chunk = contents.lastChunk[partition]
    var filled = Int(contents.lastCount[partition])
    if chunk < 0 || filled + count > Self.chunkRecords {
      if Int(chunkCount) == chunksMax { try spill() }
      chunk = try newChunk(after: contents.lastChunk[partition])
      contents.lastChunk[partition] = chunk
      filled = 0
    }
    unsafe (contents.chunk(chunk) + filled).update(
      from: lines + partition * Self.lineRecords, count: count)
    contents.lastCount[partition] = UInt32(truncatingIfNeeded: filled + count)
    contents.counts[partition] += count
  }

  private func newChunk(after previous: Int32) throws(RecordsError) -> Int32 {
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
    return index
  }

  /// Writes all chunks to the spill file, partition by partition, and begins anew.
  private func spill() throws(RecordsError) {
    let file: SpillFile
    if let known = contents.spill { file = known } else { file = try store.makeSpillFile() }
    contents.spill = file
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
        // Chunks before the last are full lines; how full is the same for all of them.
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
    for partition in lineCounts.indices where lineCounts[partition] > 0 {
      try flush(partition, Int(lineCounts[partition]))
      lineCounts[partition] = 0
    }
    store.keep(contents)
    contents.slabs = []
  }
}
