import Codes
import Feed
import IssuerCore
import Security
import Server
import StatusCache
import Storage

/// Fills an empty data directory from a backup.
///
/// Everything is built in a directory inside and checked while it is read; then the generations and
/// last the registry's file get their places by renaming. So a restore that was interrupted has not
/// happened: it is started again.
struct RegistryRestore {
  let region: Region
  let secret: RegionSecret
  let key: VerifyingKey
  let dataDirectory: String
  let cacheDirectory: String
  let mapSizeBytes: Int
  /// Serials behind the backup's last that no new holder gets: see `skippedDefault`.
  var skippedSerials = skippedDefault
  var progress = ComputeProgress(quiet: true)

  /// Holders registered after the backup are lost with their serials, but their handles are still
  /// in apps: a new holder of the same serial would answer to them. Far fewer than the 2 million
  /// that a status cache lets be skipped at once (`CacheWriter.growthPagesMax`).
  static let skippedDefault: UInt64 = 100_000
  static let skippedMax: UInt64 = 1_000_000

  private static let workName = ".restoring"
  private static let registryName = "data.mdb"
  private static let generationsName = "generations"

  private var work: String { "\(dataDirectory)/\(Self.workName)" }

  func run(from backup: String) throws -> BackupManifest {
    defer { progress.end() }
    let manifest = try BackupManifest.read(backup, key: key)
    try check(manifest, backup)
    try checkPlaces()
    try System.removeTree(work)
    try System.makeDirectory(work)
    let total = manifest.files.reduce(0) { $0 + $1.byteCount }
    // LMDB's trees are about half as large again as the entries in them.
    let free = try System.freeBytes(dataDirectory)
    guard free > total * 2 else {
      throw BackupError(
        "\(dataDirectory) has room for \(free >> 20) MiB, the restored data take up to"
          + " \(total >> 19) MiB: free some")
    }
    progress.begin("restoring", total: total)
    try fillRegistry(manifest, backup)
    try fillGenerations(manifest, backup)
    try System.syncDirectory(work)
    let generations = "\(work)/\(Self.generationsName)"
    if System.exists(generations) {
      try System.removeTree("\(dataDirectory)/\(Self.generationsName)")
      try System.move(generations, to: "\(dataDirectory)/\(Self.generationsName)")
    }
    try System.move(
      "\(work)/\(Self.registryName)", to: "\(dataDirectory)/\(Self.registryName)")
    try System.removeTree(work)
    return manifest
  }

  // MARK: Before

  private func check(_ manifest: BackupManifest, _ backup: String) throws {
    guard manifest.region == region else {
      throw BackupError(
        "\(backup) is of region \(manifest.region), this configuration of \(region)")
    }
    guard manifest.keyCheck == BackupManifest.keyCheck(secret) else {
      throw BackupError(
        "\(backup) was made under another pepper_file or region_secret_file: nobody's document or"
          + " handle would be found; give the ones of that time")
    }
    let names = Set(manifest.files.map(\.name))
    for table in BackupTable.allCases where !names.contains(table.rawValue) {
      throw BackupError("\(backup)/\(BackupManifest.name) names no file \(table.rawValue)")
    }
  }

  /// Both directories are empty, or hold what an interrupted restore left.
  private func checkPlaces() throws {
    try System.makeDirectory(dataDirectory)
    var names = Set(try System.names(in: dataDirectory))
    // Of a file system of its own.
    names.remove("lost+found")
    if names.remove(Self.workName) != nil { names.remove(Self.generationsName) }
    guard names.isEmpty else {
      let some = names.sorted().prefix(3).joined(separator: ", ")
      throw BackupError(
        "data_directory \(dataDirectory) is not empty (\(some)): a restore changes nothing that is"
          + " there; name an empty directory")
    }
    guard !System.exists("\(cacheDirectory)/\(Self.registryName)") else {
      throw BackupError(
        "cache_directory \(cacheDirectory) holds a status cache, which may know of changes that the"
          + " backup does not: stop the services of this host and empty it, it is built again")
    }
  }

