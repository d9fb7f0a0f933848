internal import CLMDB

/// How much of an environment is used.
package struct MapUsage: Sendable, Equatable {
  /// Bytes of the file up to the last page ever used.
  package let fileBytes: Int
  /// Those of them that are free to be used again.
  package let freeBytes: Int
  /// The most the file may grow to.
  package let mapBytes: Int

  /// The part of the map that is in use, 0 to 1. Raise an alarm at 0.5, stop bulk work at 0.8.
  package var fraction: Double { Double(fileBytes - freeBytes) / Double(mapBytes) }
}

/// A reader slot that is taken.
package struct ReaderSlot: Sendable, Equatable {
  package let processID: Int32
  /// The thread that took it, as LMDB writes it: tells the slots of one process apart.
  package let thread: String
  /// The commit whose view it holds; `nil` when it holds none.
  package let transaction: UInt64?
  /// How many commits have happened since that view; `nil` when it holds none.
  package let lag: UInt64?
}

extension Environment {
  /// Frees the reader slots of processes that were killed; returns how many. Do it every ten
  /// seconds: their views would hold back the reuse of pages.
  @discardableResult
  package func clearDeadReaders() throws(StorageError) -> Int {
    var count: Int32 = 0
    try StorageError.check(
      unsafe mdb_reader_check(handle, &count), "checking the readers of \(directory)")
    return Int(count)
  }

  /// How much of the map is used; walks the list of free pages, so ask now and then.
  package func mapUsage() throws(StorageError) -> MapUsage {
    let transaction = try unsafe begin(writes: false)
    defer { unsafe end(transaction, writes: false) }
    var information = unsafe MDB_envinfo()
    try StorageError.check(
      unsafe mdb_env_info(handle, &information), "measuring \(directory)")
    var statistics = MDB_stat()
    try StorageError.check(
      unsafe mdb_env_stat(handle, &statistics), "measuring \(directory)")
    var freePages = 0
    var start = unsafe MDB_val()
    // Table 0 lists the free pages: every value begins with how many numbers follow.
    let freeList = Table(name: "free pages", integerKeys: true, handle: 0)
    try unsafe Access(transaction).visit(freeList, from: &start) { _, value in
      if unsafe value.mv_size >= 8 {
        unsafe freePages += value.mv_data.loadUnaligned(as: Int.self)
      }
      return true
    }
    let pageBytes = Int(statistics.ms_psize)
    return unsafe MapUsage(
      fileBytes: (information.me_last_pgno + 1) * pageBytes, freeBytes: freePages * pageBytes,
      mapBytes: information.me_mapsize)
  }

  /// How many reader slots there are: as many as the first opener asked for.
  package func readerSlotCount() throws(StorageError) -> Int {
    var information = unsafe MDB_envinfo()
    try StorageError.check(
      unsafe mdb_env_info(handle, &information), "measuring \(directory)")
    return Int(unsafe information.me_maxreaders)
  }

  /// The processes that hold reader slots, and how far each is behind.
  package func readers() throws(StorageError) -> [ReaderSlot] {
    var information = unsafe MDB_envinfo()
    try StorageError.check(
      unsafe mdb_env_info(handle, &information), "listing the readers of \(directory)")
    var text: [UInt8] = []
    let result = unsafe withUnsafeMutablePointer(to: &text) { pointer in
      unsafe mdb_reader_list(
        handle,
        { line, context in
          // One line of text at a time, lent by LMDB.
          guard let line = unsafe line, let context = unsafe context else { return -1 }
          unsafe context.assumingMemoryBound(to: [UInt8].self).pointee
            .append(contentsOf: String(cString: line).utf8)
          return 0
        }, pointer)
    }
    if result < 0 { throw StorageError(result: result, "listing the readers of \(directory)") }
    let latest = UInt64(unsafe information.me_last_txnid)
    return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap {
      ReaderSlot(line: $0, latest: latest)
    }
  }
}

extension ReaderSlot {
  /// A line is "pid thread transaction", with "-" for no transaction; the heading has no number.
  fileprivate init?(line: Substring, latest: UInt64) {
    let words = line.split(separator: " ")
    guard words.count == 3, let processID = Int32(words[0]) else { return nil }
    self.processID = processID
    thread = String(words[1])
    transaction = UInt64(words[2])
    lag = transaction.map { latest - min(latest, $0) }
  }
}
