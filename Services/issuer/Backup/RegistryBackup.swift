import Codes
import Feed
import IssuerCore
import Security
import Server
import StatusCache
import Storage

/// Writes the registry, as it was at one moment, and the generations that the moment needs into a
/// directory, beside an issuer that runs.
///
/// One long view of the registry would keep every page freed meanwhile from being used again, and a
/// slow disk or network would decide how long. So one short transaction reads where the log stands
/// and what is not sealed, and the large tables follow in pieces: their entries never change and
/// carry a serial or a position, so what was there at the moment is told from what came later
/// (`BackupTable.belongs`). Files are written in order, so that a network file system will do.
struct RegistryBackup {
  let region: Region
  let secret: RegionSecret
  let key: SigningKey
  let registry: Registry
  let generations: GenerationDirectory
  /// Files with keys to put into the backup, by name; none unless they were asked for.
  var keyFiles: [(name: String, path: String)] = []
  var progress = ComputeProgress(quiet: true)

  /// What one transaction reads at most.
  var pieceBytes = 4 << 20

  private static let partialSuffix = ".partial"
  private static let lockName = "lock"

  /// Everything that one transaction tells.
  private struct Moment {
    var state: Registry.State
    var generation: GenerationState
    var loads: UInt64
    /// `BackupTable.ofTheMoment`, in their form in the backup.
    var tables: [(table: BackupTable, bytes: [UInt8], count: Int)] = []
    var generations: [OpenGeneration] = []
  }

  /// A generation whose files are held open: they can be read even if it is removed meanwhile.
  private struct OpenGeneration {
    let number: UInt32
    let manifest: [UInt8]
    var pages: GenerationPages
  }

  /// Makes the backup appear at `directory`, as a whole or not at all.
  func run(into directory: String) throws -> BackupManifest {
    defer { progress.end() }
    guard !System.exists(directory) else {
      throw BackupError(
        "\(directory) is there already, and a backup is never replaced: name another directory")
    }
    let partial = directory + Self.partialSuffix
    let lock = try begin(partial)
    do {
      let manifest = try withExtendedLifetime(lock) { try write(into: partial) }
      try System.removeFile("\(partial)/\(Self.lockName)")
      try System.syncDirectory(partial)
      try System.move(partial, to: directory)
      return manifest
    } catch {
      try? System.removeTree(partial)
      throw error
    }
  }

  /// Makes the directory in which the backup grows; one that a killed backup left is made anew.
  private func begin(_ partial: String) throws -> OutputFile {
    try System.makeDirectory(partial)
    let lock = try OutputFile(path: "\(partial)/\(Self.lockName)")
    guard lock.tryLock() else {
      throw BackupError("another backup is being written to \(partial): wait for its end")
    }
    for name in try System.names(in: partial) where name != Self.lockName {
      try System.removeTree("\(partial)/\(name)")
    }
    return lock
  }

  private func write(into directory: String) throws -> BackupManifest {
    var moment = try self.moment()
    let total = try checkRoom(in: directory, moment)
    progress.begin("backing up", total: total)
    var files: [BackupManifest.File] = []
    for (table, bytes, count) in moment.tables {
      let output = try BackupOutput(table.rawValue, in: directory)
      try output.append(bytes, entries: count)
      files.append(try output.finish())
    }
    for table in BackupTable.allCases where !BackupTable.ofTheMoment.contains(table) {
      files.append(try copy(table, of: moment.state, into: directory))
    }
    for index in moment.generations.indices {
      files += try copy(&moment.generations[index], into: directory)
    }
    for (name, path) in keyFiles {
      let output = try BackupOutput(name, in: directory)
      try output.append(try SecretFile.read(path: path, byteCountMax: 65_536), entries: 0)
      files.append(try output.finish())
    }
    guard try registry.loadCount() == moment.loads else {
      throw BackupError("a load ran while the backup was made, which was dropped: start again")
    }
    let manifest = BackupManifest(
      region: region, madeAt: WallClock.now(), state: moment.state,
      inForce: moment.generation.inForce, keyCheck: BackupManifest.keyCheck(secret), files: files)
    try System.replaceFile(
      "\(directory)/\(BackupManifest.name)", with: manifest.encoded(signedBy: key), mode: 0o600)
    return manifest
  }

  // MARK: The moment

  private func moment() throws -> Moment {
    var attempts = 5
    while true {
      var moment = try readMoment()
      do {
        moment.generations = try openGenerations(moment.generation)
        return moment
      } catch let error as GenerationDirectory.Damaged {
        // An activation may have removed what was needed a moment ago.
        attempts -= 1
        let isSame = try registry.generationState() == moment.generation
        if isSame || attempts == 0 { throw error }
      }
    }
  }

