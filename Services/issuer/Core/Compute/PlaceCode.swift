/// GB/T 2260 codes and the statistical codes that extend them, as numbers of twelve digits:
/// province 2, city 4, county 6, township 9, village 12; the rest are zeros.
package enum PlaceCode {
  /// Whether codes are written with so many digits.
  static func isLength(_ digits: Int) -> Bool { 0b1_0010_0101_0100 &>> digits & 1 != 0 }

  /// The twelve digits of a code written with 2, 4, 6, 9 or 12; `nil` for other numbers. No code
  /// begins with 0.
  package static func padded(_ code: UInt64) -> UInt64? {
    switch code {
    case 10...99: code * 10_000_000_000
    case 1_000...9_999: code * 100_000_000
    case 100_000...999_999: code * 1_000_000
    case 100_000_000...999_999_999: code * 1_000
    case 100_000_000_000...999_999_999_999: code
    default: nil
    }
  }

  /// All padded codes of what lies in the place `padded`: the zeros at its end stand for any
  /// digits, level by level.
  package static func codes(within padded: UInt64) -> Range<UInt64> {
    let units: InlineArray<5, UInt64> = [10_000_000_000, 100_000_000, 1_000_000, 1_000, 1]
    for index in units.indices where padded % units[index] == 0 {
      return padded..<padded + units[index]
    }
    return padded..<padded + 1
  }

  /// The shortest of 6, 9 and 12 digits that says all of a padded code.
  package static func text(_ padded: UInt64) -> String {
    if padded % 1_000_000 == 0 { return "\(padded / 1_000_000)" }
    return padded % 1_000 == 0 ? "\(padded / 1_000)" : "\(padded)"
  }
}

/// Which areas, by periods, a place lies in: the areas as bits of a word.
package struct AreaIndex: Sendable {
  /// A part of an area: places for a time.
  package struct Part: Sendable, Equatable {
    /// Padded codes.
    package var codes: Range<UInt64>
    /// Minutes since 2020-01-01T00:00Z.
    package var minutes: Range<UInt32>
    /// Index of the area, below 64.
    package var area: Int
  }

  private struct Period: Sendable {
    var minutes: Range<UInt32>
    var areas: UInt64
  }

  /// Where what is known of a code changes, ascending; up to the next bound `periods` of the same
  /// index holds. The first is 0.
  private var bounds: [UInt64] = [0]
  /// Of `periods`, where those of each bound end.
  private var ends: [Int] = [0]
  private var periods: [Period] = []

  init(_ parts: [Part]) {
    let edges = Set(parts.flatMap { [$0.codes.lowerBound, $0.codes.upperBound] })
    for edge in edges.sorted() {
      for part in parts where part.codes.contains(edge) {
        periods.append(Period(minutes: part.minutes, areas: 1 << UInt64(part.area)))
      }
      bounds.append(edge)
      ends.append(periods.count)
    }
  }

  /// The areas that `place`, padded, lay in at the minute.
  func areas(of place: UInt64, at minutes: UInt32) -> UInt64 {
    var low = 0
    var high = bounds.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if bounds[middle] <= place { low = middle } else { high = middle }
    }
    guard low > 0 else { return 0 }
    var areas: UInt64 = 0
    for index in ends[low - 1]..<ends[low] where periods[index].minutes.contains(minutes) {
      areas |= periods[index].areas
    }
    return areas
  }
}
