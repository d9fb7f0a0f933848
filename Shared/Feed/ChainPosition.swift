package import Codes
package import Security

/// How far a follower has come along a region's chain of segments.
package struct ChainPosition: Hashable, Sendable {
  /// The bytes of the encoding: segment 8, position 8, digest 32, as-of 8.
  package static let byteCount = 56

  /// The number of the last applied segment; 0 before the first.
  package var segment: UInt64
  /// The log position of the last applied entry; 0 before the first.
  package var position: UInt64
  /// The digest of the last applied segment, which the next one must name.
  package var digest: Digest
  /// Until when the region is known to have said nothing else.
  package var asOf: Instant

  package init(segment: UInt64, position: UInt64, digest: Digest, asOf: Instant) {
    self.segment = segment
    self.position = position
    self.digest = digest
    self.asOf = asOf
  }

  /// Where the chain of `region` begins. Its digest is of the region's name, so that the first
  /// segment of one region cannot follow the beginning of another's chain.
  package static func start(_ region: Region) -> ChainPosition {
    let name = Array("CityCode change log of region \(region)".utf8)
    return ChainPosition(
      segment: 0, position: 0, digest: SHA256.hash(name.span), asOf: Instant(milliseconds: 0))
  }

  /// Appends the 56 bytes.
  package func encode(into output: inout [UInt8]) {
    output.appendBigEndian(segment)
    output.appendBigEndian(position)
    digest.append(to: &output)
    output.appendBigEndian(asOf.milliseconds)
  }

  /// Reads exactly 56 bytes.
  package init?(_ bytes: Span<UInt8>) {
    var cursor = FeedCursor()
    guard bytes.count == ChainPosition.byteCount,
      let position = ChainPosition.decode(bytes, &cursor)
    else { return nil }
    self = position
  }

  static func decode(_ bytes: Span<UInt8>, _ cursor: inout FeedCursor) -> ChainPosition? {
    guard let segment = cursor.uint64(bytes), let position = cursor.uint64(bytes),
      let digest = cursor.digest(bytes), let asOf = cursor.instant(bytes)
    else { return nil }
    return ChainPosition(segment: segment, position: position, digest: digest, asOf: asOf)
  }
}
