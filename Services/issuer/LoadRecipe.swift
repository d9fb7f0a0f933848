import Codes
import Security
import StatusCache
import Storage

/// What a bulk load added, small enough to keep: with it the load's generation can be built again
/// when the status cache is lost. One holder takes half a byte.
struct LoadRecipe: Sendable {
  /// The serial of the first new holder.
  let firstSerial: UInt64
  let validUntil: CityTime
  private(set) var count: UInt64 = 0
  /// The kinds of the new holders, two in a byte, the first in the low half.
  private var kinds: [UInt8] = []

  init(firstSerial: UInt64, validUntil: CityTime, reserving count: Int) {
    self.firstSerial = firstSerial
    self.validUntil = validUntil
    kinds.reserveCapacity(count / 2 + 1)
  }

  mutating func append(_ kind: HolderKind) {
    if count % 2 == 0 {
      kinds.append(kind.rawValue)
    } else {
      kinds[kinds.count - 1] |= kind.rawValue << 4
    }
    count += 1
  }

  /// Builds the pages of the load on top of what `cache` holds now: the statuses of the holders
  /// before, then a green one for each new holder.
  func build(
    _ builder: inout GenerationBuilder, on cache: CacheWriter
  ) throws -> (pageCount: UInt32, digest: Digest) {
    let reader = try CacheReader(SharedCache(cache), region: cache.region)
    try reader.renew()
    // Slot 0 is nobody's.
    try builder.append(.absent)
    for value in 1..<max(1, firstSerial) {
      // A long view of an old state keeps pages from reuse; nothing else writes meanwhile.
      try builder.append(reader.status(of: Serial(unchecked: value)) ?? .absent)
    }
    reader.reset()
    for index in 0..<Int(count) {
      let kind = kinds[index / 2] >> (index % 2 == 0 ? 0 : 4) & 15
      try builder.append(
        Status(
          colour: .green, kind: HolderKind(rawValue: kind) ?? .unspecified, validUntil: validUntil))
    }
    return try builder.finish()
  }

  func encode(into bytes: inout [UInt8]) {
    bytes.appendBigEndian(firstSerial)
    bytes.appendBigEndian(count)
    bytes.appendBigEndian(validUntil.seconds)
    bytes.append(contentsOf: kinds)
  }

  init?(_ bytes: Span<UInt8>) {
    guard bytes.count >= 20 else { return nil }
    firstSerial = bytes.bigEndian(at: 0)
    count = bytes.bigEndian(at: 8)
    validUntil = CityTime(seconds: bytes.bigEndian(at: 16))
    guard bytes.count - 20 == Int((count + 1) / 2) else { return nil }
    kinds = [UInt8](copying: bytes.extracting(20...))
  }
}

/// The holders of one bulk load, as they were right after it.
struct LoadedHolders: Sendable, Equatable {
  let serials: Range<UInt64>
  /// What the load said of all of them.
  let opinion: Status

  /// Reads the beginning of a stored `LoadRecipe`; `nil` for other recipes.
  init?(recipe bytes: Span<UInt8>) {
    guard bytes.count >= 20, bytes[0] == 0 else { return nil }
    let first: UInt64 = bytes.bigEndian(at: 0)
    let count: UInt64 = bytes.bigEndian(at: 8)
    serials = first..<first + count
    opinion = Status(
      colour: .green, kind: .unspecified, validUntil: CityTime(seconds: bytes.bigEndian(at: 16)))
  }
}
