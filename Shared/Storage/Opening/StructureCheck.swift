internal import CLMDB
internal import Glibc

/// Looks through the trees of a data file before LMDB maps it, which believes every number in them:
/// one flipped bit there can end the process, lose entries, or lead a key to another's value.
///
/// Every page in use must say its own number and be in use once; nodes must fill their pages, keys
/// ascend and lie where the branches above say; counts must be those recorded; and pages listed as
/// free must not be in use. Values are not looked at: they have checksums of their own, or not. For
/// the one process that may write, before it opens: nothing changes meanwhile. Reads 4 KB for about
/// fifty values of a page's length.
struct StructureCheck {
  /// What is wrong, for the log.
  struct Damage: Error {
    let text: String
    init(_ text: String) { self.text = text }
  }

  /// Throws `corrupted` for a damaged file; none at all, or an empty one, is whole.
  static func check(_ path: String) throws(StorageError) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return }
      throw StorageError(systemError: errno, "opening \(path)")
    }
    defer { close(descriptor) }
    var information = stat()
    guard unsafe fstat(descriptor, &information) == 0, information.st_size > 0 else { return }
    do throws(Damage) {
      var check = try StructureCheck(descriptor)
      try check.run()
    } catch {
      throw StorageError(.corrupted, "opening \(path)", "it is damaged: \(error.text)")
    }
  }

  private let descriptor: Int32
  private let meta: [UInt8]
  private let pageBytes: Int
  private var isUsed: [Bool]

  private static let noPage = UInt64.max
  private static let depthMax = 32
  private static let integerKeys: UInt16 = 0x08
  private static let branch: UInt16 = 0x01
  private static let leaf: UInt16 = 0x02
  private static let overflow: UInt16 = 0x04

  private init(_ descriptor: Int32) throws(Damage) {
    self.descriptor = descriptor
    let first = Self.read(descriptor, at: 0, count: 152) ?? []
    let pageBytes = first.isEmpty ? 0 : Int(first.number(40, as: UInt32.self))
    guard 512...65_536 ~= pageBytes,
      let second = Self.read(descriptor, at: pageBytes, count: 152),
      second.number(40, as: UInt32.self) == UInt32(pageBytes)
    else { throw Damage("a root page cannot be read") }
    self.pageBytes = pageBytes
    meta = [first, second].max {
      $0.number(144, as: UInt64.self) < $1.number(144, as: UInt64.self)
    }!
    let lastPage = meta.number(136, as: UInt64.self)
    guard lastPage < 1 << 40 else { throw Damage("a root page has an impossible length") }
    isUsed = [Bool](repeating: false, count: Int(lastPage) + 1)
    for index in 0..<min(2, isUsed.count) { isUsed[index] = true }
  }

  private mutating func run() throws(Damage) {
    var free: [[UInt64]] = []
    var main = Tree(record: meta, at: 88, isMain: true)
    try walk(&main)
    var list = Tree(record: meta, at: 40, isFreeList: true)
    try walk(&list)
    free = list.freePages
    for page in free.joined() {
      guard page < UInt64(isUsed.count), !isUsed[Int(page)] else {
        throw Damage("page \(page) is listed as free and is not")
      }
      isUsed[Int(page)] = true
    }
  }

  // MARK: Trees

  /// A tree, and what is counted of it.
  private struct Tree {
    let flags: UInt16
    let depth: UInt16
    let wanted: [UInt64]
    let root: UInt64
    var isMain = false
    var isFreeList = false
    /// Branches, leaves, overflow pages, entries.
    var counts: [UInt64] = [0, 0, 0, 0]
    var freePages: [[UInt64]] = []

    init(record: [UInt8], at offset: Int, isMain: Bool = false, isFreeList: Bool = false) {
      flags = record.number(offset + 4, as: UInt16.self)
      depth = record.number(offset + 6, as: UInt16.self)
      wanted = (0..<4).map { record.number(offset + 8 + 8 * $0, as: UInt64.self) }
      root = record.number(offset + 40, as: UInt64.self)
      self.isMain = isMain
      self.isFreeList = isFreeList
    }

    var hasIntegerKeys: Bool { flags & StructureCheck.integerKeys != 0 }
  }

  private mutating func walk(_ tree: inout Tree) throws(Damage) {
    let isExpected = tree.isFreeList ? tree.hasIntegerKeys : !(tree.isMain && tree.flags != 0)
    guard tree.flags & ~Self.integerKeys == 0, isExpected else {
      throw Damage("a table has flags that nobody gave it")
    }
    if tree.root != Self.noPage {
      guard 1...Self.depthMax ~= Int(tree.depth) else { throw Damage("a tree is too deep") }
      _ = try walk(tree.root, height: Int(tree.depth), &tree)
    }
    guard tree.counts == tree.wanted else { throw Damage("a table has lost or won entries") }
  }

  /// Walks the tree below a page; its first and last key.
  private mutating func walk(
    _ number: UInt64, height: Int, _ tree: inout Tree
  ) throws(Damage) -> (first: [UInt8], last: [UInt8]) {
    let page = try take(number, pageCount: 1, byteCount: pageBytes)
    let kind = page.number(10, as: UInt16.self) & 0x6F
    guard kind == (height == 1 ? Self.leaf : Self.branch) else {
      throw Damage("page \(number) is of another kind")
    }
    tree.counts[height == 1 ? 1 : 0] += 1
    var keys: [UInt8]?
    var first: [UInt8]?
    for node in try nodes(of: page, number, tree, isBranch: height > 1) {
      var (low, high) = (node.key, node.key)
      if height > 1 {
        (low, high) = try walk(node.child, height: height - 1, &tree)
        // The leftmost separator is not kept up to date, and not looked at.
        guard first == nil || !low.lexicographicallyPrecedes(node.key),
          keys.map({ $0.lexicographicallyPrecedes(first == nil ? low : node.key) }) ?? true
        else { throw Damage("page \(number) leads to the wrong pages") }
      } else {
        try visit(node, page, number, &tree)
      }
      guard keys.map({ $0.lexicographicallyPrecedes(low) }) ?? true else {
        throw Damage("the keys of page \(number) do not ascend")
      }
      if first == nil { first = low }
      keys = high
    }
    guard let first, let keys else { throw Damage("page \(number) is empty") }
    return (first, keys)
  }

  // MARK: Pages

  private struct Node {
    let key: [UInt8]
    /// Of a branch.
    let child: UInt64
    let flags: UInt16
    /// Of a leaf: where its data begin in the page, and how long the value is.
    let data: Int
    let byteCount: Int
  }

  private func nodes(
    of page: [UInt8], _ number: UInt64, _ tree: Tree, isBranch: Bool
  ) throws(Damage) -> [Node] {
    let lower = Int(page.number(12, as: UInt16.self))
    let upper = Int(page.number(14, as: UInt16.self))
    let damage = Damage("page \(number) is not laid out as a page is")
    guard 16...upper ~= lower || lower == upper, lower >= 18, upper <= pageBytes, lower % 2 == 0
    else { throw damage }
    var nodes: [Node] = []
    var filled = 0
    for place in stride(from: 16, to: lower, by: 2) {
      let offset = Int(page.number(place, as: UInt16.self))
      guard offset >= upper, offset + 8 <= pageBytes else { throw damage }
      let low = Int(page.number(offset, as: UInt32.self))
      let flags = page.number(offset + 4, as: UInt16.self)
      let keyCount = Int(page.number(offset + 6, as: UInt16.self))
      let data = offset + 8 + keyCount
      let isLong = !isBranch && flags & 0x01 != 0
      let end = data + (isBranch ? 0 : isLong ? 8 : low)
      guard keyCount <= 511, end <= pageBytes, isBranch || flags & ~0x03 == 0 else { throw damage }
      let hasKey = !(isBranch && nodes.isEmpty)
      guard !hasKey || keyCount == 8 || (keyCount > 0 && !tree.hasIntegerKeys) else { throw damage }
      var key = Array(page[offset + 8..<data])
      if tree.hasIntegerKeys { key.reverse() }
      nodes.append(
        Node(
          key: key, child: UInt64(low) | UInt64(flags) << 32, flags: flags, data: data,
          byteCount: low))
      filled += (end - offset + 1) & ~1
    }
    guard filled == pageBytes - upper else { throw damage }
    return nodes
  }

  /// Looks at an entry of a leaf: a table, a long value, or one in the page.
  private mutating func visit(
    _ node: Node, _ page: [UInt8], _ number: UInt64, _ tree: inout Tree
  ) throws(Damage) {
    tree.counts[3] += 1
    if node.flags & 0x02 != 0 {
      guard tree.isMain, node.byteCount == 48, node.flags & 0x01 == 0 else {
        throw Damage("page \(number) has a table where none can be")
      }
      var table = Tree(record: page, at: node.data)
      return try walk(&table)
    }
    var value = page
    var start = node.data
    if node.flags & 0x01 != 0 {
      let pageCount = (16 + node.byteCount + pageBytes - 1) / pageBytes
      let long = page.number(node.data, as: UInt64.self)
      value = try take(
        long, pageCount: pageCount, byteCount: tree.isFreeList ? pageCount * pageBytes : 16)
      guard value.number(10, as: UInt16.self) & 0x6F == Self.overflow,
        value.number(12, as: UInt32.self) == UInt32(pageCount)
      else { throw Damage("page \(long) does not hold a long value") }
      tree.counts[2] += UInt64(pageCount)
      start = 16
    }
    if tree.isFreeList {
      let count = node.byteCount >= 8 ? value.number(start, as: UInt64.self) : .max
      guard count == UInt64(node.byteCount / 8 - 1) else {
        throw Damage("the list of free pages has a wrong length")
      }
      tree.freePages.append(
        (1..<node.byteCount / 8).map { value.number(start + 8 * $0, as: UInt64.self) })
    }
  }

  /// The first bytes of pages that are in use from now on, and were not before.
  private mutating func take(
    _ number: UInt64, pageCount: Int, byteCount: Int
  ) throws(Damage) -> [UInt8] {
    guard number < UInt64(isUsed.count), pageCount <= isUsed.count - Int(number) else {
      throw Damage("page \(number) is behind the end")
    }
    let pages = Int(number)..<Int(number) + pageCount
    guard isUsed[pages].allSatisfy({ !$0 }) else { throw Damage("page \(number) is used twice") }
    for page in pages { isUsed[page] = true }
    guard let bytes = Self.read(descriptor, at: Int(number) * pageBytes, count: byteCount) else {
      throw Damage("page \(number) cannot be read")
    }
    guard bytes.number(0, as: UInt64.self) == number else {
      throw Damage("page \(number) says that it is another")
    }
    return bytes
  }

  private static func read(_ descriptor: Int32, at offset: Int, count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    let read = unsafe pread(descriptor, &bytes, count, off_t(offset))
    return read == count ? bytes : nil
  }
}
