import Codes
import StatusCache

/// What a generation is computed for: everybody who was registered at one position of the log.
struct GenerationBase: Sendable, Equatable {
  let region: Region
  /// The last change of the log that the computation can know of. Later ones are put on top.
  let position: UInt64
  /// Serials from this one on were given later.
  let nextSerial: UInt64

  /// The pages of all serials below `nextSerial`, counted from 0.
  var pageCount: Int {
    (Int(nextSerial) + StatusPage.statusCount - 1) / StatusPage.statusCount
  }
}

extension GenerationBase {
  init(_ state: Registry.State, region: Region) {
    self.init(region: region, position: state.lastPosition, nextSerial: state.nextSerial)
  }
}

/// One of `count` equal parts of a generation's pages, `index` from 1.
struct GenerationShard: Sendable, Equatable, CustomStringConvertible {
  let index: Int
  let count: Int

  static let whole = GenerationShard(index: 1, count: 1)

  private init(index: Int, count: Int) {
    self.index = index
    self.count = count
  }

  /// Reads `2/4`; at most 1,000 parts.
  init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let index = Int(parts[0]), let count = Int(parts[1]),
      1...1_000 ~= count, 1...count ~= index
    else { return nil }
    self.init(index: index, count: count)
  }

  var description: String { "\(index)/\(count)" }

  /// The pages of this part.
  func pages(of base: GenerationBase) -> Range<Int> {
    base.pageCount * (index - 1) / count..<base.pageCount * index / count
  }
}
