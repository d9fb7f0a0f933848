package import Codes
package import Security

/// Why a part of the feed is refused. Whoever refuses one changes nothing of its state.
package enum SegmentFault: String, Error, CaseIterable, Sendable {
  /// There are segments between the last applied one and this one: fetch them first.
  case missing
  /// This one, or another of its number, is applied already: skip it.
  case repeated
  /// The signature does not fit: damaged on the road, forged, or signed by another key.
  case altered
  /// Signed and in turn, but it follows another past than the one applied here: the region has
  /// signed two histories. Stop and call someone.
  case forked
  /// Signed by this region's key for another region.
  case foreignRegion = "foreign_region"
  /// Signed, but not a content that this version knows or that can be: keep it for inspection.
  case malformed

  /// The machine name.
  package var name: String { rawValue }
}

extension Segment {
  /// Checks one encoded segment from outside and decodes it: the signature before anything else,
  /// so that no byte is believed that the region did not sign.
  package static func check(
    _ encoded: Span<UInt8>, after previous: ChainPosition, region: Region, key: VerifyingKey
  ) throws(SegmentFault) -> Segment {
    guard encoded.count <= byteCountMax else { throw .malformed }
    guard FeedSignature.verifies(encoded, key: key) else { throw .altered }
    guard let segment = decode(encoded) else { throw .malformed }
    guard segment.region == region else { throw .foreignRegion }
    guard segment.number > previous.segment else { throw .repeated }
    guard segment.number == previous.segment + 1 else { throw .missing }
    guard segment.previousDigest == previous.digest else { throw .forked }
    // A sealer that skips positions or goes back in time is out of order, whatever it signs.
    guard segment.firstPosition == previous.position + 1, segment.asOf >= previous.asOf
    else { throw .malformed }
    return segment
  }
}
