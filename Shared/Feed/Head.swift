package import Codes
package import Security

/// A region's signed statement that its chain ends at `position` and nothing newer existed at
/// `asOf`: what lets a follower of a quiet region know that it is up to date.
package struct Head: Equatable, Sendable {
  /// The bytes of the encoding, with the signature.
  package static let byteCount = 4 + 4 + ChainPosition.byteCount + 8 + FeedSignature.byteCount

  package let region: Region
  package let position: ChainPosition
  package let asOf: Instant

  package init(region: Region, position: ChainPosition, asOf: Instant) {
    self.region = region
    self.position = position
    self.asOf = max(asOf, position.asOf)
  }

  /// Appends the signed encoding.
  package func encode(signedBy key: SigningKey, into output: inout [UInt8]) {
    let start = output.count
    output.appendBigEndian(FeedMagic.head)
    output.appendBigEndian(region.number)
    position.encode(into: &output)
    output.appendBigEndian(asOf.milliseconds)
    FeedSignature.append(to: &output, from: start, signedBy: key)
  }

  /// Checks and decodes a head from outside.
  package static func check(
    _ encoded: Span<UInt8>, region: Region, key: VerifyingKey
  ) throws(SegmentFault) -> Head {
    guard encoded.count == byteCount else { throw .malformed }
    guard FeedSignature.verifies(encoded, key: key) else { throw .altered }
    var cursor = FeedCursor()
    guard cursor.magic(encoded, FeedMagic.head), let signedRegion = cursor.region(encoded),
      let position = ChainPosition.decode(encoded, &cursor), let asOf = cursor.instant(encoded),
      asOf >= position.asOf
    else { throw .malformed }
    guard signedRegion == region else { throw .foreignRegion }
    return Head(region: region, position: position, asOf: asOf)
  }

  /// What a follower that stands at `position` learns: the same place, known to be the end as of
  /// this head. Throws `missing` when there is more to fetch, `repeated` when the follower is
  /// already further or knows a later head, `forked` when the region tells another history.
  package func advance(_ applied: ChainPosition) throws(SegmentFault) -> ChainPosition {
    guard position.segment <= applied.segment else { throw .missing }
    guard position.segment == applied.segment else { throw .repeated }
    guard position.digest == applied.digest, position.position == applied.position
    else { throw .forked }
    guard asOf > applied.asOf else { throw .repeated }
    var advanced = applied
    advanced.asOf = asOf
    return advanced
  }
}
