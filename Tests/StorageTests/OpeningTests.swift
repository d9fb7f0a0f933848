import Foundation
import Support
import Testing

@testable import Storage

@Suite struct OpeningTests {
  private let directory: TemporaryDirectory
  private let probe = Probe.path("StatusCacheProbe")

  init() throws { directory = try TemporaryDirectory() }

  private func code(_ body: () throws -> Void) -> StorageError.Code? {
    #expect(throws: StorageError.self, performing: body)?.code
  }

  // MARK: One opening per process, one writer per host

  @Test("P-15: a second opening in one process is refused, by whatever name")
  func secondOpening() throws {
    let first = try Environment(directory: directory.path, mapSizeBytes: 8 << 20)
    let links = try TemporaryDirectory()
    let symbolic = "\(links.path)/symbolic"
    try FileManager.default.createSymbolicLink(
      atPath: symbolic, withDestinationPath: directory.path)
    let hard = "\(links.path)/hard"
    try FileManager.default.createDirectory(atPath: hard, withIntermediateDirectories: false)
    for file in ["data.mdb", "lock.mdb"] {
      try FileManager.default.linkItem(
        atPath: "\(directory.path)/\(file)", toPath: "\(hard)/\(file)")
    }
    for path in [directory.path, "\(directory.path)/../\(name)", symbolic, hard] {
      for purpose in [Environment.Purpose.readOnly, .readWrite] {
        #expect(code { _ = try Environment(directory: path, for: purpose) } == .alreadyOpen)
      }
    }
    _ = try first.table("still_good")
  }

  private var name: String { directory.path.split(separator: "/").last.map(String.init) ?? "" }

  @Test("an environment that was let go may be opened again")
  func reopening() throws {
    for _ in 0..<3 { _ = try Environment(directory: directory.path, mapSizeBytes: 8 << 20) }
  }

  @Test(
    "P-15: a process opens the lock file exactly once",
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/strace")))
  func lockFileOnce() throws {
    _ = try Environment(directory: directory.path, mapSizeBytes: 8 << 20)
    let trace = "\(directory.path)/trace"
    let traced = try Probe([
      "strace", "-f", "-e", "trace=open,openat,creat", "-o", trace, probe, "hold", directory.path,
      "readOnly", "view",
    ])
    #expect(traced.line() == "open")
    #expect(traced.finish() == 0)
    let calls = try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n")
      .filter { $0.contains("lock.mdb") }
    #expect(calls.count == 1, "\(calls)")
  }

  @Test("a second writing process is refused and told the first one's number")
  func secondWriter() throws {
    let holder = try Probe([probe, "hold", directory.path, "readWrite"])
    #expect(holder.line() == "open")
    let error = #expect(throws: StorageError.self) {
      try Environment(directory: directory.path, mapSizeBytes: 8 << 20)
    }
    #expect(error?.code == .writerExists)
    #expect(error?.description.contains("process \(holder.processID)") == true)
    _ = try Environment(directory: directory.path, for: .readOnly)
    holder.kill()
    _ = try Environment(directory: directory.path, mapSizeBytes: 8 << 20)
  }

  // MARK: PID namespaces

  /// Runs a program in a PID namespace of its own, as root or in a user namespace.
  private var unshare: [String] { getuid() == 0 ? ["unshare", "-pf"] : ["unshare", "-Urpf"] }

  @Test("P-16: a process of another PID namespace is refused with the rule and the cure")
  func foreignNamespace() throws {
    let environment = try Environment(directory: directory.path, mapSizeBytes: 64 << 20)
    let foreign = try Probe(unshare + [probe, "hold", directory.path, "readOnly"])
    let line = foreign.line() ?? ""
    #expect(line.hasPrefix("error foreignPIDNamespace"))
    #expect(line.contains("must share one PID namespace"))
    #expect(line.contains("shareProcessNamespace: true"))
    #expect(foreign.finish() == 1)
    let table = try environment.table("rows")
    try environment.write { transaction throws(StorageError) in
      try transaction.put(table, key: Array("a".utf8).span, value: Array("b".utf8).span)
    }
  }