  private func readMoment() throws -> Moment {
    let loads = try registry.loadCount()
    return try registry.environment.read { transaction throws(StorageError) in
      var moment = Moment(
        state: try registry.state(in: transaction),
        generation: try registry.generationState(in: transaction), loads: loads)
      for kind in BackupTable.ofTheMoment {
        var bytes: [UInt8] = []
        var count = 0
        let table = kind.table(of: registry)
        if table.integerKeys {
          try transaction.forEach(table, from: 0) { number, value in
            var key: [UInt8] = []
            key.appendBigEndian(number)
            bytes.appendBackupEntry(key.span, value)
            count += 1
            return true
          }
        } else {
          try transaction.forEach(table) { key, value in
            bytes.appendBackupEntry(key, value)
            count += 1
            return true
          }
        }
        moment.tables.append((kind, bytes, count))
      }
      return moment
    }
  }

  /// The generation in force, from which a lost cache is built, and the one a rollback goes to.
  private func openGenerations(_ state: GenerationState) throws -> [OpenGeneration] {
    var numbers: [UInt32] = state.inForce == 0 ? [] : [state.inForce]
    if let held = state.held, held != 0, held != state.inForce { numbers.append(held) }
    return try numbers.map { number in
      let pages = try generations.pages(number, key: key.verifyingKey)
      let path = "\(generations.path)/\(number)/\(GenerationDirectory.manifestName)"
      do throws(System.Fault) {
        return OpenGeneration(number: number, manifest: try System.readFile(path), pages: pages)
      } catch {
        throw GenerationDirectory.Damaged(path: path, reason: error.description)
      }
    }
  }

  /// Refuses before anything is written when the disk would not take all of it; how much it is.
  private func checkRoom(in directory: String, _ moment: Moment) throws -> Int {
    let usage = try registry.environment.mapUsage()
    let pages = moment.generations.reduce(0) {
      $0 + $1.pages.manifest.base.pageCount * StatusPage.byteCount
    }
    let total = usage.fileBytes - usage.freeBytes + pages
    let free = try System.freeBytes(directory)
    guard free > total + total / 20 else {
      throw BackupError(
        "\(directory) has room for \(free >> 20) MiB, the backup takes up to \(total >> 20) MiB:"
          + " free some, or name a directory on another disk")
    }
    return total
  }

  // MARK: Pieces

  private func copy(
    _ kind: BackupTable, of state: Registry.State, into directory: String
  ) throws -> BackupManifest.File {
    let output = try BackupOutput(kind.rawValue, in: directory)
    let table = kind.table(of: registry)
    var piece = Piece()
    repeat {
      piece.begin()
      let next = piece.next
      try registry.environment.read { transaction throws(StorageError) in
        if table.integerKeys {
          try transaction.forEach(table, from: next.number) { number, value in
            var key: [UInt8] = []
            key.appendBigEndian(number)
            piece.take(key.span, value, if: kind.belongs(key.span, value, to: state))
            piece.next.number = number + 1
            return piece.looked < pieceBytes
          }
        } else {
          try transaction.forEach(table, from: next.bytes.span) { key, value in
            piece.take(key, value, if: kind.belongs(key, value, to: state))
            if piece.looked < pieceBytes { return true }
            // The smallest key behind this one.
            piece.next.bytes = [UInt8](copying: key) + [0]
            return false
          }
        }
      }
      try output.append(piece.bytes, entries: piece.count)
      progress.advance(piece.looked, rows: piece.count)
    } while piece.looked >= pieceBytes
    return try output.finish()
  }

  /// Entries read in one transaction.
  private struct Piece {
    var bytes: [UInt8] = []
    var count = 0
    /// Bytes of all entries that were looked at.
    var looked = 0
    /// Where the next piece begins.
    var next: (number: UInt64, bytes: [UInt8]) = (0, [])

    mutating func begin() {
      bytes.removeAll(keepingCapacity: true)
      count = 0
      looked = 0
    }

    mutating func take(_ key: Span<UInt8>, _ value: Span<UInt8>, if belongs: Bool) {
      looked += key.count + value.count + 8
      guard belongs else { return }
      bytes.appendBackupEntry(key, value)
      count += 1
    }
  }

  private func copy(
    _ generation: inout OpenGeneration, into directory: String
  ) throws -> [BackupManifest.File] {
    let (pagesName, manifestName) = BackupFileName.generation(generation.number)
    let manifest = try BackupOutput(manifestName, in: directory)
    try manifest.append(generation.manifest, entries: 0)
    let pages = try BackupOutput(pagesName, in: directory)
    var bytes: [UInt8] = []
    while !generation.pages.isAtEnd {
      try generation.pages.read(1_024, into: &bytes)
      try pages.append(bytes, entries: 0)
      progress.advance(bytes.count, rows: 0)
    }
    try generation.pages.finish()
    return [try manifest.finish(), try pages.finish()]
  }
}

/// The names that files have in a backup, beside those of its tables.
enum BackupFileName {
  static let keys = ["region-secret", "pepper", "sealer.pem"]

  static func generation(_ number: UInt32) -> (pages: String, manifest: String) {
    ("generation-\(number).pages", "generation-\(number).json")
  }

  /// The number of the generation whose pages `name` holds.
  static func generation(ofPages name: String) -> UInt32? {
    guard name.hasPrefix("generation-"), name.hasSuffix(".pages") else { return nil }
    return UInt32(name.dropFirst("generation-".count).dropLast(".pages".count))
  }
}
