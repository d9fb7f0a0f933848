internal import CLMDB
internal import Glibc

/// What went wrong in an environment: a stable code, what was being done, and a text that names
/// the path and the cure.
@usableFromInline
package struct StorageError: Error, Equatable, CustomStringConvertible {
  /// The kinds of failure; each says what the caller should do.
  package enum Code: String, Sendable {
    /// The map has no room left: nothing was changed, reads go on. Stop writing and raise an
    /// alarm; delete something, or restart with a larger map.
    case mapFull
    /// The disk has no room left: nothing was changed, reads go on. Free space and try again.
    case diskFull
    /// Every reader slot is taken: end a reader, or one process too many was started.
    case readersFull
    /// This process has the environment open already: share the `Environment` value.
    case alreadyOpen
    /// Another process is the writer of this environment: end it first.
    case writerExists
    /// The opener stands in another PID namespace than those who have it open.
    case foreignPIDNamespace
    /// The directory lies on a file system whose locks or maps are not good enough.
    case networkFileSystem
    /// The file is not LMDB's, of another version, or shorter than its own record says.
    case foreignFile
    /// What is stored is of a format that a newer version of this program made: run that one, or
    /// follow the cure in the text.
    case newerFormat
    /// The file contradicts itself: rebuild it or restore a backup.
    case corrupted
    /// The disk failed while writing or reading: stop acknowledging, look at the kernel's log.
    case inputOutput
    /// A write of the root page failed earlier: the environment must be opened anew.
    case panic
    /// This process may not read or write the directory or a file in it.
    case permission
    /// There is no such directory, or nothing has been written there yet.
    case notFound
    /// The environment has no table of that name; only a writer makes one.
    case missingTable
    /// The table exists with other kinds of keys.
    case incompatibleTable
    /// Others hold the environment just now: try again.
    case busy
    /// The transaction has grown too large: commit in smaller steps.
    case transactionFull
    /// A key that is empty or longer than 511 bytes.
    case badKey
    /// An append whose key is not above all others.
    case outOfOrder
    /// LMDB or the system refused for a reason of its own.
    case other
  }

  package let code: Code
  /// What was being done, with the path.
  package let operation: String
  /// The reason and, where there is one, the cure.
  package let detail: String

  package init(_ code: Code, _ operation: String, _ detail: String) {
    self.code = code
    self.operation = operation
    self.detail = detail
  }

  @usableFromInline
  package var description: String { "\(operation): \(detail) [\(code.rawValue)]" }
}

extension StorageError {
  /// Throws the error a result of LMDB stands for; 0 is success.
  static func check(
    _ result: Int32, _ operation: @autoclosure () -> String
  ) throws(StorageError) {
    guard result != 0 else { return }
    throw StorageError(result: result, operation())
  }

  /// The error of LMDB's `result`: one of its own codes, or a system `errno`.
  init(result: Int32, _ operation: String) {
    let code = Self.code(of: result)
    let reason = unsafe String(cString: mdb_strerror(result))
    self.init(code, operation, Self.text(of: code).map { "\(reason): \($0)" } ?? reason)
  }

  /// The error the system's `errno` stands for.
  init(systemError: Int32, _ operation: String) { self.init(result: systemError, operation) }

  private static func code(of result: Int32) -> Code {
    switch result {
    case MDB_MAP_FULL: .mapFull
    case MDB_READERS_FULL: .readersFull
    case MDB_VERSION_MISMATCH, MDB_INVALID: .foreignFile
    case MDB_CORRUPTED, MDB_PAGE_NOTFOUND: .corrupted
    case MDB_PANIC: .panic
    case MDB_TXN_FULL: .transactionFull
    case MDB_BAD_VALSIZE: .badKey
    case MDB_KEYEXIST: .outOfOrder
    case MDB_INCOMPATIBLE: .incompatibleTable
    case ENOSPC, EDQUOT: .diskFull
    case EIO: .inputOutput
    case EACCES, EPERM, EROFS: .permission
    case ENOENT, ENOTDIR: .notFound
    case EBUSY: .busy
    // Only a reader's PID lock is taken without waiting: somebody else with our PID has it.
    case EAGAIN: .foreignPIDNamespace
    default: .other
    }
  }

  private static func text(of code: Code) -> String? {
    switch code {
    case .mapFull:
      "delete data, or stop this host's processes, raise map_size_mib for all, start them again"
    case .diskFull: "free disk space; nothing was changed and reads go on"
    case .readersFull: "too many readers; end some, or look for one that leaks read transactions"
    case .foreignFile:
      "data.mdb is not of this program, or damaged; move it away (a status cache is rebuilt,"
        + " other data comes from a backup)"
    case .corrupted: "rebuild the directory (status cache) or restore it from a backup"
    case .inputOutput: "the disk failed or is full; look at the kernel's log"
    case .panic: "an earlier write of the root page failed; restart this process"
    case .permission:
      "run as the user that owns the directory, or give it to this one; data.mdb and lock.mdb"
        + " must be readable and writable, for readers too, which mark their slot in lock.mdb"
    case .notFound: "create or mount the directory first, or start its writer"
    case .foreignPIDNamespace: PIDNamespace.rule
    default: nil
    }
  }
}
