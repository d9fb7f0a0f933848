import Codes
import Feed
import IssuerCore
import Server
import StatusCache
import Storage

/// Registers a population in one step: documents and guardians in one transaction of the
/// registry, statuses as a new generation of the cache, and a segment that says "switch".
///
/// The order makes every interruption harmless: pages nobody refers to, then the registry with
/// the switch segment and its recipe in one commit, then the cache's switch; `LogRecovery` makes
/// up for the last if the process died before it.
struct PopulationLoad {
  let store: IssuerStore
  let statusValidDays: Int
  let rejects: RejectsFile

  func run(_ source: PeopleSource) throws -> LoadSummary {
    try LogRecovery(store).run()
    var index = PopulationIndex()
    try read(source, into: &index)
    let state = try store.registry.state()
    guard state.lastPosition == state.chain.position else {
      throw ConfigurationError(
        "the last changes are not sealed yet, the issuer died before it could: run `issuer serve`"
          + " until it says ready, stop it, and load again")
    }
    let settled = try settle(&index, state)
    try rejects.finish()
    var summary = LoadSummary()
    summary.new = index.acceptedCount
    summary.known = index.knownCount
    summary.rejected = rejects.count
    precondition(
      settled == index.rowCount - index.acceptedCount - index.knownCount, "a row was lost")
    if index.acceptedCount > 0 {
      try write(index, state)
    } else if index.knownCount > 0 {
      // Someone may have another phone number or name now.
      try store.registry.environment.write { transaction throws(StorageError) in
        try writeContacts(index, in: &transaction)
        try store.registry.countLoad(in: &transaction)
      }
    }
    return summary
  }

  // MARK: Reading

  private func read(_ source: PeopleSource, into index: inout PopulationIndex) throws {
    var reader = PopulationReader()
    var failure: (any Error)?
    var taken = PopulationIndex()
    swap(&taken, &index)
    let secret = store.secret
    let onRow: PopulationReader.OnRow = { row in
      let guardian = row.guardianType.map { secret.key(of: $0, canonical: row.guardian.span) }
      taken.add(
        document: secret.key(of: row.documentType, canonical: row.document.span),
        kind: row.kind, guardian: guardian,
        contact: secret.contactKey(phone: row.phone.span, name: row.name.span), line: row.line)
    }
    let onReject: PopulationReader.OnReject = { line, reason, row in
      do { try rejects.add(line: line, reason: reason.name, row: row) } catch { failure = error }
    }
    try source.forEachChunk { chunk in
      try reader.receive(chunk, onRow: onRow, onReject: onReject)
      if let failure { throw failure }
    } rows: {
      taken.rowCount
    }
    try reader.finish(onRow: onRow, onReject: onReject)
    if let failure { throw failure }
    swap(&taken, &index)
  }

  /// Decides which rows are new; how many were refused here.
  private func settle(_ index: inout PopulationIndex, _ state: Registry.State) throws -> Int {
    var refused = 0
    let isFirst = state.nextSerial == 1
    let registry = try RegistryReader(store.registry)
    let cache = try CacheReader(SharedCache(store.cache), region: store.region)
    try cache.renew()
    defer { cache.reset() }
    let known: (Bytes16) throws -> (Serial, HolderKind)? = { key in
      guard let serial = try registry.serial(ofDocument: key) else { return nil }
      return (serial, cache.status(of: serial)?.kind ?? .unspecified)
    }
    try index.settle(nextSerial: state.nextFreeSerial, known: isFirst ? nil : known) {
      line, reason in
      refused += 1
      try rejects.add(line: line, reason: reason.rawValue, row: [UInt8]().span)
    }
    registry.reset()
    return refused
  }

  // MARK: Writing

  private func write(_ index: PopulationIndex, _ before: Registry.State) throws {
    let now = WallClock.now()
    var recipe = LoadRecipe(
      firstSerial: before.nextFreeSerial,
      validUntil: now.cityTime.advanced(bySeconds: Int64(statusValidDays) * 86_400),
      reserving: index.acceptedCount)
    index.forEachKind { recipe.append($0) }
    System.writeError("writing \(index.acceptedCount) statuses\n")
    var builder = try GenerationBuilder(store.cache, version: before.lastPosition + 1)
    let (pageCount, digest) = try recipe.build(&builder, on: store.cache)
    var bytes: [UInt8] = []
    let segment = Segment.seal(
      .switchGeneration(generation: builder.generation, digest: digest, pageCount: pageCount),
      region: store.region, after: before.chain, asOf: now, signedBy: store.sealerKey,
      into: &bytes)
    System.writeError("writing \(index.acceptedCount) documents\n")
    try writeRegistry(index, recipe, before, segment, bytes)
    try store.cache.switchTo(
      generation: builder.generation, pageCount: pageCount, chain: segment.end,
      appliedPosition: segment.lastPosition, servablePosition: 0, asOf: now,
      keepingPrevious: false)
  }

  private func writeRegistry(
    _ index: PopulationIndex, _ recipe: LoadRecipe, _ before: Registry.State, _ segment: Segment,
    _ encoded: [UInt8]
  ) throws {
    let registry = store.registry
    var state = before
    state.nextSerial = before.nextFreeSerial + UInt64(index.acceptedCount)
    state.lastPosition = segment.lastPosition
    state.chain = segment.end
    let isFirst = before.nextSerial == 1
    try registry.environment.write { transaction throws(StorageError) in
      var key: [UInt8] = []
      var value: [UInt8] = []
      try index.forEachDocument { document, serial throws(StorageError) in
        key.removeAll(keepingCapacity: true)
        value.removeAll(keepingCapacity: true)
        document.append(to: &key)
        value.appendBigEndian(serial.value, byteCount: 5)
        if isFirst {
          try transaction.append(registry.documents, key: key.span, value: value.span)
        } else {
          try transaction.put(registry.documents, key: key.span, value: value.span)
        }
      }
      try writeContacts(index, in: &transaction)
      try index.forEachGuardian { dependant, new, document throws(StorageError) in
        var guardian = new
        if guardian == nil {
          guardian =
            try transaction.get(registry.documents, key: document.bytes.span) {
              Serial(stored: $0)
            } ?? nil
        }
        guard let guardian else { return }
        try transaction.put(
          registry.guardians, key: dependant.value, value: guardian.bytes.span)
      }
      try transaction.put(registry.segments, key: segment.number, value: encoded.span)
      value.removeAll()
      recipe.encode(into: &value)
      try transaction.put(registry.recipes, key: segment.number, value: value.span)
      try registry.countLoad(in: &transaction)
      try registry.put(state, in: &transaction)
    }
  }

  /// A phone number and a name that two holders have, of this file or before, stay nobody's.
  private func writeContacts(
    _ index: PopulationIndex, in transaction: inout WriteTransaction
  ) throws(StorageError) {
    let contacts = store.registry.contacts
    let isFirst = try transaction.count(contacts) == 0
    var key: [UInt8] = []
    var value: [UInt8] = []
    try index.forEachContact { contact, serial throws(StorageError) in
      key.removeAll(keepingCapacity: true)
      value.removeAll(keepingCapacity: true)
      contact.append(to: &key)
      value.appendBigEndian(serial?.value ?? 0, byteCount: 5)
      if isFirst { return try transaction.append(contacts, key: key.span, value: value.span) }
      let known = try transaction.get(contacts, key: key.span) { [UInt8](copying: $0) }
      if known == value { return }
      if known != nil { value = [0, 0, 0, 0, 0] }
      if known != value { try transaction.put(contacts, key: key.span, value: value.span) }
    }
  }
}
