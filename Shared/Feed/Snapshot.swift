package import Codes
package import Security

/// A region's signed statement of what a snapshot of one generation consists of: a follower that
/// starts from nothing fetches `pageCount` pages, then follows the chain from `position`.
package struct SnapshotManifest: Equatable, Sendable {
  /// The bytes of the encoding, with the signature.
  package static let byteCount =
    4 + 4 + 4 + 4 + ChainPosition.byteCount + 8 + FeedSignature.byteCount

  package let region: Region
  package let generation: UInt32
  package let pageCount: UInt32
  /// Where to follow from: every page is at least as new as this.
  package let position: ChainPosition
  package let asOf: Instant

  package init(
    region: Region, generation: UInt32, pageCount: UInt32, position: ChainPosition, asOf: Instant
  ) {
    self.region = region
    self.generation = generation
    self.pageCount = pageCount
    self.position = position
    self.asOf = asOf
  }

  /// Appends the signed encoding.
  package func encode(signedBy key: SigningKey, into output: inout [UInt8]) {
    let start = output.count
    output.appendBigEndian(FeedMagic.manifest)
    output.appendBigEndian(region.number)
    output.appendBigEndian(generation)
    output.appendBigEndian(pageCount)
    position.encode(into: &output)
    output.appendBigEndian(asOf.milliseconds)
    FeedSignature.append(to: &output, from: start, signedBy: key)
  }

  /// Checks and decodes a manifest from outside.
  package static func check(
    _ encoded: Span<UInt8>, region: Region, key: VerifyingKey
  ) throws(SegmentFault) -> SnapshotManifest {
    guard encoded.count == byteCount else { throw .malformed }
    guard FeedSignature.verifies(encoded, key: key) else { throw .altered }
    var cursor = FeedCursor()
    guard cursor.magic(encoded, FeedMagic.manifest), let signedRegion = cursor.region(encoded),
      let generation = cursor.uint32(encoded), let pageCount = cursor.uint32(encoded),
      let position = ChainPosition.decode(encoded, &cursor), let asOf = cursor.instant(encoded)
    else { throw .malformed }
    guard signedRegion == region else { throw .foreignRegion }
    return SnapshotManifest(
      region: region, generation: generation, pageCount: pageCount, position: position, asOf: asOf)
  }
}

/// Consecutive status pages of one generation, as they were at one position, signed.
package struct PageBatch: Equatable, Sendable {
  /// One status page.
  package static let pageByteCount = 4_080
  /// Keeps a batch below 4 MiB.
  package static let pageCountMax = 1_000
  static let headerByteCount = 4 + 4 + 4 + 4 + 4 + ChainPosition.byteCount
  /// Longer ones are refused unread.
  package static let byteCountMax =
    headerByteCount + pageCountMax * pageByteCount + FeedSignature.byteCount

  package let region: Region
  package let generation: UInt32
  /// The number of the first page.
  package let firstPage: UInt32
  /// The pages one after the other; see `range(ofPage:)`.
  package let pages: [UInt8]
  /// The chain position at which all of them were read.
  package let position: ChainPosition

  /// `pages` holds 1 to 1,000 whole pages, else it is the caller's bug.
  package init(
    region: Region, generation: UInt32, firstPage: UInt32, pages: [UInt8], position: ChainPosition
  ) {
    precondition(
      pages.count % PageBatch.pageByteCount == 0
        && 1...PageBatch.pageCountMax ~= pages.count / PageBatch.pageByteCount,
      "a batch holds 1 to 1,000 whole pages")
    self.region = region
    self.generation = generation
    self.firstPage = firstPage
    self.pages = pages
    self.position = position
  }

  package var pageCount: Int { pages.count / PageBatch.pageByteCount }

  /// Where the page `firstPage + index` lies in `pages`.
  package func range(ofPage index: Int) -> Range<Int> {
    index * PageBatch.pageByteCount..<(index + 1) * PageBatch.pageByteCount
  }

  /// Appends the signed encoding.
  package func encode(signedBy key: SigningKey, into output: inout [UInt8]) {
    let start = output.count
    output.reserveCapacity(
      start + PageBatch.headerByteCount + pages.count + FeedSignature.byteCount)
    output.appendBigEndian(FeedMagic.pageBatch)
    output.appendBigEndian(region.number)
    output.appendBigEndian(generation)
    output.appendBigEndian(firstPage)
    output.appendBigEndian(UInt32(pageCount))
    position.encode(into: &output)
    output.append(contentsOf: pages)
    FeedSignature.append(to: &output, from: start, signedBy: key)
  }

  /// Checks and decodes a batch from outside.
  package static func check(
    _ encoded: Span<UInt8>, region: Region, key: VerifyingKey
  ) throws(SegmentFault) -> PageBatch {
    guard encoded.count <= byteCountMax else { throw .malformed }
    guard FeedSignature.verifies(encoded, key: key) else { throw .altered }
    var cursor = FeedCursor()
    guard cursor.magic(encoded, FeedMagic.pageBatch), let signedRegion = cursor.region(encoded),
      let generation = cursor.uint32(encoded), let firstPage = cursor.uint32(encoded),
      let pageCount = cursor.uint32(encoded), 1...UInt32(pageCountMax) ~= pageCount,
      firstPage <= UInt32.max - pageCount,
      let position = ChainPosition.decode(encoded, &cursor),
      let pages = cursor.range(encoded, byteCount: Int(pageCount) * pageByteCount),
      cursor.offset == encoded.count - FeedSignature.byteCount
    else { throw .malformed }
    guard signedRegion == region else { throw .foreignRegion }
    return PageBatch(
      region: region, generation: generation, firstPage: firstPage,
      pages: [UInt8](copying: encoded.extracting(pages)), position: position)
  }
}
