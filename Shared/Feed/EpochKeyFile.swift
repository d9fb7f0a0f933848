package import Codes

/// The epoch keys near now, as the issuer's host writes them beside the status cache and as a
/// relay fetches them: text, one line for the region, one for each key, rising.
///
/// ```
/// citycode-epoch-keys 1 310000
/// 60491 8f0e...(64 hexadecimal digits)
/// ```
package struct EpochKeyFile: Sendable, Equatable {
  /// The key of one hour.
  package struct Key: Sendable, Equatable, CustomStringConvertible {
    package let epoch: KeyEpoch
    package let bytes: [UInt8]

    package init(epoch: KeyEpoch, bytes: [UInt8]) {
      precondition(bytes.count == 32, "an epoch key has 32 bytes")
      self.epoch = epoch
      self.bytes = bytes
    }

    /// Never the key itself.
    package var description: String { "key of epoch \(epoch.number)" }
  }

  package let region: Region
  package let keys: [Key]

  /// Most keys a file may hold: two days' worth.
  package static let keysMax = 48

  /// The file's name in the directory of the status cache.
  package static let name = "epoch-keys"

  package init(region: Region, keys: [Key]) {
    precondition(keys.count <= Self.keysMax, "too many epoch keys")
    self.region = region
    self.keys = keys
  }

  /// Reads the text form; `nil` if anything in it is not as described.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count <= 8_192, let text = String(validating: bytes, as: UTF8.self),
      text.hasSuffix("\n")
    else { return nil }
    var lines = text.split(separator: "\n")[...]
    guard let first = lines.popFirst()?.split(separator: " "), first.count == 3,
      first[0] == "citycode-epoch-keys", first[1] == "1", let region = Region(text: first[2]),
      lines.count <= Self.keysMax
    else { return nil }
    var keys: [Key] = []
    for line in lines {
      let parts = line.split(separator: " ")
      guard parts.count == 2, let number = UInt32(parts[0]),
        let key = Hexadecimal.bytes(of: parts[1]), key.count == 32
      else { return nil }
      let epoch = KeyEpoch(number: number)
      if let last = keys.last, last.epoch >= epoch { return nil }
      keys.append(Key(epoch: epoch, bytes: key))
    }
    self.init(region: region, keys: keys)
  }

  /// When the last key's hour ends, in seconds since 1970; `nil` without keys.
  package var endSeconds: Int64? {
    keys.last.map {
      Instant($0.epoch.start).unixMilliseconds / 1_000 + Int64(KeyEpoch.lengthSeconds)
    }
  }

  package var bytes: [UInt8] {
    var text = "citycode-epoch-keys 1 \(region)\n"
    for key in keys { text += "\(key.epoch.number) \(Hexadecimal.text(of: key.bytes.span))\n" }
    return Array(text.utf8)
  }
}