  // MARK: The registry

  private func fillRegistry(_ manifest: BackupManifest, _ backup: String) throws {
    let registry = try Registry(directory: work, region: region, mapSizeBytes: mapSizeBytes)
    for table in BackupTable.allCases {
      let file = manifest.files.first { $0.name == table.rawValue }!
      try fill(table, of: registry, from: file, backup)
    }
    var wanted = manifest.state
    guard try registry.state() == wanted else {
      throw BackupError("\(backup): table meta is of another moment than the manifest")
    }
    guard skippedSerials > 0 else { return }
    wanted.serialFloor = max(wanted.serialFloor, wanted.nextSerial + skippedSerials)
    var bytes: [UInt8] = []
    bytes.appendBigEndian(wanted.serialFloor)
    let name = Registry.serialFloorKey
    try registry.environment.write { transaction throws(StorageError) in
      try transaction.put(registry.meta, key: name.span, value: bytes.span)
    }
  }

  private func fill(
    _ kind: BackupTable, of registry: Registry, from file: BackupManifest.File, _ backup: String
  ) throws {
    var input = try BackupInput(file, in: backup)
    let damage = input.damage
    var entries = BackupEntries()
    var count = 0
    while try input.next({ chunk in
      guard entries.receive(chunk) else { throw damage }
      count += entries.entries.count
      try put(entries, kind, registry)
      progress.advance(chunk.count, rows: entries.entries.count)
    }) {}
    guard entries.isComplete, count == file.entryCount else { throw damage }
  }

  /// One transaction; appended, as a file has the order of its table.
  private func put(_ entries: BackupEntries, _ kind: BackupTable, _ registry: Registry) throws {
    let table = kind.table(of: registry)
    let none: [UInt8] = []
    try registry.environment.write { transaction throws(StorageError) in
      let bytes = entries.bytes.span
      for entry in entries.entries {
        let key = bytes.extracting(entry.key)
        let value = bytes.extracting(entry.value)
        switch kind {
        // What making the registry put there is replaced.
        case .meta: try transaction.put(table, key: key, value: value)
        case _ where table.integerKeys:
          guard key.count == 8 else {
            throw StorageError(.badKey, "restoring \(kind.rawValue)", "a key of another length")
          }
          try transaction.append(table, key: key.bigEndian(at: 0), value: value)
        default: try transaction.append(table, key: key, value: value)
        }
        if kind == .answers, value.count >= 4 {
          let age = [UInt8](copying: value.extracting(first: 4)) + [UInt8](copying: key)
          try transaction.put(registry.answerAges, key: age.span, value: none.span)
        }
      }
    }
  }

  // MARK: Generations

  private func fillGenerations(_ manifest: BackupManifest, _ backup: String) throws {
    let place = "\(work)/\(Self.generationsName)"
    for pages in manifest.files {
      guard let number = BackupFileName.generation(ofPages: pages.name) else { continue }
      let name = BackupFileName.generation(number).manifest
      guard let own = manifest.files.first(where: { $0.name == name }) else {
        throw BackupError("\(backup)/\(BackupManifest.name) names no file \(name)")
      }
      try System.makeDirectory(place)
      try System.makeDirectory("\(place)/\(number)")
      try copy(pages, backup, to: "\(place)/\(number)/\(GenerationDirectory.pagesName)")
      try copy(own, backup, to: "\(place)/\(number)/\(GenerationDirectory.manifestName)")
      try System.syncDirectory("\(place)/\(number)")
      _ = try GenerationDirectory(place).manifest(number, key: key)
    }
    if System.exists(place) { try System.syncDirectory(place) }
  }

  private func copy(_ file: BackupManifest.File, _ backup: String, to path: String) throws {
    var input = try BackupInput(file, in: backup)
    let output = try RandomFile(creating: path)
    var offset = 0
    while try input.next({ chunk in
      try output.write(chunk, at: offset)
      offset += chunk.count
      progress.advance(chunk.count, rows: 0)
    }) {}
    try output.sync()
  }
}
