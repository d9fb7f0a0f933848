import Codes
import Feed
import IssuerCore
import Security
import Server
import Storage

/// The tables of the registry that a backup holds, each in a file of its name: one entry after the
/// other in the order of their keys, as key length 2, value length 4 (both big-endian), key, value.
/// Integer keys are 8 bytes, big-endian. `answer_ages` follows from `answers`.
enum BackupTable: String, CaseIterable {
  case meta, unsealed, documents, contacts, guardians, segments, touches, recipes, answers

  /// The two that change under a backup, and are small: read in the transaction that says of which
  /// moment it is.
  static let ofTheMoment: [BackupTable] = [.meta, .unsealed]

  func table(of registry: Registry) -> Table {
    switch self {
    case .meta: registry.meta
    case .unsealed: registry.unsealed
    case .documents: registry.documents
    case .contacts: registry.contacts
    case .guardians: registry.guardians
    case .segments: registry.segments
    case .touches: registry.touches
    case .recipes: registry.recipes
    case .answers: registry.answers
    }
  }

  /// Whether an entry was there when the log stood at `state`. Entries of these tables never change
  /// and are never removed, so those that were there then are there whenever they are looked at
  /// later: no long view is needed to get all of one moment. (But answers go after a day, and a
  /// load makes a contact 0 that it finds with a second holder: then it is 0 here, too.)
  func belongs(_ key: Span<UInt8>, _ value: Span<UInt8>, to state: Registry.State) -> Bool {
    func serial() -> UInt64 { value.count == 5 ? value.bigEndianNumber(at: 0, byteCount: 5) : 0 }
    func number() -> UInt64 { key.count == 8 ? key.bigEndian(at: 0) : .max }
    switch self {
    case .meta, .unsealed: return true
    case .documents, .contacts: return serial() < state.nextSerial
    case .guardians: return number() < state.nextSerial
    case .segments, .recipes: return number() <= state.chain.segment
    case .touches: return number() <= state.lastPosition
    case .answers:
      guard value.count == 20 + Reply.byteCount else { return false }
      switch Reply(value.extracting(20...)) {
      case .registered(let serial, _): return serial.value < state.nextSerial
      case .changed(_, _, let position): return position <= state.lastPosition
      case .refused, .none: return false
      }
    }
  }
}

/// A file of a backup while it is written.
final class BackupOutput {
  let name: String
  private let file: OutputFile
  private var hasher = SHA256Hasher()
  private var entryCount = 0
  private var byteCount = 0

  init(_ name: String, in directory: String) throws {
    self.name = name
    file = try OutputFile(path: "\(directory)/\(name)")
  }

  func append(_ bytes: [UInt8], entries: Int) throws {
    hasher.update(bytes.span)
    byteCount += bytes.count
    entryCount += entries
    try file.append(bytes)
  }

  /// Makes it durable; what the manifest says of it.
  func finish() throws -> BackupManifest.File {
    try file.sync()
    return BackupManifest.File(
      name: name, byteCount: byteCount, entryCount: entryCount, digest: hasher.finalize())
  }
}

/// A file of a backup while it is read, piece by piece; it must be the one that the manifest names.
struct BackupInput {
  private let file: InputFile
  private let wanted: BackupManifest.File
  private var hasher = SHA256Hasher()
  private var byteCount = 0

  init(_ wanted: BackupManifest.File, in directory: String) throws {
    self.wanted = wanted
    file = try InputFile(path: "\(directory)/\(wanted.name)", chunkBytes: 4 << 20)
  }

  /// Lends the next bytes; `false` at the end, where what was read is compared with the manifest.
  mutating func next(_ body: (Span<UInt8>) throws -> Void) throws -> Bool {
    let more = try file.withNextChunk { chunk in
      hasher.update(chunk)
      byteCount += chunk.count
      // A file that grew is not read for ever.
      guard byteCount <= wanted.byteCount else { throw damage }
      try body(chunk)
    }
    if !more {
      guard byteCount == wanted.byteCount, hasher.finalize() == wanted.digest else { throw damage }
    }
    return more
  }

  var damage: BackupError {
    BackupError(
      "\(file.path) is damaged: its length or SHA-256 is not what manifest.json says; nothing was"
        + " restored, take another backup")
  }
}

/// Entries of a table, cut out of the bytes of its file.
struct BackupEntries {
  /// What is left of the last piece, and the one at hand.
  private(set) var bytes: [UInt8] = []
  private(set) var entries: [(key: Range<Int>, value: Range<Int>)] = []
  private var used = 0

  /// The longest value is a recipe of 400 million people.
  private static let valueBytesMax = 256 << 20

  /// Takes the next piece; `entries` are then those that are whole. `false` for impossible lengths.
  mutating func receive(_ chunk: Span<UInt8>) -> Bool {
    bytes.removeFirst(used)
    used = 0
    entries.removeAll(keepingCapacity: true)
    bytes.append(copying: chunk)
    while used + 6 <= bytes.count {
      let keyCount = Int(bytes.span.bigEndian(at: used, as: UInt16.self))
      let valueCount = Int(bytes.span.bigEndian(at: used + 2, as: UInt32.self))
      guard 1...511 ~= keyCount, valueCount <= Self.valueBytesMax else { return false }
      let keyStart = used + 6
      let end = keyStart + keyCount + valueCount
      guard end <= bytes.count else { break }
      entries.append((keyStart..<keyStart + keyCount, keyStart + keyCount..<end))
      used = end
    }
    return true
  }

  /// Whether nothing is left over.
  var isComplete: Bool { used == bytes.count }
}

extension [UInt8] {
  /// Appends an entry in the form it has in a backup.
  mutating func appendBackupEntry(_ key: Span<UInt8>, _ value: Span<UInt8>) {
    appendBigEndian(UInt16(key.count))
    appendBigEndian(UInt32(value.count))
    append(copying: key)
    append(copying: value)
  }
}
