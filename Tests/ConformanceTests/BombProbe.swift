import RawHTTP2
import Testing

/// A single header block that is small on the wire and large in memory, or too large at once.
struct BombProbe: Sendable, CustomTestStringConvertible {
  let id: String
  let sentence: String
  /// Whether a proper answer is an outcome too, because nothing in the block is forbidden.
  let mayBeAnswered: Bool
  let frames: @Sendable (RawConnection) -> [Frame]

  var testDescription: String { "P-33 \(id): \(sentence)" }

  static let all = [
    BombProbe(
      id: "hpack/bomb", sentence: "one long field, named 12,000 times", mayBeAnswered: false
    ) {
      let long = HPACK.literal("x-bomb", String(repeating: "a", count: 4_000), .incremental)
      let again = [UInt8](repeating: HPACK.indexed(62)[0], count: 12_000)
      return [.headers(1, $0.block() + long + again)]
    },
    BombProbe(id: "hpack/many", sentence: "16,000 fields in one frame", mayBeAnswered: false) {
      [.headers(1, $0.block() + repeated(HPACK.indexed(16), times: 16_000))]
    },
    BombProbe(id: "hpack/100,000", sentence: "100,000 fields", mayBeAnswered: false) {
      split($0.block() + repeated(HPACK.indexed(16), times: 100_000))
    },
    BombProbe(id: "hpack/64 KB", sentence: "a field of 64 KB", mayBeAnswered: false) {
      split($0.block() + HPACK.literal("x-long", String(repeating: "a", count: 65_000)))
    },
    BombProbe(id: "hpack/path", sentence: "a path of 15 KB", mayBeAnswered: false) {
      let path = "/" + String(repeating: "a", count: 15_000)
      return [.headers(1, HPACK.block($0.endpoint.fields(path: path)))]
    },
    BombProbe(id: "hpack/churn", sentence: "5,000 table size updates", mayBeAnswered: true) {
      let churn = HPACK.tableSizeUpdate(0) + HPACK.tableSizeUpdate(4_096)
      return [.headers(1, repeated(churn, times: 2_500) + $0.block())]
    },
  ]

  /// The block is refused with 431, or the stream or connection ends.
  func run(on connection: RawConnection) throws {
    var bytes: [UInt8] = []
    for frame in frames(connection) { frame.append(to: &bytes) }
    connection.send(bytes: bytes)
    try connection.expect("431, RST_STREAM, GOAWAY or close") { event in
      switch event {
      case .headers(1, let fields, _):
        fields.status == 431 || mayBeAnswered && (200..<500).contains(fields.status ?? 0)
      case .reset(1, _), .goAway, .closed: true
      default: false
      }
    }
  }

  private static func repeated(_ bytes: [UInt8], times: Int) -> [UInt8] {
    Array([[UInt8]](repeating: bytes, count: times).joined())
  }

  /// HEADERS and as many CONTINUATIONs as the block needs.
  private static func split(_ block: [UInt8]) -> [Frame] {
    let starts = Array(stride(from: 0, to: block.count, by: Frame.payloadBytesMax))
    return starts.map { start in
      let fragment = Array(block[start..<min(start + Frame.payloadBytesMax, block.count)])
      let flags: FrameFlags = start == starts.last ? .endHeaders : []
      return start == 0
        ? .headers(1, fragment, flags.union(.endStream)) : .continuation(1, fragment, flags)
    }
  }
}
