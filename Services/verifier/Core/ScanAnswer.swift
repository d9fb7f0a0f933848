package import Codes

/// A verdict with whose it is and how old the knowledge behind it.
package struct Finding: Sendable, Equatable {
  package var verdict: Verdict
  /// The region whose verifier decided.
  package var region: Region
  package var asOf: Instant

  package init(_ verdict: Verdict, region: Region, asOf: Instant) {
    self.verdict = verdict
    self.region = region
    self.asOf = asOf
  }
}

/// Writes the JSON answers of scans from prepared parts into the caller's buffer.
///
/// ```json
/// {"outcome":"accepted","number":0,"text":{"zh":"...","en":"..."},"voice":"scan.accepted",
///  "receipt":"...","scene":"health_gate","region":"310000","colour":"green","kind":"resident",
///  "reason":0,"valid_until":"...","as_of":"...","age_ms":120,"level":"D0"}
/// ```
/// `colour`, `kind`, `reason` and `valid_until` are there only when a status was found. `as_of`
/// is the time up to which this verifier's knowledge of statuses is complete.
package struct ScanAnswerWriter {
  private let heads: [[UInt8]]
  private var asOfText: [UInt8] = []
  private var asOf = Instant(milliseconds: .max)

  package init() {
    heads = Outcome.allCases.map { outcome in
      Array(
        """
        {"outcome":"\(outcome.name)","number":\(outcome.rawValue),"text":{"zh":"\(outcome.textZH)",\
        "en":"\(outcome.textEN)"},"voice":"\(outcome.voice)","receipt":"
        """.utf8)
    }
  }

  /// Appends the answer to one scan; `receipt` holds 16 bytes.
  package mutating func append(
    _ finding: Finding, receipt: Span<UInt8>, scene: Scene, now: Instant, to bytes: inout [UInt8]
  ) {
    let verdict = finding.verdict
    let asOf = finding.asOf
    bytes.append(contentsOf: heads[Int(verdict.outcome.rawValue)])
    Base32.encode(receipt, into: &bytes)
    bytes.append(contentsOf: "\",\"scene\":\"".utf8)
    bytes.append(contentsOf: scene.name.utf8)
    bytes.append(contentsOf: "\",\"region\":\"".utf8)
    Self.append(number: UInt64(finding.region.number), to: &bytes)
    bytes.append(UInt8(ascii: "\""))
    if verdict.status.exists { Self.append(verdict.status, to: &bytes) }
    if asOf != self.asOf {
      self.asOf = asOf
      asOfText.removeAll(keepingCapacity: true)
      asOf.append(to: &asOfText)
    }
    bytes.append(contentsOf: ",\"as_of\":\"".utf8)
    bytes.append(contentsOf: asOfText)
    bytes.append(contentsOf: "\",\"age_ms\":".utf8)
    Self.append(number: now.milliseconds(since: asOf), to: &bytes)
    bytes.append(contentsOf: ",\"level\":\"D0\"}".utf8)
  }

  private static func append(_ status: Status, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: ",\"colour\":\"".utf8)
    bytes.append(contentsOf: status.colour.name.utf8)
    bytes.append(contentsOf: "\",\"kind\":\"".utf8)
    bytes.append(contentsOf: status.kind.name.utf8)
    bytes.append(contentsOf: "\",\"reason\":".utf8)
    append(number: UInt64(status.reason), to: &bytes)
    bytes.append(contentsOf: ",\"valid_until\":\"".utf8)
    status.validUntil.append(to: &bytes)
    bytes.append(UInt8(ascii: "\""))
  }

  private static func append(number: UInt64, to bytes: inout [UInt8]) {
    var divisor: UInt64 = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
      divisor /= 10
    }
  }
}
