package import Codes
package import Feed
package import Storage

/// One event loop's view of the status cache: `renew` before a turn's reads, `reset` after them.
/// Not thread-safe.
package final class CacheReader {
  private let cache: SharedCache
  private var view: View?
  package private(set) var state: CacheState
  /// The last failure to read a page, which `status` reports as no status; `nil` is the rule.
  package private(set) var fault: StorageError?

  private struct View {
    let session: ReadSession
    let pages: Table
    let meta: Table
  }

  package init(_ cache: SharedCache, region: Region) throws {
    self.cache = cache
    state = .empty(region)
    try open()
  }

  private func open() throws {
    guard view == nil, let opened = try cache.opened() else { return }
    view = View(
      session: try ReadSession(opened.environment), pages: opened.pages, meta: opened.meta)
  }

  /// Takes the newest committed state as view. While there is no cache yet the state is empty.
  package func renew() throws {
    if view == nil { try open() }
    guard let view else { return }
    try view.session.renew()
    let key = CacheTables.stateKey
    let stored = try view.session.get(view.meta, key: key.span) { CacheState($0) }
    guard let stored else {
      // A writer of another version made the cache anew.
      if !isEmpty { throw CacheTables.foreignFormat(view.session.environment) }
      return
    }
    guard let state = stored else { throw CacheTables.foreignFormat(view.session.environment) }
    self.state = state
  }

  /// Lets go of the view.
  package func reset() { view?.session.reset() }

  /// Whether nothing has been written yet.
  package var isEmpty: Bool { state.generation == 0 }
  package var servable: Bool { state.servable }
  package var asOf: Instant { state.asOf }
  package var generation: UInt32 { state.generation }
  package var pageCount: UInt32 { state.pageCount }
  package var chain: ChainPosition { state.chain }

  /// The holder's status; `nil` if its page does not exist or cannot be read. Between `renew` and
  /// `reset`. About half a microsecond, without allocation.
  package func status(of serial: Serial) -> Status? {
    guard let view, view.session.isOpen else { return nil }
    let slot = serial.slot
    do throws(StorageError) {
      return try view.session.get(
        view.pages, key: CacheTables.key(state.generation, serial.page)
      ) { page in
        page.count == StatusPage.byteCount ? StatusPage.status(page, slot: slot) : nil
      } ?? nil
    } catch {
      fault = error
      return nil
    }
  }

  /// Where the holder's status is, without reading it: see `ReadSession.locate`. `nil` as for
  /// `status(of:)`.
  package func locate(_ serial: Serial) -> StatusPlace? {
    guard let view, view.session.isOpen else { return nil }
    do throws(StorageError) {
      return try view.session.locate(
        view.pages, key: CacheTables.key(state.generation, serial.page)
      ).map { StatusPlace(page: $0, slot: serial.slot) }
    } catch {
      fault = error
      return nil
    }
  }

  /// Appends the statuses at places that `locate` found in this view, one for each.
  package func appendStatuses(at places: [StatusPlace?], to statuses: inout [Status?]) {
    guard let session = view?.session else {
      return statuses.append(contentsOf: repeatElement(nil, count: places.count))
    }
    for place in places {
      statuses.append(
        place.flatMap { place in
          session.read(place.page) { page in
            page.count == StatusPage.byteCount ? StatusPage.status(page, slot: place.slot) : nil
          }
        })
    }
  }

  /// Appends up to `count` stored pages from number `first` on, as they are.
  package func appendPages(
    first: UInt32, count: Int, to bytes: inout [UInt8]
  ) throws(StorageError) {
    guard let view, view.session.isOpen, first < state.pageCount else { return }
    var left = count
    var expected = CacheTables.key(state.generation, first)
    let end = CacheTables.key(state.generation, state.pageCount)
    try view.session.forEach(view.pages, from: expected) { key, page in
      guard left > 0, key == expected, key < end else { return false }
      bytes.append(copying: page)
      left -= 1
      expected += 1
      return true
    }
  }
}

/// A status in the view of the `CacheReader` that located it.
package struct StatusPlace {
  let page: Located
  let slot: Int
}
