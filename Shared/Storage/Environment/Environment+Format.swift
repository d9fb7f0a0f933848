/// The version of what an environment holds: which tables there are, and how keys and values are
/// laid out. It is recorded in the environment, so that no program reads what it would take for
/// something else.
///
/// Of two versions of the program on one host, N and N-1, during an upgrade: the writer of N brings
/// up what N-1 wrote (a status cache is emptied and filled again), readers of N wait for that, and
/// readers of N-1 that have a cache open answer 503 once it was made anew. Back from N to N-1 goes
/// where the format stayed; where it did not, N-1 refuses and names the cure.
package struct StoredFormat: Sendable {
  /// What a step writes to bring what is stored from one version to the next. One transaction, so
  /// at most some ten thousand puts, or reading as it goes.
  package typealias Step = @Sendable (inout WriteTransaction) throws(StorageError) -> Void

  /// What the environment holds, for people: "the change log".
  package let content: String
  /// What else to do about a newer version than to run the newer program.
  package let cure: String
  /// The steps from version 1 to 2, from 2 to 3 and so on up to the current one.
  package let steps: [Step]
  /// The version that this program writes.
  package let current: UInt32

  package init(content: String, cure: String, steps: [Step] = []) {
    self.content = content
    self.cure = cure
    self.steps = steps
    current = UInt32(steps.count) + 1
  }

  /// Of what is made anew instead of brought up.
  package init(content: String, cure: String, current: UInt32) {
    self.content = content
    self.cure = cure
    steps = []
    self.current = current
  }

  /// Refuses a version that a newer program made.
  package func refuse(newer version: UInt32, in directory: String) throws(StorageError) {
    guard version > current else { return }
    throw StorageError(
      .newerFormat, "opening \(directory)",
      "\(content) there has format \(version), which a newer version of CityCode made; this program"
        + " knows formats up to \(current): run the newer version, or \(cure)")
  }
}

extension Environment {
  private static let formatKey = Array("format".utf8)

  /// Makes sure that what is stored is of `format`, by the record in `meta`: something newer is
  /// refused, something older brought up step by step in one transaction, or refused where this
  /// process only reads. What has no record is of version 1, the one from before there were
  /// records, or new if `isNew`.
  package func adopt(
    _ format: StoredFormat, in meta: Table, isNew: Bool
  ) throws(StorageError) {
    let key = Self.formatKey
    let stored = try read { transaction throws(StorageError) in
      try transaction.get(meta, key: key.span) { StoredFormat.version($0) }
    }
    let version = stored ?? (isNew ? format.current : 1)
    try format.refuse(newer: version, in: directory)
    guard openedFor == .readWrite else {
      guard version == format.current else { throw format.older(version, in: directory) }
      return
    }
    guard stored != format.current else { return }
    let text = Array("\(format.current)".utf8)
    try write { transaction throws(StorageError) in
      for step in format.steps.dropFirst(Int(version) - 1) { try step(&transaction) }
      try transaction.put(meta, key: key.span, value: text.span)
    }
  }
}

extension StoredFormat {
  /// Reads a record, decimal digits from 1 on; what is none counts as newer than all.
  fileprivate static func version(_ record: Span<UInt8>) -> UInt32 {
    var version: UInt32 = 0
    for index in record.indices {
      let digit = record[index] &- UInt8(ascii: "0")
      guard digit < 10, version < 100_000 else { return .max }
      version = version * 10 + UInt32(digit)
    }
    return version == 0 ? .max : version
  }

  fileprivate func older(_ version: UInt32, in directory: String) -> StorageError {
    StorageError(
      .notFound, "opening \(directory)",
      "\(content) there has format \(version), this program reads \(current); it is brought up when"
        + " its writer of this version starts")
  }
}
