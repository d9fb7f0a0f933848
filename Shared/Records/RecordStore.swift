import Glibc
import Synchronization

/// Records of 16 bytes in partitions by the upper bits of their first word: what one pass over the
/// input puts in, in any order, and a second takes out partition by partition.
///
/// Each thread puts records in through a `RecordWriter` of its own. What exceeds the memory allowed
/// goes to files without a name, which the system removes when the process ends, however it ends.
package final class RecordStore: Sendable {
  /// What a record's first word is shifted by to give its owner's number.
  package static let ownerShift: UInt64 = 24

  /// Owners in a partition.
  package let ownersInPartition: Int
  /// All owners whose records can be put in.
  package let owners: Range<UInt64>
  /// The first owner of partition 0.
  package var firstOwner: UInt64 { owners.lowerBound }
  package let partitionCount: Int
  private let spillDirectory: String
  /// Bytes that a writer may hold before it spills.
  let bytesInMemory: Int
  private let finished = Mutex<[RecordWriter.Contents]>([])

  /// `owners` in partitions of `ownersInPartition`; `byteCountMax` for all `writers` together.
  package init(
    owners: Range<UInt64>, ownersInPartition: Int, writers: Int, byteCountMax: Int,
    spillDirectory: String
  ) {
    self.owners = owners
    self.ownersInPartition = ownersInPartition
    partitionCount = (owners.count + ownersInPartition - 1) / ownersInPartition
    bytesInMemory = byteCountMax / writers
    self.spillDirectory = spillDirectory
  }

  /// A writer for one thread.
  package func writer() throws(RecordsError) -> RecordWriter { try RecordWriter(self) }

  func keep(_ contents: RecordWriter.Contents) { finished.withLock { $0.append(contents) } }

  /// How many bytes went to disk.
  package var spilledBytes: Int {
    finished.withLock { $0.reduce(0) { $0 + ($1.spill?.byteCount ?? 0) } }
  }

  /// The readers of one thread.
  package func reader() -> RecordReader {
    RecordReader(self, finished.withLock { $0 })
  }

  /// A file that exists as long as this process has it open.
  func makeSpillFile() throws(RecordsError) -> SpillFile { try SpillFile(in: spillDirectory) }
}

/// A file without a name in a directory, for what does not fit into memory.
@safe
final class SpillFile: @unchecked Sendable {
  // Written by one thread, later read by several, with pwrite and pread.
  private let descriptor: Int32
  private let path: String
  private(set) var byteCount = 0

  init(in directory: String) throws(RecordsError) {
    path = "\(directory)/spill-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw RecordsError(operation: "create", path: path, errno: errno)
    }
    unsafe unlink(path)
  }

  deinit { close(descriptor) }

  /// Appends bytes; where they begin.
  func append(_ bytes: UnsafeRawBufferPointer) throws(RecordsError) -> Int {
    let start = byteCount
    var done = 0
    while done < bytes.count {
      let count = unsafe pwrite(
        descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(start + done))
      if count < 0 {
        if errno == EINTR { continue }
        throw RecordsError(operation: "write", path: path, errno: errno)
      }
      done += count
    }
    byteCount += done
    return start
  }

  func read(at start: Int, into bytes: UnsafeMutableRawBufferPointer) throws(RecordsError) {
    var done = 0
    while done < bytes.count {
      let count = unsafe pread(
        descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(start + done))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw RecordsError(operation: "read", path: path, errno: count < 0 ? errno : EIO)
      }
      done += count
    }
  }
}
