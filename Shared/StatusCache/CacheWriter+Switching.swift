package import Codes
package import Feed
package import Storage

/// A generation beside the one in force that shall replace it.
package struct Candidate: Sendable, Equatable {
  package let generation: UInt32
  package var pageCount: UInt32

  package init(generation: UInt32, pageCount: UInt32) {
    self.generation = generation
    self.pageCount = pageCount
  }
}

/// Switching while single changes go on: a candidate is built and brought near the present in
/// bounded transactions, from any thread; the last of the way is gone in the transaction that
/// switches.
extension CacheWriter {
  /// The generation before the one in force, if it is held.
  package var previous: Candidate? {
    let state = state
    guard state.previousGeneration != 0 else { return nil }
    return Candidate(
      generation: state.previousGeneration, pageCount: state.previousPageCount)
  }

  /// Appends whole sealed pages to `candidate` in one transaction.
  package func append(
    _ pages: Span<UInt8>, to candidate: inout Candidate
  ) throws(StorageError) {
    let count = pages.count / StatusPage.byteCount
    let first = CacheTables.key(candidate.generation, candidate.pageCount)
    let tables = tables
    try tables.environment.write { transaction throws(StorageError) in
      for index in 0..<count {
        let start = index * StatusPage.byteCount
        try transaction.append(
          tables.pages, key: first + UInt64(index),
          value: pages.extracting(start..<start + StatusPage.byteCount))
      }
    }
    candidate.pageCount += UInt32(count)
  }

  /// Does to `candidate` what single changes did: the holders in `touched` (in order, each once)
  /// get the fields that were set, and kind, flags and revision of the present. Repeating it does
  /// no harm, so it may be interrupted. One transaction: some thousands of holders at most.
  package func catchUp(
    _ candidate: inout Candidate, _ touched: ArraySlice<TouchedHolder>
  ) throws {
    guard !touched.isEmpty else { return }
    var caughtUp = candidate
    try change { transaction, state in
      try bring(&caughtUp, touched, state, version: state.appliedPosition, &transaction)
    }
    candidate = caughtUp
  }

  /// Makes `candidate` the generation in force, after catching up with `touched`, in one small
  /// transaction that stands for the log up to `chain`. What was in force becomes the previous
  /// one; what was previous is for `removeGenerations`. Doing it again changes nothing.
  package func switchTo(
    _ candidate: Candidate, catchingUp touched: ArraySlice<TouchedHolder>,
    chain: ChainPosition, asOf: Instant
  ) throws {
    try change { transaction, state in
      guard state.chain.segment < chain.segment else { return }
      guard state.appliedPosition + 1 == chain.position else {
        throw CacheError(
          code: .outOfOrder,
          detail: "the switch at position \(chain.position) does not follow position"
            + " \(state.appliedPosition)")
      }
      var candidate = candidate
      try bring(&candidate, touched, state, version: chain.position, &transaction)
      guard candidate.pageCount >= state.pageCount else {
        throw CacheError(code: .strangePage, detail: "pages of the new generation are missing")
      }
      if state.pageCount > 0 {
        state.previousGeneration = state.generation
        state.previousPageCount = state.pageCount
      }
      state.generation = candidate.generation
      state.pageCount = candidate.pageCount
      state.chain = chain
      state.appliedPosition = chain.position
      state.servablePosition = 0
      state.asOf = max(state.asOf, asOf)
    }
  }

  /// Notes a switch whose outcome a later one has overridden: the statuses stay.
  package func pass(_ segment: Segment) throws {
    try change { _, state in
      guard segment.number == state.chain.segment + 1,
        segment.firstPosition == state.appliedPosition + 1
      else {
        throw CacheError(
          code: .outOfOrder,
          detail: "segment \(segment.number) does not follow segment \(state.chain.segment)")
      }
      state.chain = segment.end
      state.appliedPosition = segment.lastPosition
      state.asOf = max(state.asOf, segment.asOf)
    }
  }

  /// Gives the holders of a generation that is not in force the statuses in `changes`.
  func edit(
    _ changes: ArraySlice<(Serial, Status)>, of candidate: Candidate, version: UInt64
  ) throws -> Candidate {
    var edited = candidate
    try change { transaction, state in
      var there = state
      there.generation = candidate.generation
      there.pageCount = candidate.pageCount
      there.appliedPosition = version
      try edit(changes, &there, &transaction)
      edited.pageCount = there.pageCount
    }
    return edited
  }

  private func bring(
    _ candidate: inout Candidate, _ touched: ArraySlice<TouchedHolder>, _ state: CacheState,
    version: UInt64, _ transaction: inout WriteTransaction
  ) throws {
    var index = touched.startIndex
    while index < touched.endIndex {
      let number = touched[index].serial.page
      // Pages opened since hold nobody but new holders, all of whom are touched; one that is
      // empty in between is as good.
      while candidate.pageCount < number {
        var page = StatusPage()
        page.seal(version: version)
        try store(page, candidate.pageCount, of: candidate, in: &transaction)
        candidate.pageCount += 1
      }
      let present = try page(number, of: state.generation, in: transaction)
      var target = try page(number, of: candidate.generation, in: transaction)
      while index < touched.endIndex, touched[index].serial.page == number {
        let slot = touched[index].serial.slot
        target[slot] = present[slot].recoloured(by: touched[index].over(target[slot]))
        index += 1
      }
      target.seal(version: version)
      try store(target, number, of: candidate, in: &transaction)
      candidate.pageCount = max(candidate.pageCount, number + 1)
    }
  }

  private func store(
    _ page: StatusPage, _ number: UInt32, of candidate: Candidate,
    in transaction: inout WriteTransaction
  ) throws(StorageError) {
    let bytes = page.bytes
    try transaction.put(
      tables.pages, key: CacheTables.key(candidate.generation, number), value: bytes.span)
  }
}
