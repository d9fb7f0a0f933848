internal import Glibc

/// From 16-byte keys to numbers of 32 bits, for tens of millions of them, 17 bytes each: made once
/// from keys in ascending order, then read by any number of threads.
///
/// ```
///   line of the cache:  tag × 5 (8 bytes each) │ number × 5 (4 bytes each) │ 4 bytes free
/// ```
/// Keys are MACs and so spread evenly: a key's line follows from its first 64 bits, and the next
/// free place there or in the lines behind is taken. What is compared are the other 64 bits, its
/// tag, so a key that is not there is taken for another with probability 2^-61 or so. Nearly every
/// look ends in the first line, because it is as long as the misses of the cache in it.
@safe
public final class KeyIndex: @unchecked Sendable {
  // Written by `Filler`s, each in its own part, before any reader is given this.
  @usableFromInline let lines: UnsafeMutableRawPointer
  @usableFromInline let lineCount: Int
  private let memory: Memory

  @usableFromInline static let lineBytes = 64
  @usableFromInline static let placesInLine = 5
  @usableFromInline static let numbersOffset = 40
  /// Lines behind the last one a key's first bits can name, for what is pushed further.
  private static let tail = 1_024

  /// Room for `count` keys. `byteCount(for:)` says what it takes.
  package init(count: Int) throws(RecordsError) {
    lineCount = Self.lines(for: count)
    memory = try Memory(byteCount: (lineCount + Self.tail) * Self.lineBytes)
    unsafe lines = memory.start
  }

  /// Three places of four are taken.
  private static func lines(for count: Int) -> Int { count * 4 / (3 * placesInLine) + 16 }

  /// The memory of an index of `count` keys.
  package static func byteCount(for count: Int) -> Int { (lines(for: count) + tail) * lineBytes }

  /// The memory it has.
  package var byteCount: Int { (lineCount + Self.tail) * Self.lineBytes }

  @inline(__always)
  @usableFromInline
  func line(_ high: UInt64) -> Int {
    Int(truncatingIfNeeded: high.multipliedFullWidth(by: UInt64(lineCount)).high)
  }

  /// 0 marks a free place, so a key whose bits are 0 is taken for 1.
  @inline(__always)
  @usableFromInline
  static func tag(_ low: UInt64) -> UInt64 { low == 0 ? 1 : low }

  private func tag(_ line: Int, _ place: Int) -> UInt64 {
    unsafe lines.load(fromByteOffset: line * Self.lineBytes + place * 8, as: UInt64.self)
  }

  @inline(__always)
  private func set(_ line: Int, _ place: Int, _ low: UInt64, _ number: UInt32) {
    let start = unsafe lines + line * Self.lineBytes
    unsafe start.storeBytes(of: Self.tag(low), toByteOffset: place * 8, as: UInt64.self)
    unsafe start.storeBytes(
      of: number, toByteOffset: Self.numbersOffset + place * 4, as: UInt32.self)
  }

  /// Puts the keys of one range into the index, at the same time as others put theirs.
  package struct Filler {
    private let index: KeyIndex
    /// The next free place.
    private var line: Int
    private var place = 0
    private let end: Int
    private var left: [(high: UInt64, low: UInt64, number: UInt32)] = []

    /// For keys whose first 64 bits are `lower` or above, and below `upper` (`nil`: all above).
    package init(_ index: KeyIndex, from lower: UInt64, to upper: UInt64?) {
      self.index = index
      line = index.line(lower)
      end = upper.map { index.line($0) } ?? index.lineCount
    }

    /// Takes the next key; in ascending order nearly every one finds its place at once.
    package mutating func add(high: UInt64, low: UInt64, number: UInt32) {
      let home = index.line(high)
      if home > line {
        line = home
        place = 0
      }
      guard line < end else {
        left.append((high, low, number))
        return
      }
      index.set(line, place, low, number)
      place += 1
      if place == KeyIndex.placesInLine {
        line += 1
        place = 0
      }
    }

    /// Puts what was pushed beyond this part; one at a time, when all parts are filled.
    package mutating func finish() throws(RecordsError) {
      for (high, low, number) in left {
        var line = index.line(high)
        var place = 0
        while index.tag(line, place) != 0 {
          place += 1
          guard place == KeyIndex.placesInLine else { continue }
          line += 1
          place = 0
          // The last line stays free: it ends every look.
          guard line < index.lineCount + KeyIndex.tail - 1 else {
            throw RecordsError(operation: "index", path: "the documents", errno: ENOSPC)
          }
        }
        index.set(line, place, low, number)
      }
      left = []
    }
  }

  /// Asks for the memory that `find` will look at.
  @inlinable
  package func prepare(high: UInt64) {
    unsafe prefetch(lines + line(high) * Self.lineBytes)
  }

  /// The number of a key, `nil` if it is not there.
  @inlinable
  package func find(high: UInt64, low: UInt64) -> UInt32? {
    var line = unsafe lines + line(high) * Self.lineBytes
    let wanted = Self.tag(low)
    while true {
      // All places at once, without a branch for each: which it is cannot be foreseen.
      var found = 0
      for place in 0..<Self.placesInLine {
        let tag = unsafe line.load(fromByteOffset: place * 8, as: UInt64.self)
        found |= (tag == wanted ? 1 : 0) << place
      }
      if found != 0 {
        let offset = Self.numbersOffset + found.trailingZeroBitCount * 4
        return unsafe line.load(fromByteOffset: offset, as: UInt32.self)
      }
      // Places are taken from the first on.
      if unsafe line.load(fromByteOffset: (Self.placesInLine - 1) * 8, as: UInt64.self) == 0 {
        return nil
      }
      unsafe line += Self.lineBytes
    }
  }
}
