internal import Glibc

/// From 16-byte keys to numbers of 32 bits, for tens of millions of them, 16 bytes each: made once
/// from keys in ascending order, then read by any number of threads.
///
/// Keys are MACs and so spread evenly: a key's place follows from its first 64 bits, and the next
/// free place behind is taken. What is compared are the other 64 bits, so a key that is not there
/// is taken for another with probability 2^-80 or so. Both words of a place lie together, because
/// a look is as long as the misses of the cache in it.
@safe
public final class KeyIndex: @unchecked Sendable {
  // Written by `Filler`s, each in its own part, before any reader is given this. A place is the
  // eight bytes that are compared and the four of the number, unaligned.
  @usableFromInline let places: UnsafeMutableRawPointer
  @usableFromInline let placeCount: Int
  private let memory: Memory

  @usableFromInline static let placeBytes = 12
  /// Places behind the last one a key's first bits can name, for what is pushed further.
  private static let tail = 4_096

  /// Room for `count` keys. `byteCount(for:)` says what it takes.
  package init(count: Int) throws(RecordsError) {
    placeCount = Self.places(for: count)
    memory = try Memory(byteCount: (placeCount + Self.tail) * Self.placeBytes)
    unsafe places = memory.start
  }

  private static func places(for count: Int) -> Int { count + count / 3 + 64 }

  /// The memory of an index of `count` keys.
  package static func byteCount(for count: Int) -> Int {
    (places(for: count) + tail) * placeBytes
  }

  /// The memory it has.
  package var byteCount: Int { (placeCount + Self.tail) * Self.placeBytes }

  @inline(__always)
  @usableFromInline
  func place(_ high: UInt64) -> Int {
    Int(truncatingIfNeeded: high.multipliedFullWidth(by: UInt64(placeCount)).high)
  }

  /// 0 marks a free place, so a key whose bits are 0 is taken for 1.
  @inline(__always)
  @usableFromInline
  static func tag(_ low: UInt64) -> UInt64 { low == 0 ? 1 : low }

  @inline(__always)
  private func tag(at place: Int) -> UInt64 {
    unsafe places.loadUnaligned(fromByteOffset: place * Self.placeBytes, as: UInt64.self)
  }

  @inline(__always)
  private func set(_ place: Int, _ low: UInt64, _ number: UInt32) {
    let start = unsafe places + place * Self.placeBytes
    unsafe start.storeBytes(of: Self.tag(low), as: UInt64.self)
    unsafe start.storeBytes(of: number, toByteOffset: 8, as: UInt32.self)
  }

  /// Puts the keys of one range into the index, at the same time as others put theirs.
  package struct Filler {
    private let index: KeyIndex
    private var next: Int
    private let end: Int
    private var left: [(high: UInt64, low: UInt64, number: UInt32)] = []

    /// For keys whose first 64 bits are `lower` or above, and below `upper` (`nil`: all above).
    package init(_ index: KeyIndex, from lower: UInt64, to upper: UInt64?) {
      self.index = index
      next = index.place(lower)
      end = upper.map { index.place($0) } ?? index.placeCount
    }

    /// Takes the next key; in ascending order nearly every one finds its place at once.
    package mutating func add(high: UInt64, low: UInt64, number: UInt32) {
      let place = max(index.place(high), next)
      guard place < end else {
        left.append((high, low, number))
        return
      }
      index.set(place, low, number)
      next = place + 1
    }

    /// Puts what was pushed beyond this part; one at a time, when all parts are filled.
    package mutating func finish() throws(RecordsError) {
      for (high, low, number) in left {
        var place = index.place(high)
        while place < index.placeCount + KeyIndex.tail, index.tag(at: place) != 0 {
          place += 1
        }
        guard place < index.placeCount + KeyIndex.tail - 1 else {
          throw RecordsError(operation: "index", path: "the documents", errno: ENOSPC)
        }
        index.set(place, low, number)
      }
      left = []
    }
  }

  /// Asks for the memory that `find` will look at.
  @inlinable
  package func prepare(high: UInt64) {
    unsafe prefetch(places + place(high) * Self.placeBytes)
  }

  /// The number of a key, `nil` if it is not there.
  @inlinable
  package func find(high: UInt64, low: UInt64) -> UInt32? {
    var place = unsafe places + place(high) * Self.placeBytes
    let wanted = Self.tag(low)
    // There is always a free place at the end.
    while true {
      let tag = unsafe place.loadUnaligned(as: UInt64.self)
      if tag == wanted { return unsafe place.loadUnaligned(fromByteOffset: 8, as: UInt32.self) }
      if tag == 0 { return nil }
      unsafe place += Self.placeBytes
    }
  }
}
