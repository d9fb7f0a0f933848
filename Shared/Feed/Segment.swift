package import Codes
package import Security

/// A sealed piece of a region's change log: immutable, signed, and chained to the one before by
/// its digest, so that it can travel by any road.
///
/// | bytes | field |
/// |---|---|
/// | 0–3 | "CCS" 1 |
/// | 4–7 | region |
/// | 8–15 | number, from 1 |
/// | 16–23, 24–31 | first and last position |
/// | 32–39 | as of, milliseconds since 2020 |
/// | 40–71 | digest of the segment before |
/// | 72 | kind: 1 = changes, 2 = switch |
/// | 73– | a count of 4 and the changes; or generation 4, digest 32, page count 4 |
/// | last 64 | Ed25519 over all before |
///
/// The first position is one more than the last of the segment before. Every change takes one
/// position, and so does a switch; an empty segment takes none, so its last position is that of the
/// segment before and less than its first.
package struct Segment: Equatable, Sendable {
  /// What a segment says.
  package enum Kind: Equatable, Sendable {
    /// Changes in order; none at all says that nothing happened until `asOf`.
    case changes([Change])
    /// From this position on the statuses are those of a whole new generation.
    case switchGeneration(generation: UInt32, digest: Digest, pageCount: UInt32)
  }

  package static let changeCountMax = 5_000
  /// Longer ones are refused unread.
  package static let byteCountMax = 4 << 20
  static let headerByteCount = 73
  static let byteCountMin = headerByteCount + 4 + FeedSignature.byteCount

  package let region: Region
  package let number: UInt64
  package let firstPosition: UInt64
  package let lastPosition: UInt64
  package let asOf: Instant
  package let kind: Kind
  package let previousDigest: Digest
  /// Ed25519, 64 bytes.
  package let signature: [UInt8]
  /// SHA-256 of the encoded segment with its signature: what the next segment names.
  package let digest: Digest

  /// Where a follower stands after applying this segment.
  package var end: ChainPosition {
    ChainPosition(segment: number, position: lastPosition, digest: digest, asOf: asOf)
  }

  /// Makes the segment that follows `previous` and appends its encoding to `output`.
  ///
  /// An `asOf` before that of `previous` (a clock set back) becomes that one: knowledge does not
  /// grow older. More than 5,000 changes are the caller's bug.
  package static func seal(
    _ kind: Kind, region: Region, after previous: ChainPosition, asOf: Instant,
    signedBy key: SigningKey, into output: inout [UInt8]
  ) -> Segment {
    let positionCount: UInt64
    switch kind {
    case .changes(let changes):
      precondition(changes.count <= changeCountMax, "a segment holds at most 5,000 changes")
      positionCount = UInt64(changes.count)
    case .switchGeneration:
      positionCount = 1
    }
    let asOf = max(asOf, previous.asOf)
    let start = output.count
    output.appendBigEndian(FeedMagic.segment)
    output.appendBigEndian(region.number)
    output.appendBigEndian(previous.segment + 1)
    output.appendBigEndian(previous.position + 1)
    output.appendBigEndian(previous.position + positionCount)
    output.appendBigEndian(asOf.milliseconds)
    previous.digest.append(to: &output)
    append(kind, to: &output)
    FeedSignature.append(to: &output, from: start, signedBy: key)
    let encoded = output.span.extracting(start..<output.count)
    let signature = [UInt8](
      copying: encoded.extracting(encoded.count - FeedSignature.byteCount..<encoded.count))
    return Segment(
      region: region, number: previous.segment + 1, firstPosition: previous.position + 1,
      lastPosition: previous.position + positionCount, asOf: asOf, kind: kind,
      previousDigest: previous.digest, signature: signature, digest: SHA256.hash(encoded))
  }

  /// Appends the encoding again, byte for byte as it was sealed.
  package func encode(into output: inout [UInt8]) {
    output.appendBigEndian(FeedMagic.segment)
    output.appendBigEndian(region.number)
    output.appendBigEndian(number)
    output.appendBigEndian(firstPosition)
    output.appendBigEndian(lastPosition)
    output.appendBigEndian(asOf.milliseconds)
    previousDigest.append(to: &output)
    Segment.append(kind, to: &output)
    output.append(contentsOf: signature)
  }

  private static func append(_ kind: Kind, to output: inout [UInt8]) {
    switch kind {
    case .changes(let changes):
      output.append(1)
      output.appendBigEndian(UInt32(changes.count))
      for change in changes { change.encode(into: &output) }
    case .switchGeneration(let generation, let digest, let pageCount):
      output.append(2)
      output.appendBigEndian(generation)
      digest.append(to: &output)
      output.appendBigEndian(pageCount)
    }
  }

  /// Reads one whole encoded segment without looking at its signature; `nil` for anything that
  /// `seal` cannot have made. For segments from this process's own disk: what comes from
  /// elsewhere goes through `check`.
  package static func decode(_ encoded: Span<UInt8>) -> Segment? {
    guard byteCountMin...byteCountMax ~= encoded.count else { return nil }
    let signatureStart = encoded.count - FeedSignature.byteCount
    let bytes = encoded.extracting(0..<signatureStart)
    var cursor = FeedCursor()
    guard cursor.magic(bytes, FeedMagic.segment), let region = cursor.region(bytes),
      let number = cursor.uint64(bytes), number > 0,
      let firstPosition = cursor.uint64(bytes), firstPosition > 0,
      let lastPosition = cursor.uint64(bytes), lastPosition < UInt64.max,
      lastPosition >= firstPosition - 1,
      let asOf = cursor.instant(bytes), let previousDigest = cursor.digest(bytes),
      let kind = decodeKind(
        bytes, &cursor, positionCount: lastPosition - (firstPosition - 1)),
      cursor.offset == bytes.count
    else { return nil }
    return Segment(
      region: region, number: number, firstPosition: firstPosition, lastPosition: lastPosition,
      asOf: asOf, kind: kind, previousDigest: previousDigest,
      signature: [UInt8](copying: encoded.extracting(signatureStart..<encoded.count)),
      digest: SHA256.hash(encoded))
  }

  private static func decodeKind(
    _ bytes: Span<UInt8>, _ cursor: inout FeedCursor, positionCount: UInt64
  ) -> Kind? {
    switch cursor.byte(bytes) {
    case 1:
      // The count is compared before it is believed: no allocation is larger than the bytes.
      guard let count = cursor.uint32(bytes), count <= changeCountMax,
        UInt64(count) == positionCount,
        Int(count) * Change.byteCountMin <= bytes.count - cursor.offset
      else { return nil }
      var changes: [Change] = []
      changes.reserveCapacity(Int(count))
      for _ in 0..<count {
        guard let change = Change.decode(bytes, &cursor) else { return nil }
        changes.append(change)
      }
      return .changes(changes)
    case 2:
      guard positionCount == 1, let generation = cursor.uint32(bytes),
        let digest = cursor.digest(bytes), let pageCount = cursor.uint32(bytes)
      else { return nil }
      return .switchGeneration(generation: generation, digest: digest, pageCount: pageCount)
    default:
      return nil
    }
  }
}
