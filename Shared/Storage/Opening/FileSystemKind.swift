internal import CLMDB
internal import Glibc

/// Which file systems an environment may lie on. LMDB needs a shared memory map that all processes
/// see alike and locks that end with their process; file systems over a network promise neither.
enum FileSystemKind {
  /// The name of a file system that is refused; `nil` for those that will do.
  static func refusedName(magic: UInt32) -> String? {
    switch magic {
    case 0x6969: "NFS"
    case 0x517B, 0xFF53_4D42, 0xFE53_4D42: "SMB"
    case 0x6573_5546: "FUSE"
    case 0x0102_1997: "9p"
    case 0x00C3_6400: "CephFS"
    case 0x5346_414F, 0x6B41_4653: "AFS"
    case 0x0BD0_0BD0: "Lustre"
    case 0x4750_4653: "GPFS"
    case 0x7375_7245: "Coda"
    case 0x0116_1970: "GFS2"
    case 0x7461_636F: "OCFS2"
    default: nil
    }
  }

  /// Whether the directory's file system has less than a mebibyte left.
  static func isFull(_ directory: String) -> Bool {
    var information = statfs()
    guard unsafe statfs(directory, &information) == 0 else { return false }
    return Int(information.f_bavail) * Int(information.f_bsize) < 1 << 20
  }

  /// Refuses directories that do not exist, cannot be written, or lie on the wrong file system.
  static func check(_ directory: String) throws(StorageError) {
    var information = statfs()
    guard unsafe statfs(directory, &information) == 0 else {
      throw StorageError(systemError: errno, "opening \(directory)")
    }
    let magic = UInt32(truncatingIfNeeded: information.f_type)
    if let name = refusedName(magic: magic) {
      throw StorageError(
        .networkFileSystem, "opening \(directory)",
        "it lies on \(name), where memory maps and locks are not shared safely; use a directory"
          + " on a local disk")
    }
    // On a read-only mount LMDB would let readers in without a slot, and the writer would reuse
    // the pages they are reading.
    let readOnlyMount = 1
    if Int(information.f_flags) & readOnlyMount != 0 {
      throw StorageError(
        .permission, "opening \(directory)",
        "it is mounted read-only, but readers too mark their slot in lock.mdb; mount it"
          + " read-write")
    }
  }
}

/// What a file is, whatever its name: the same through symbolic and hard links.
struct FileIdentity: Hashable, Sendable {
  let device: UInt64
  let inode: UInt64

  /// `nil` when there is no such file. Only asks for its state: opening and closing LMDB's lock
  /// file by other means would drop the reader locks of the whole process.
  init?(path: String) {
    var information = stat()
    guard unsafe stat(path, &information) == 0 else { return nil }
    device = UInt64(information.st_dev)
    inode = UInt64(information.st_ino)
  }
}
