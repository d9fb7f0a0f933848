package import Codes
package import Feed
import Storage

/// What a status cache knows, as one value: changed in the same transaction as the pages it
/// speaks of.
package struct CacheState: Sendable, Equatable {
  /// The pages in force; 0 means none yet. A number of this cache alone.
  package var generation: UInt32
  package var pageCount: UInt32
  /// The last sealed segment applied.
  package var chain: ChainPosition
  /// The last change applied: beyond `chain` on the issuer's own host, which does not wait for
  /// the seal.
  package var appliedPosition: UInt64
  /// Up to when this knowledge is complete.
  package var asOf: Instant
  /// Pages of a snapshot may be newer than its position: nothing is served before this one.
  package var servablePosition: UInt64
  /// The pages that were in force before, kept so that a switch can be undone; 0 means none.
  package var previousGeneration: UInt32 = 0
  package var previousPageCount: UInt32 = 0

  /// Whether answers may rest on this state.
  package var servable: Bool { generation > 0 && appliedPosition >= servablePosition }

  /// A cache nothing has been written to.
  package static func empty(_ region: Region) -> CacheState {
    CacheState(
      generation: 0, pageCount: 0, chain: .start(region), appliedPosition: 0,
      asOf: Instant(milliseconds: 0), servablePosition: 0)
  }

  static let byteCount = 4 + 4 + ChainPosition.byteCount + 24 + 8 + 4

  /// Appends the stored form, which ends with a CRC-32C of all before.
  func encode(into bytes: inout [UInt8]) {
    let start = bytes.count
    bytes.appendBigEndian(generation)
    bytes.appendBigEndian(pageCount)
    chain.encode(into: &bytes)
    bytes.appendBigEndian(appliedPosition)
    bytes.appendBigEndian(asOf.milliseconds)
    bytes.appendBigEndian(servablePosition)
    bytes.appendBigEndian(previousGeneration)
    bytes.appendBigEndian(previousPageCount)
    bytes.appendBigEndian(CRC32C.checksum(bytes.span.extracting(start...)))
  }

  init(
    generation: UInt32, pageCount: UInt32, chain: ChainPosition, appliedPosition: UInt64,
    asOf: Instant, servablePosition: UInt64
  ) {
    self.generation = generation
    self.pageCount = pageCount
    self.chain = chain
    self.appliedPosition = appliedPosition
    self.asOf = asOf
    self.servablePosition = servablePosition
  }

  init?(_ bytes: Span<UInt8>) {
    guard bytes.count == Self.byteCount,
      bytes.bigEndian(at: Self.byteCount - 4)
        == CRC32C.checksum(bytes.extracting(0..<Self.byteCount - 4)),
      let chain = ChainPosition(bytes.extracting(8..<(8 + ChainPosition.byteCount)))
    else { return nil }
    let rest = 8 + ChainPosition.byteCount
    self.init(
      generation: bytes.bigEndian(at: 0), pageCount: bytes.bigEndian(at: 4), chain: chain,
      appliedPosition: bytes.bigEndian(at: rest),
      asOf: Instant(milliseconds: bytes.bigEndian(at: rest + 8)),
      servablePosition: bytes.bigEndian(at: rest + 16))
    previousGeneration = bytes.bigEndian(at: rest + 24)
    previousPageCount = bytes.bigEndian(at: rest + 28)
  }
}
