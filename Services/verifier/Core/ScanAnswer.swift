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
/// is the time up to which this verifier's knowledge of statuses is complete. From D1 on `text`
/// and `voice` are missing, from D2 on also `scene`; D3 adds `"last_known":true`. A status that was
/// found is whole at every level: a partner region's verifier holds it against its own scene.
package struct ScanAnswerWriter {
  /// What of an answer does not change from one scan to the next: most holders have one of few
  /// statuses, and the cache's time stands still for a while.
  private struct Middle {
    var scene: UInt8
    var region: Region
    /// Without the revision, which is not shown.
    var statusBits: UInt64
    var asOf: Instant
    var level: DegradationLevel
    /// Bytes of its text; 0 where nothing was written yet.
    var textLength = 0

    init(_ finding: Finding, _ scene: Scene, _ level: DegradationLevel) {
      self.level = level
      self.scene = scene.number
      region = finding.region
      statusBits = finding.verdict.status.bits & ~revisionMask
      asOf = finding.asOf
    }

    func isLike(_ other: Middle) -> Bool {
      statusBits == other.statusBits && asOf == other.asOf && scene == other.scene
        && region == other.region && level == other.level && textLength > 0
    }
  }

  private static let revisionMask: UInt64 = 0xFFFF << 40
  private static let middlesMax = 16

  /// All heads and ends, one behind the other: to copy a range of one array counts no reference.
  private let parts: [UInt8]
  private let heads: [Range<Int>]
  /// The same without texts.
  private let shortHeads: [Range<Int>]
  private let ends: [Range<Int>]
  /// By a hash of the status; an entry is used only if all of it fits.
  private var middles: [Middle] = []
  /// Their texts, `middleBytesMax` for each.
  private var middleTexts: [UInt8] = []
  /// The longest middle: scene 32 bytes, region 6, kind 12, reason 3, two times, and the names.
  static let middleBytesMax = 256

  package init() {
    var parts: [UInt8] = []
    func part(_ text: String) -> Range<Int> {
      let start = parts.count
      parts.append(contentsOf: text.utf8)
      return start..<parts.count
    }
    heads = Outcome.allCases.map { outcome in
      part(
        """
        {"outcome":"\(outcome.name)","number":\(outcome.rawValue),"text":{"zh":"\(outcome.textZH)",\
        "en":"\(outcome.textEN)"},"voice":"\(outcome.voice)","receipt":"
        """)
    }
    shortHeads = Outcome.allCases.map { outcome in
      part("{\"outcome\":\"\(outcome.name)\",\"number\":\(outcome.rawValue),\"receipt\":\"")
    }
    ends = DegradationLevel.allCases.map { level in
      let mark = level == .lastKnown ? ",\"last_known\":true" : ""
      return part(",\"level\":\"\(level.name)\"\(mark)}")
    }
    self.parts = parts
  }

  /// Appends the answer to one scan; `receipt` holds 16 bytes.
  package mutating func append(
    _ finding: Finding, receipt: Span<UInt8>, scene: Scene, now: Instant,
    level: DegradationLevel = .full, to bytes: inout [UInt8]
  ) {
    let outcome = Int(finding.verdict.outcome.rawValue)
    bytes.append(
      copying: parts.span.extracting(level == .full ? heads[outcome] : shortHeads[outcome]))
    Base32.encode(receipt, into: &bytes)
    var middle = Middle(finding, scene, level)
    if middles.isEmpty {
      middles = Array(repeating: middle, count: Self.middlesMax)
      middleTexts = Array(repeating: 0, count: Self.middlesMax * Self.middleBytesMax)
    }
    let slot = Int(truncatingIfNeeded: (middle.statusBits &* 0x9E37_79B9_7F4A_7C15) >> 60)
    let start = slot * Self.middleBytesMax
    if !middles[slot].isLike(middle) {
      let text = Self.middle(finding, scene, level)
      middle.textLength = text.count
      middles[slot] = middle
      middleTexts.replaceSubrange(start..<(start + text.count), with: text)
    }
    let end = start + middles[slot].textLength
    bytes.append(copying: middleTexts.span.extracting(start..<end))
    Self.append(number: now.milliseconds(since: finding.asOf), to: &bytes)
    bytes.append(copying: parts.span.extracting(ends[Int(level.rawValue)]))
  }

  private static func middle(
    _ finding: Finding, _ scene: Scene, _ level: DegradationLevel
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    if level < .statusOnly { bytes.append(contentsOf: "\",\"scene\":\"\(scene.name)".utf8) }
    bytes.append(contentsOf: "\",\"region\":\"\(finding.region)\"".utf8)
    if finding.verdict.status.exists { append(finding.verdict.status, to: &bytes) }
    bytes.append(contentsOf: ",\"as_of\":\"".utf8)
    finding.asOf.append(to: &bytes)
    bytes.append(contentsOf: "\",\"age_ms\":".utf8)
    return bytes
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
