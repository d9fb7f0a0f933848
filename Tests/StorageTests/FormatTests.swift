import Storage
import Support
import Synchronization
import Testing

@Suite struct FormatTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory(quick: true) }

  /// Opens the environment as a program that knows formats up to `steps.count + 1` does.
  private func open(
    _ steps: [StoredFormat.Step] = [], isNew: Bool = false,
    for purpose: Environment.Purpose = .readWrite
  ) throws -> (Environment, Table) {
    let environment = try Environment(
      directory: directory.path, mapSizeBytes: 8 << 20, for: purpose)
    let meta = try environment.table("meta")
    let format = StoredFormat(content: "the diary", cure: "burn it", steps: steps)
    try environment.adopt(format, in: meta, isNew: isNew)
    return (environment, meta)
  }

  private static func value(_ environment: Environment, _ meta: Table, _ name: String) throws
    -> String?
  {
    let key = Array(name.utf8)
    return try environment.read { transaction throws(StorageError) in
      try transaction.get(meta, key: key.span) { bytes in
        String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
      }
    }
  }

  private static func put(
    _ value: String, _ name: String, _ meta: Table, _ transaction: inout WriteTransaction
  ) throws(StorageError) {
    try transaction.put(meta, key: Array(name.utf8).span, value: Array(value.utf8).span)
  }

  /// Writes a record by hand, as another program would.
  private func record(_ version: String) throws {
    let (environment, meta) = try open()
    try environment.write { transaction throws(StorageError) in
      try Self.put(version, "format", meta, &transaction)
    }
  }

  @Test("a new environment records the newest format; one without a record is of version 1")
  func records() throws {
    let step: StoredFormat.Step = { _ throws(StorageError) in }
    do {
      let (environment, meta) = try open([step, step], isNew: true)
      #expect(try Self.value(environment, meta, "format") == "3")
    }
    _ = try open([step, step], for: .readOnly)
  }

  @Test("P-90: an older format is brought up step by step, in one transaction, once")
  func migrates() throws {
    do {
      let (environment, meta) = try open(isNew: false)
      #expect(try Self.value(environment, meta, "format") == "1")
    }
    // Not by a reader, which would read what it does not know.
    let one: StoredFormat.Step = { transaction throws(StorageError) in
      let meta = Self.meta.withLock { $0! }
      try Self.put("a", "steps", meta, &transaction)
    }
    let two: StoredFormat.Step = { transaction throws(StorageError) in
      let meta = Self.meta.withLock { $0! }
      let key = Array("steps".utf8)
      let before = try transaction.get(meta, key: key.span) { $0.count } ?? 0
      try Self.put(before == 1 ? "ab" : "wrong", "steps", meta, &transaction)
    }
    let failing: StoredFormat.Step = { _ throws(StorageError) in
      throw StorageError(.other, "a step", "fails")
    }
    let older = #expect(throws: StorageError.self) { try open([one, two], for: .readOnly) }
    #expect(older?.code == .notFound && older?.description.contains("format 1") == true)
    do {
      let environment = try Environment(directory: directory.path, mapSizeBytes: 8 << 20)
      let meta = try environment.table("meta")
      Self.meta.withLock { $0 = meta }
      let broken = StoredFormat(content: "the diary", cure: "burn it", steps: [one, failing])
      #expect(throws: StorageError.self) {
        try environment.adopt(broken, in: meta, isNew: false)
      }
      // All steps or none.
      #expect(try Self.value(environment, meta, "steps") == nil)
      #expect(try Self.value(environment, meta, "format") == "1")
      let whole = StoredFormat(content: "the diary", cure: "burn it", steps: [one, two])
      try environment.adopt(whole, in: meta, isNew: false)
      #expect(try Self.value(environment, meta, "steps") == "ab")
      #expect(try Self.value(environment, meta, "format") == "3")
      try environment.adopt(whole, in: meta, isNew: false)
      #expect(try Self.value(environment, meta, "steps") == "ab")
    }
    _ = try open([one, two], for: .readOnly)
  }

  private static let meta = Mutex<Table?>(nil)

  @Test(
    "P-90: a newer format, or a record that is none, is refused with what to do",
    arguments: ["2", "77", "later", "0"])
  func newer(version: String) throws {
    try record(version)
    for purpose in [Environment.Purpose.readWrite, .readOnly] {
      let error = #expect(throws: StorageError.self) { try open(for: purpose) }
      #expect(error?.code == .newerFormat)
      let text = error?.description ?? ""
      #expect(text.contains("the diary") && text.contains("formats up to 1"))
      #expect(text.contains("run the newer version, or burn it") && text.contains(directory.path))
    }
  }
}
