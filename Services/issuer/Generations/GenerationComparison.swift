import Codes
import IssuerCore
import Server
import StatusCache
import Storage

/// What an activation would change now.
struct GenerationComparison {
  /// Holders by colour at present and colour then: `matrix[present * 4 + then]`.
  private(set) var matrix = [Int](repeating: 0, count: 16)

  subscript(_ present: Colour, _ then: Colour) -> Int {
    matrix[Int(present.rawValue) * 4 + Int(then.rawValue)]
  }

  /// Holders who would get another colour.
  var changed: Int {
    matrix.indices.reduce(0) { $1 / 4 == $1 % 4 ? $0 : $0 + matrix[$1] }
  }

  init(_ pages: inout GenerationPages, _ registry: Registry, _ cache: CacheReader) throws {
    try cache.renew()
    let applied = cache.state.appliedPosition
    cache.reset()
    let touched = try registry.touched(
      after: min(applied, pages.manifest.base.position), through: applied)
    var next = 0
    var computed: [UInt8] = []
    var present: [UInt8] = []
    while !pages.isAtEnd {
      let first = pages.position
      try pages.read(1_024, into: &computed)
      let count = computed.count / StatusPage.byteCount
      present.removeAll(keepingCapacity: true)
      try cache.renew()
      try cache.appendPages(first: UInt32(first), count: count, to: &present)
      cache.reset()
      compare(present.span, computed.span, firstPage: first, touched, &next)
    }
    try pages.finish()
  }

  private mutating func compare(
    _ present: Span<UInt8>, _ computed: Span<UInt8>, firstPage: Int,
    _ touched: [TouchedHolder], _ next: inout Int
  ) {
    var counts = [Int](repeating: 0, count: 16)
    for page in 0..<present.count / StatusPage.byteCount {
      let start = page * StatusPage.byteCount + StatusPage.headerByteCount
      let firstSerial = UInt64((firstPage + page) * StatusPage.statusCount)
      for slot in 0..<StatusPage.statusCount {
        let serial = firstSerial + UInt64(slot)
        while next < touched.count, touched[next].serial.value < serial { next += 1 }
        let isTouched = next < touched.count && touched[next].serial.value == serial
        let before = Status(bits: present.littleEndianWord(at: start + 8 * slot))
        guard before.exists else { continue }
        let computed = Status(bits: computed.littleEndianWord(at: start + 8 * slot))
        let after = before.recoloured(by: isTouched ? touched[next].over(computed) : computed)
        counts[Int(before.bits & 3) * 4 + Int(after.bits & 3)] += 1
      }
    }
    for index in counts.indices { matrix[index] += counts[index] }
  }
}
