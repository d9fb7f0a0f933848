import Codes

/// Finds `"outcome":"NAME"` in an answer that comes in pieces, again and again for a batch, and
/// tells which outcome each is. A value in each stream; reads no more than it must.
struct OutcomeFinder {
  /// The name under which unknown outcomes are counted.
  static let unknown = 16

  /// 0...10: so many bytes of the needle are matched; 11: within the name.
  private var phase: UInt8 = 0
  private var hash: UInt64 = 0
  /// Outcomes found so far.
  private(set) var count = 0

  private static let inName: UInt8 = 11
  private static let hashStart: UInt64 = 14_695_981_039_346_656_037

  /// Reads the next piece and gives each outcome (its number, or `unknown`) with its position;
  /// stops behind `countMax` of them.
  @inline(__always)
  mutating func read(
    _ piece: Span<UInt8>, countMax: Int, _ found: (_ position: Int, _ outcome: Int) -> Void
  ) {
    var index = 0
    let end = piece.count
    while index < end, count < countMax {
      if phase == 0 {
        index = Self.skip(piece, from: index)
        if index >= end { return }
      }
      let byte = piece[index]
      index &+= 1
      if phase == Self.inName {
        if byte == UInt8(ascii: "\"") {
          found(count, Self.outcome(hash))
          count &+= 1
          phase = 0
        } else {
          hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211
        }
      } else {
        advance(byte)
      }
    }
  }

  @inline(__always)
  private mutating func advance(_ byte: UInt8) {
    if byte == Self.needle(phase) {
      phase &+= 1
      hash = Self.hashStart
    } else if phase == 9, byte == UInt8(ascii: "o") {
      // Its closing quotation mark was the opening one of another.
      phase = 2
    } else {
      phase = byte == UInt8(ascii: "\"") ? 1 : 0
    }
  }

  /// The first place at or behind `start` where the needle or its beginning can lie. Looks at
  /// every 11th byte only, as far as it can (Horspool).
  private static func skip(_ piece: Span<UInt8>, from start: Int) -> Int {
    var index = start
    while index &+ 11 <= piece.count {
      let distance = distances(piece[index &+ 10])
      if distance == 0 {
        // The last byte fits: the first must as well.
        if piece[index] == UInt8(ascii: "\""), piece[index &+ 1] == UInt8(ascii: "o") {
          return index
        }
        index &+= 2
      } else {
        index &+= distance
      }
    }
    return index
  }

  /// How far the needle can move when the byte under its last place is `byte`; 0 if it fits.
  @inline(__always)
  private static func distances(_ byte: UInt8) -> Int {
    switch byte {
    case UInt8(ascii: "\""): 0
    case UInt8(ascii: ":"): 1
    case UInt8(ascii: "e"): 3
    case UInt8(ascii: "m"): 4
    case UInt8(ascii: "o"): 5
    case UInt8(ascii: "c"): 6
    case UInt8(ascii: "t"): 7
    case UInt8(ascii: "u"): 8
    default: 11
    }
  }

  @inline(__always)
  private static func needle(_ index: UInt8) -> UInt8 {
    // "outcome":" as two numbers, the first byte lowest.
    let low: UInt64 = 0x656d_6f63_7475_6f22
    let high: UInt64 = 0x22_3a22
    return UInt8(
      truncatingIfNeeded: index < 8 ? low >> UInt64(index &* 8) : high >> UInt64((index &- 8) &* 8))
  }

  private static let hashes: [UInt64] = Outcome.allCases.map { outcome in
    outcome.name.utf8.reduce(hashStart) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
  }

  private static func outcome(_ hash: UInt64) -> Int {
    hashes.firstIndex(of: hash) ?? unknown
  }
}