  @Test("P-16: once nobody else has it open, another PID namespace may take over")
  func newNamespace() throws {
    do { _ = try Environment(directory: directory.path, mapSizeBytes: 64 << 20) }
    let foreign = try Probe(unshare + [probe, "hold", directory.path, "readWrite"])
    #expect(foreign.line() == "open")
    let error = #expect(throws: StorageError.self) {
      try Environment(directory: directory.path, for: .readOnly)
    }
    #expect(error?.code == .foreignPIDNamespace)
    foreign.finish()
    _ = try Environment(directory: directory.path, for: .readOnly)
  }

  // MARK: What stands in the way

  @Test("a missing directory, and one nobody has written to yet, are not found")
  func notFound() throws {
    #expect(code { _ = try Environment(directory: "\(directory.path)/none") } == .notFound)
    #expect(code { _ = try Environment(directory: directory.path, for: .readOnly) } == .notFound)
  }

  @Test("a directory this user may not write to is refused with a cure")
  func permission() throws {
    do { _ = try Environment(directory: directory.path, mapSizeBytes: 64 << 20) }
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.path)
    // root may write everywhere, so somebody else has to try.
    let other =
      getuid() == 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
    if getuid() != 0 {
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o555], ofItemAtPath: directory.path)
      for file in ["users.lock", "writer.lock", "lock.mdb"] {
        try FileManager.default.setAttributes(
          [.posixPermissions: 0o444], ofItemAtPath: "\(directory.path)/\(file)")
      }
    }
    let copy = try TemporaryDirectory()
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: copy.path)
    try FileManager.default.copyItem(atPath: probe, toPath: "\(copy.path)/probe")
    for purpose in ["readOnly", "readWrite"] {
      let stranger = try Probe(other + ["\(copy.path)/probe", "hold", directory.path, purpose])
      let line = stranger.line() ?? ""
      #expect(line.hasPrefix("error permission"), "\(line)")
      #expect(line.contains(directory.path) && line.contains("run as the user that owns"))
      stranger.finish()
    }
  }

  @Test(
    "file systems over a network are known by their numbers",
    arguments: [(0x6969, "NFS"), (0x6573_5546, "FUSE"), (0x0102_1997, "9p"), (0xFE53_4D42, "SMB")])
  func networkFileSystems(magic: Int, name: String) {
    #expect(FileSystemKind.refusedName(magic: UInt32(magic)) == name)
    #expect(FileSystemKind.refusedName(magic: 0xEF53) == nil)
    #expect(FileSystemKind.refusedName(magic: 0x0102_1994) == nil)
  }

  // MARK: Foreign and torn files

  private func put(_ bytes: Data) throws {
    try bytes.write(to: URL(fileURLWithPath: "\(directory.path)/data.mdb"))
  }

  @Test("a file that is not LMDB's is refused by name", arguments: [1, 100, 4_096, 20_000])
  func foreignFile(byteCount: Int) throws {
    try put(Data(repeating: 0x41, count: byteCount))
    for purpose in [Environment.Purpose.readOnly, .readWrite] {
      let error = #expect(throws: StorageError.self) {
        try Environment(directory: directory.path, for: purpose)
      }
      #expect(error?.code == .foreignFile)
      #expect(error?.description.contains("\(directory.path)/data.mdb") == true)
    }
  }

  @Test("an LMDB file of another format version is refused")
  func foreignVersion() throws {
    do { _ = try Environment(directory: directory.path, mapSizeBytes: 8 << 20) }
    var bytes = try Data(contentsOf: URL(fileURLWithPath: "\(directory.path)/data.mdb"))
    bytes[20] = 9
    bytes[4_096 + 20] = 9
    try put(bytes)
    #expect(code { _ = try Environment(directory: directory.path) } == .foreignFile)
  }

  @Test("a torn file is refused, wherever it was cut; a whole one is not")
  func tornFile() throws {
    do {
      let environment = try Environment(directory: directory.path, mapSizeBytes: 64 << 20)
      let numbers = try environment.table("numbers", integerKeys: true)
      let long = [UInt8](repeating: 1, count: 5_000)
      try environment.write { transaction throws(StorageError) in
        for key in UInt64(0)..<300 {
          let value = long.span.extracting(0..<(key % 3 == 0 ? 5_000 : 50))
          try transaction.put(numbers, key: key, value: value)
        }
      }
    }
    let whole = try Data(contentsOf: URL(fileURLWithPath: "\(directory.path)/data.mdb"))
    for cut in [4_096, 8_192, 12_288, whole.count / 2, whole.count - 4_096, whole.count - 1] {
      try put(whole.prefix(cut))
      #expect(code { _ = try Environment(directory: directory.path) } == .foreignFile, "\(cut)")
    }
    try put(whole)
    let environment = try Environment(directory: directory.path, for: .readOnly)
    let numbers = try environment.table("numbers", integerKeys: true)
    let count = try environment.read { transaction throws(StorageError) in
      try transaction.count(numbers)
    }
    #expect(count == 300)
  }

  @Test("a file that lacks only pages that are free is not torn")
  func shortButWhole() throws {
    do {
      let environment = try Environment(directory: directory.path, mapSizeBytes: 64 << 20)
      let numbers = try environment.table("numbers", integerKeys: true)
      let long = [UInt8](repeating: 1, count: 400_000)
      for key in UInt64(1)...20 {
        try environment.write { transaction throws(StorageError) in
          try transaction.put(numbers, key: key, value: long.span.extracting(0..<5_000))
          if key > 10 { try transaction.delete(numbers, key: key - 10) }
        }
      }
      // Pages for a long value are taken at the end and given back before the commit, while the
      // short rest finds its place in older free pages: the end is never written.
      try environment.write { transaction throws(StorageError) in
        try transaction.put(numbers, key: 99, value: long.span)
        try transaction.delete(numbers, key: 99)
        try transaction.put(numbers, key: 1, value: long.span.extracting(0..<5_000))
      }
      #expect(try environment.mapUsage().fileBytes > fileSize())
    }
    let environment = try Environment(directory: directory.path, for: .readOnly)
    let numbers = try environment.table("numbers", integerKeys: true)
    let count = try environment.read { transaction throws(StorageError) in
      try transaction.get(numbers, key: 1) { $0.count }
    }
    #expect(count == 5_000)
  }

  private func fileSize() throws -> Int {
    let path = "\(directory.path)/data.mdb"
    return try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
  }
}
