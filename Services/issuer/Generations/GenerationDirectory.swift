import Codes
import Security
import Server
import StatusCache

/// `data_directory/generations`: a directory a generation, named by its number, with the files
/// `pages` and `manifest.json`.
///
/// A generation is written under a temporary name and renamed when it is whole and synced; the
/// name of a directory that is there is never given to another.
struct GenerationDirectory: Sendable {
  let path: String

  static let pagesName = "pages"
  static let manifestName = "manifest.json"
  private static let temporaryPrefix = ".building-"

  init(_ path: String) { self.path = path }

  /// The one that belongs to a data directory.
  init(dataDirectory: String) { path = "\(dataDirectory)/generations" }

  /// A generation that cannot be used, by the name of its file.
  struct Damaged: Error, CustomStringConvertible {
    let path: String
    let reason: String
    var description: String { "\(path): \(reason)" }
  }

  // MARK: Reading

  /// The numbers of all generations, the oldest first.
  func numbers() throws -> [UInt32] {
    guard System.exists(path) else { return [] }
    return try System.names(in: path).compactMap { name in
      UInt32(name).flatMap { "\($0)" == name && $0 > 0 ? $0 : nil }
    }.sorted()
  }

  func contains(_ number: UInt32) -> Bool {
    System.exists("\(path)/\(number)/\(Self.manifestName)")
  }

  /// The manifest of a generation, checked.
  func manifest(_ number: UInt32, key: VerifyingKey) throws -> GenerationManifest {
    let manifest = try Self.manifest(in: "\(path)/\(number)", key: key)
    guard manifest.number == number, manifest.shard == .whole else {
      throw Damaged(
        path: "\(path)/\(number)/\(Self.manifestName)", reason: "is another generation's")
    }
    return manifest
  }

  /// The pages of a generation.
  func pages(_ number: UInt32, key: VerifyingKey) throws -> GenerationPages {
    try GenerationPages(
      directory: "\(path)/\(number)", manifest: try manifest(number, key: key))
  }

  /// The manifest in a directory of a generation or a shard, checked.
  static func manifest(in directory: String, key: VerifyingKey) throws -> GenerationManifest {
    let file = "\(directory)/\(manifestName)"
    let bytes: [UInt8]
    do throws(System.Fault) { bytes = try System.readFile(file) } catch {
      throw Damaged(path: directory, reason: error.description)
    }
    do throws(GenerationManifest.Fault) {
      return try GenerationManifest(checking: bytes, key: key)
    } catch {
      switch error {
      case .signature:
        throw Damaged(path: file, reason: "is damaged, or signed by another sealer_key_file")
      case .form: throw Damaged(path: file, reason: "is of a form this program does not know")
      }
    }
  }

  // MARK: Writing

  /// Makes a directory for a generation to come and its file of pages, which stays locked while
  /// its writer lives.
  func begin() throws -> (directory: String, pages: RandomFile) {
    for _ in 0..<8 {
      let suffix = Hexadecimal.text(of: SecureRandom.bytes(8).span)
      let directory = "\(path)/\(Self.temporaryPrefix)\(suffix)"
      try System.makeDirectory(directory)
      do throws(System.Fault) {
        let file = try RandomFile(creating: "\(directory)/\(Self.pagesName)")
        if file.tryLock() { return (directory, file) }
      } catch {
        // Another process took the directory, still empty, for one whose writer had died.
        if System.exists(directory) { throw error }
      }
    }
    throw Damaged(path: path, reason: "somebody removes what is made there")
  }

  /// Removes what writers that were killed left behind.
  func removeLeftovers() throws {
    for name in try System.names(in: path) where name.hasPrefix(Self.temporaryPrefix) {
      let directory = "\(path)/\(name)"
      let file = try? RandomFile(reading: "\(directory)/\(Self.pagesName)")
      if let file, !file.tryLock() { continue }
      try System.removeDirectory(directory)
    }
  }

  /// Gives the generation in `temporary` the next free number.
  func publish(
    _ temporary: String, _ manifest: inout GenerationManifest, signedBy key: SigningKey
  ) throws {
    while true {
      let last = try numbers().last ?? 0
      manifest.number = last + 1
      try write(manifest, signedBy: key, into: temporary)
      do throws(System.Fault) {
        try System.move(temporary, to: "\(path)/\(manifest.number)")
        return
      } catch {
        // Another computation took the number meanwhile.
        guard try numbers().last ?? 0 > last else { throw error }
      }
    }
  }

  /// Gives the shard in `temporary` its name; one of that name that is there is replaced.
  func publishShard(
    _ temporary: String, _ manifest: GenerationManifest, signedBy key: SigningKey
  ) throws {
    try write(manifest, signedBy: key, into: temporary)
    let target = "\(path)/shard.\(manifest.shard.index)-of-\(manifest.shard.count)"
    try System.removeDirectory(target)
    try System.move(temporary, to: target)
  }

  private func write(
    _ manifest: GenerationManifest, signedBy key: SigningKey, into directory: String
  ) throws {
    try System.replaceFile(
      "\(directory)/\(Self.manifestName)", with: manifest.encoded(signedBy: key), mode: 0o640)
    try System.syncDirectory(directory)
  }

  /// Removes a generation: its manifest goes first, so that half of one is never taken for whole.
  func remove(_ number: UInt32) throws {
    try System.removeFile("\(path)/\(number)/\(Self.manifestName)")
    try System.removeDirectory("\(path)/\(number)")
  }
}
