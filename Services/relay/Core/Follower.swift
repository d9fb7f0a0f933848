package import Codes
package import Feed
package import Security

/// What a follower asks of the issuer next.
package enum FollowRequest: Sendable, Equatable {
  case manifest
  case pages(generation: UInt32, first: UInt32, count: UInt32)
  /// Segments after this number; the issuer waits for one if there is none.
  case segments(after: UInt64)

  /// The path and query of the request.
  package var path: String {
    switch self {
    case .manifest: "/v1/feed/snapshot"
    case .pages(let generation, let first, let count):
      "/v1/feed/pages?generation=\(generation)&first=\(first)&count=\(count)"
    case .segments(let number): "/v1/feed/segments?after=\(number)&wait_seconds=15"
    }
  }
}

/// What a follower's host must do with its cache, in order, each step in one transaction.
package enum FollowAction: Sendable, Equatable {
  /// Makes room for a generation that will arrive in page batches.
  case begin(SnapshotManifest)
  case store(PageBatch)
  /// All pages are there: take the generation and its position as the current state.
  case adopt(SnapshotManifest)
  case apply(Segment)
  /// Nothing is newer: the same position with a newer time.
  case beat(ChainPosition)
}

/// Follows a region's feed into the cache of its own host: what to ask, what to believe, what to
/// do. Pure: no socket, no clock, no disk.
///
/// ```
///            no state                      switch segment
///   start ───────────► manifest ◄──────────────────────────┐
///     │                   │ pages, pages, ...              │
///     │ state             ▼                                │
///     └────────────► segments, segments, ... ──────────────┘
/// ```
/// Everything received is checked against the chain and the sealer's key before it leads to an
/// action; what does not fit is refused by its `SegmentFault` and moves nothing, so the same
/// question is asked again.
package struct Follower: Sendable {
  private enum State: Sendable {
    case needsManifest
    case loading(SnapshotManifest, nextPage: UInt32)
    case following(ChainPosition)
  }

  /// Pages asked for at once: 64 of them are 261 kB.
  package static let pagesPerRequest: UInt32 = 64

  private let region: Region
  private let key: VerifyingKey
  private var state: State
  /// Whether the last answer left nothing to ask for: what it led to is all there was.
  package private(set) var isLevel = false

  /// `position` is where the cache stands; `nil` for an empty cache.
  package init(region: Region, key: VerifyingKey, position: ChainPosition?) {
    self.region = region
    self.key = key
    state = position.map { .following($0) } ?? .needsManifest
  }

  package var request: FollowRequest {
    switch state {
    case .needsManifest: .manifest
    case .loading(let manifest, let next):
      .pages(
        generation: manifest.generation, first: next,
        count: min(Self.pagesPerRequest, manifest.pageCount - next))
    case .following(let position): .segments(after: position.segment)
    }
  }

  /// Starts over with a snapshot: the issuer no longer has the segments this follower needs, or
  /// the generation that was being loaded.
  package mutating func restart() {
    state = .needsManifest
    isLevel = false
  }

  /// Takes the body of the answer to `request`.
  package mutating func received(_ body: Span<UInt8>) throws(SegmentFault) -> [FollowAction] {
    isLevel = false
    switch state {
    case .needsManifest:
      let manifest = try SnapshotManifest.check(body, region: region, key: key)
      return [.begin(manifest)] + load(manifest, from: 0)
    case .loading(let manifest, let next):
      let batch = try PageBatch.check(body, region: region, key: key)
      let wanted = min(Self.pagesPerRequest, manifest.pageCount - next)
      guard batch.generation == manifest.generation, batch.firstPage == next,
        batch.pageCount == Int(wanted)
      else { throw .malformed }
      // Pages from before the manifest lack changes that nobody will send again.
      guard batch.position.segment >= manifest.position.segment else { throw .repeated }
      return [.store(batch)] + load(manifest, from: next + wanted)
    case .following(let position): return try follow(body, from: position)
    }
  }

  private mutating func load(_ manifest: SnapshotManifest, from page: UInt32) -> [FollowAction] {
    guard page >= manifest.pageCount else {
      state = .loading(manifest, nextPage: page)
      return []
    }
    state = .following(manifest.position)
    return [.adopt(manifest)]
  }

  /// The body holds a head, then the segments after the position asked for.
  private mutating func follow(
    _ body: Span<UInt8>, from start: ChainPosition
  ) throws(SegmentFault) -> [FollowAction] {
    guard let frames = Framing.split(body), let first = frames.first else { throw .malformed }
    let head = try Head.check(body.extracting(first), region: region, key: key)
    var position = start
    var actions: [FollowAction] = []
    for frame in frames.dropFirst() {
      let segment = try Segment.check(
        body.extracting(frame), after: position, region: region, key: key)
      if case .switchGeneration = segment.kind {
        // The new generation's pages are not in the chain: they come as a snapshot.
        state = .needsManifest
        return actions
      }
      position = segment.end
      actions.append(.apply(segment))
    }
    if actions.isEmpty, head.position.segment == position.segment {
      let beat: ChainPosition
      do { beat = try head.advance(position) } catch {
        // An old head says nothing new; a fork is the issuer's own contradiction.
        guard error == .repeated else { throw error }
        return []
      }
      position = beat
      actions.append(.beat(beat))
    }
    state = .following(position)
    isLevel = head.position.segment == position.segment
    return actions
  }
}
