import HTTP2

/// Which trace a request belongs to: the header field `traceparent` of W3C Trace Context level 1.
///
/// ```
/// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
/// ver trace ID, 16 bytes              parent, 8 bytes  flags
/// ```
/// A field that is none of these is ignored, as the specification asks. `tracestate` is not read
/// and not passed on: it is others' data, and calls leave the region.
package struct TraceContext: Sendable, Equatable {
  /// The trace ID in two halves; not both zero.
  package let high: UInt64
  package let low: UInt64
  /// Names the call that carries this; not zero.
  package let parentID: UInt64
  /// Whether the caller keeps its own record of the call.
  package let isSampled: Bool

  package init(high: UInt64, low: UInt64, parentID: UInt64, isSampled: Bool) {
    self.high = high
    self.low = low
    self.parentID = parentID
    self.isSampled = isSampled
  }

  static let headerName: StaticString = "traceparent"
  private static let byteCount = 55

  /// Reads a field's value; `nil` if it is not of the form above.
  package init?(_ text: Span<UInt8>) {
    guard text.count >= Self.byteCount, text[2] == Self.dash, text[35] == Self.dash,
      text[52] == Self.dash, let version = Self.number(text, 0..<2), version != 0xFF,
      let high = Self.number(text, 3..<19), let low = Self.number(text, 19..<35),
      let parent = Self.number(text, 36..<52), let flags = Self.number(text, 53..<55)
    else { return nil }
    // Later versions may have more behind the flags.
    guard text.count == Self.byteCount || (version > 0 && text[Self.byteCount] == Self.dash),
      high | low != 0, parent != 0
    else { return nil }
    self.init(high: high, low: low, parentID: parent, isSampled: flags & 1 == 1)
  }

  /// What `request` says; several fields of the name say nothing.
  init?(of request: Request, header name: Span<UInt8>) {
    guard let found = request.withHeader(name, { TraceContext($0) }) ?? nil,
      request.headerCount(name) == 1
    else { return nil }
    self = found
  }

  /// Begins a trace of our own.
  static func begin(isSampled: Bool) -> TraceContext {
    TraceContext(
      high: .random(in: 1 ... .max), low: .random(in: 1 ... .max), parentID: newID(),
      isSampled: isSampled)
  }

  /// A name for one call.
  static func newID() -> UInt64 { .random(in: 1 ... .max) }

  /// The same trace for the calls that a request leads to, which `id` names.
  func child(_ id: UInt64, isSampled: Bool) -> TraceContext {
    TraceContext(high: high, low: low, parentID: id, isSampled: isSampled)
  }

  /// The value of the field, version 00.
  package var text: String {
    "00-\(traceID)-\(Self.hexadecimal(parentID))-\(isSampled ? "01" : "00")"
  }

  /// 32 digits.
  package var traceID: String { Self.hexadecimal(high) + Self.hexadecimal(low) }

  /// 16 digits.
  static func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }

  private static let dash = UInt8(ascii: "-")

  /// Lower case alone, as the specification has it.
  private static func number(_ text: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
    var number: UInt64 = 0
    for index in range {
      switch text[index] {
      case let byte where 0x30...0x39 ~= byte: number = number << 4 | UInt64(byte - 0x30)
      case let byte where 0x61...0x66 ~= byte: number = number << 4 | UInt64(byte - 0x57)
      default: return nil
      }
    }
    return number
  }
}

/// Which requests get a line in the log: those whose caller keeps a record too, one in so many by
/// their trace, so that all services of all regions pick the same, and as many of those without.
struct RequestSampler {
  /// 0: none.
  let oneIn: UInt64
  private var untilNext: UInt64

  init(oneIn: UInt64) {
    self.oneIn = oneIn
    untilNext = oneIn
  }

  mutating func picks(_ trace: TraceContext?) -> Bool {
    guard oneIn > 0 else { return false }
    if let trace { return trace.isSampled || trace.low % oneIn == 0 }
    untilNext -= 1
    guard untilNext == 0 else { return false }
    untilNext = oneIn
    return true
  }
}
