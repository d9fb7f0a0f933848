internal import CLMDB
internal import Glibc

/// Looks at a data file before LMDB maps it. A file that ends before its last page in use (a copy
/// that broke off, a disk that lost its end) would kill the process with SIGBUS at some later
/// read; LMDB itself only looks at the first two pages.
///
/// The file may rightly be shorter than the last page ever used, because pages that were free
/// again before they were committed are never written. So when it is shorter, the trees are
/// walked, and only pages in use count.
struct TornFile {
  /// Throws for a file that is not LMDB's or lacks pages in use; returns whether it is new.
  static func check(_ path: String, _ directory: String) throws(StorageError) -> Bool {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      // LMDB makes it, or says why it cannot.
      if errno == ENOENT { return true }
      throw StorageError(systemError: errno, "opening \(path)")
    }
    defer { close(descriptor) }
    // A writer may commit between two of our reads: what looks torn is looked at again.
    for _ in 0..<3 {
      let file = TornFile(descriptor: descriptor)
      if file.byteCount == 0 { return true }
      guard let meta = file.newestMeta() else {
        throw StorageError(
          .foreignFile, "opening \(path)",
          "it is not an LMDB file of this machine's kind; was something else put in its place?")
      }
      let isWhole = (meta.lastPage + 1) * meta.pageBytes <= file.byteCount
      if isWhole || file.holdsTrees(of: meta) { return false }
    }
    throw StorageError(
      .foreignFile, "opening \(path)",
      "the file ends before its last page in use, so it is torn: rebuild \(directory) (status"
        + " cache) or restore it from a backup")
  }

  private let descriptor: Int32
  private let byteCount: Int

  private init(descriptor: Int32) {
    self.descriptor = descriptor
    var information = stat()
    byteCount = unsafe fstat(descriptor, &information) == 0 ? Int(information.st_size) : 0
  }

  // MARK: The two meta pages

  private struct Meta {
    let pageBytes: Int
    let lastPage: Int
    let transaction: UInt64
    /// Of the list of free pages and of the main tree.
    let roots: [UInt64]
  }

  private static let magic: UInt32 = 0xBEEF_C0DE
  private static let version: UInt32 = 1
  private static let noPage = UInt64.max

  private func newestMeta() -> Meta? {
    guard let first = meta(at: 0) else { return nil }
    guard let second = meta(at: first.pageBytes) else { return nil }
    return first.transaction >= second.transaction ? first : second
  }

  private func meta(at offset: Int) -> Meta? {
    guard let page = bytes(at: offset, count: 152),
      page.number(16, as: UInt32.self) == Self.magic,
      page.number(20, as: UInt32.self) == Self.version
    else { return nil }
    let pageBytes = Int(page.number(40, as: UInt32.self))
    guard 512...65_536 ~= pageBytes, let lastPage = Int(exactly: page.number(136, as: UInt64.self)),
      lastPage < Int.max / 65_536 - 1
    else { return nil }
    return Meta(
      pageBytes: pageBytes, lastPage: lastPage, transaction: page.number(144, as: UInt64.self),
      roots: [page.number(80, as: UInt64.self), page.number(128, as: UInt64.self)])
  }

  // MARK: The trees

  /// Whether all pages in use lie inside the file.
  private func holdsTrees(of meta: Meta) -> Bool {
    var waiting = meta.roots.filter { $0 != Self.noPage }
    var budget = meta.lastPage + 1
    while let number = waiting.popLast() {
      budget -= 1
      guard budget >= 0, let page = page(number, meta) else { return false }
      guard visit(page, meta, &waiting) else { return false }
    }
    return true
  }

  private func page(_ number: UInt64, _ meta: Meta) -> [UInt8]? {
    guard number <= UInt64(meta.lastPage) else { return nil }
    return bytes(at: Int(number) * meta.pageBytes, count: meta.pageBytes)
  }

  /// Adds the children of a branch, the roots of tables in a leaf, and checks long values.
  private func visit(_ page: [UInt8], _ meta: Meta, _ waiting: inout [UInt64]) -> Bool {
    let branch: UInt16 = 0x01
    let leaf: UInt16 = 0x02
    let isLong: UInt16 = 0x01
    let isTable: UInt16 = 0x02
    let kind = page.number(10, as: UInt16.self)
    let nodeCount = (Int(page.number(12, as: UInt16.self)) - 16) / 2
    guard kind & (branch | leaf) != 0, nodeCount >= 0, 16 + nodeCount * 2 <= page.count else {
      return false
    }
    for index in 0..<nodeCount {
      let node = Int(page.number(16 + index * 2, as: UInt16.self))
      guard node + 8 <= page.count else { return false }
      let low = UInt64(page.number(node, as: UInt32.self))
      let flags = page.number(node + 4, as: UInt16.self)
      let data = node + 8 + Int(page.number(node + 6, as: UInt16.self))
      if kind & branch != 0 {
        waiting.append(low | UInt64(flags) << 32)
      } else if flags & isTable != 0 {
        guard data + 48 <= page.count else { return false }
        let root = page.number(data + 40, as: UInt64.self)
        if root != Self.noPage { waiting.append(root) }
      } else if flags & isLong != 0 {
        guard data + 8 <= page.count else { return false }
        let first = page.number(data, as: UInt64.self)
        let pageCount = (16 + Int(low) + meta.pageBytes - 1) / meta.pageBytes
        guard first <= UInt64(meta.lastPage),
          (Int(first) + pageCount) * meta.pageBytes <= byteCount
        else { return false }
      }
    }
    return true
  }

  private func bytes(at offset: Int, count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    let read = unsafe pread(descriptor, &bytes, count, off_t(offset))
    return read == count ? bytes : nil
  }
}

extension [UInt8] {
  /// A number in the machine's own order, as LMDB writes them.
  func number<T: FixedWidthInteger & BitwiseCopyable>(
    _ offset: Int, as type: T.Type
  ) -> T {
    unsafe withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: offset, as: T.self) }
  }
}
