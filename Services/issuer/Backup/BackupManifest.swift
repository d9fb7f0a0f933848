import Codes
import Feed
import IssuerCore
import JSON
import Security
import Server

/// A backup's `manifest.json`: a `SignedLine` that says of which moment of the log it is, and the
/// length and SHA-256 of every file beside it. It is written last.
struct BackupManifest: Sendable, Equatable {
  /// One file of the backup.
  struct File: Sendable, Equatable {
    let name: String
    let byteCount: Int
    /// Entries of a table; 0 for other files.
    let entryCount: Int
    let digest: Digest
  }

  let region: Region
  let madeAt: Instant
  /// Where the log stood: everything up to here is in the backup, and nothing after.
  let state: Registry.State
  /// The generation in force; 0: none.
  let inForce: UInt32
  /// See `keyCheck`.
  let keyCheck: String
  let files: [File]

  static let name = "manifest.json"
  /// Files and their fields as they are described here and at `BackupTable`.
  static let format = 2

  /// Tells whether a restore has the secrets that the backup's keys of documents and handles were
  /// made with, and tells nobody what they are: a MAC under each of the two.
  static func keyCheck(_ secret: RegionSecret) -> String {
    let (number, handleKey) = (Array("CITYCODE-BACKUP".utf8), secret.handleKey)
    let document = secret.key(of: .passport, canonical: number.span)
    let check = document.bytes + SHA256.hash(handleKey.span).bytes.prefix(16)
    return Hexadecimal.text(of: check.span)
  }

  func encoded(signedBy key: SigningKey) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.field("format", Self.format)
      json.field("region", "\(region)")
      json.field("made_at", madeAt.milliseconds)
      json.field("made_at_text", "\(madeAt)")
      json.field("position", state.lastPosition)
      json.field("next_serial", state.nextSerial)
      json.field("serial_floor", state.serialFloor)
      json.field("segment", state.chain.segment)
      json.field("segment_position", state.chain.position)
      json.field("segment_sha256", state.chain.digest.hex)
      json.field("as_of", state.chain.asOf.milliseconds)
      json.field("generation_in_force", inForce)
      json.field("key_check", keyCheck)
      json.field(
        "files",
        array: { json in
          for file in files {
            json.object { json in
              json.field("name", file.name)
              json.field("entries", file.entryCount)
              json.field("bytes", file.byteCount)
              json.field("sha256", file.digest.hex)
            }
          }
        })
    }
    return SignedLine.sealed(json.bytes, by: key)
  }

  // MARK: Reading

  /// The manifest of the backup in `directory`, which `key`'s owner signed.
  static func read(_ directory: String, key: VerifyingKey) throws -> BackupManifest {
    let path = "\(directory)/\(name)"
    guard System.exists(path) else {
      throw BackupError("\(directory) holds no whole backup: there is no \(name) in it")
    }
    let bytes = try System.readFile(path)
    guard SignedLine.isSealed(bytes, by: key), let json = try? JSONParser.parse(bytes) else {
      throw BackupError("\(path) is damaged, or was signed by another sealer_key_file")
    }
    let format = json["format"]?.integer ?? 0
    guard format == Int64(Self.format) else {
      throw BackupError(
        "\(directory) has format \(format), this program reads \(Self.format): restore it with the"
          + " version of CityCode that made it")
    }
    guard let manifest = BackupManifest(json) else {
      throw BackupError("\(path) is of a form that this program does not know")
    }
    return manifest
  }

  private init?(_ json: JSONValue) {
    func number<T: FixedWidthInteger>(_ name: String, _ type: T.Type = T.self) -> T? {
      json[name]?.integer.flatMap { T(exactly: $0) }
    }
    guard let region = json["region"]?.string.flatMap({ Region(text: $0) }),
      let madeAt = number("made_at", UInt64.self), let position = number("position", UInt64.self),
      let nextSerial = number("next_serial", UInt64.self),
      let floor = number("serial_floor", UInt64.self),
      let segment = number("segment", UInt64.self),
      let segmentPosition = number("segment_position", UInt64.self),
      let digest = json["segment_sha256"]?.string.flatMap({ Digest(hex: $0) }),
      let asOf = number("as_of", UInt64.self),
      let inForce = number("generation_in_force", UInt32.self),
      let keyCheck = json["key_check"]?.string, let listed = json["files"]?.array
    else { return nil }
    let files = listed.compactMap { File($0) }
    guard files.count == listed.count else { return nil }
    self.init(
      region: region, madeAt: Instant(milliseconds: madeAt),
      state: Registry.State(
        nextSerial: nextSerial, lastPosition: position,
        chain: ChainPosition(
          segment: segment, position: segmentPosition, digest: digest,
          asOf: Instant(milliseconds: asOf)), serialFloor: floor),
      inForce: inForce, keyCheck: keyCheck, files: files)
  }

  init(
    region: Region, madeAt: Instant, state: Registry.State, inForce: UInt32, keyCheck: String,
    files: [File]
  ) {
    self.region = region
    self.madeAt = madeAt
    self.state = state
    self.inForce = inForce
    self.keyCheck = keyCheck
    self.files = files
  }
}

extension BackupManifest.File {
  fileprivate init?(_ json: JSONValue) {
    guard let name = json["name"]?.string, let entries = json["entries"]?.integer,
      let bytes = json["bytes"]?.integer, entries >= 0, bytes >= 0,
      let digest = json["sha256"]?.string.flatMap({ Digest(hex: $0) }),
      // A name leads nowhere but into the backup.
      !name.isEmpty, !name.hasPrefix("."), !name.contains("/")
    else { return nil }
    self.init(name: name, byteCount: Int(bytes), entryCount: Int(entries), digest: digest)
  }
}

/// Why a backup or a restore is not done; the text names the cure.
struct BackupError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
