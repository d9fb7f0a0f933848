package import Codes
import Security

/// The decision of a scan (design §6), pure: same code, same keys, same cache, same time, same
/// verdict.
///
/// ```
/// text → code → (foreign? relay) → epoch key → open → fresh? → status → scene policy
/// ```
/// `open` is all before the status, `judge` what follows: between them the caller fetches it.
/// "Once" comes after: only the journal's writer can say who came first.
package final class ScanRules: Sendable {
  package let region: Region
  package let partners: Set<Region>
  /// How far the clocks of the code's maker and this host may be apart, seconds.
  package let clockSkewSeconds: Int
  /// Oldest knowledge an answer may rest on, seconds; a scene may ask for fresher.
  package let statusAgeMaxSeconds: Int
  /// Whether knowledge of any age will do: an operator holds D3.
  let allowsAnyAge: Bool

  package init(
    region: Region, partners: Set<Region>, clockSkewSeconds: Int, statusAgeMaxSeconds: Int,
    allowsAnyAge: Bool = false
  ) {
    self.region = region
    self.partners = partners
    self.clockSkewSeconds = clockSkewSeconds
    self.statusAgeMaxSeconds = statusAgeMaxSeconds
    self.allowsAnyAge = allowsAnyAge
  }

  /// The same rules while an operator holds D3.
  package var forAnyAge: ScanRules {
    ScanRules(
      region: region, partners: partners, clockSkewSeconds: clockSkewSeconds,
      statusAgeMaxSeconds: statusAgeMaxSeconds, allowsAnyAge: true)
  }

  /// Decides what can be decided on the decoded `code` (any bytes) without the cache; `scratch` is
  /// the caller's buffer for the opened claims.
  package func open(
    code: Span<UInt8>, now: Instant, keys: KeyRing, scratch: inout [UInt8]
  ) -> Opening {
    guard code.count == DynamicCode.byteCount, let header = DynamicCode.Header(code) else {
      return .decided(.refused(.malformed))
    }
    guard header.region == region else {
      return partners.contains(header.region)
        ? .partner(header.region) : .decided(.refused(.unknownRegion))
    }
    let epoch = KeyEpoch.resolve(wire: header.epochWire, near: now.cityTime)
    guard let cipher = keys.cipher(epoch) else {
      // No code lives longer than 64 minutes, so an hour whose key is gone is long over.
      let isPast = keys.oldest.map { epoch < $0 } ?? false
      return .decided(.refused(isPast ? .codeExpired : .unknownKey))
    }
    scratch.removeAll(keepingCapacity: true)
    guard
      cipher.open(
        ciphertextAndTag: code.extracting(DynamicCode.sealedRange),
        nonce: code.extracting(DynamicCode.nonceRange),
        associatedData: code.extracting(DynamicCode.headerRange), into: &scratch)
    else { return .decided(.refused(.forged)) }
    // An authentic code that says impossible things was made by somebody who has the key.
    guard let claims = DynamicCode.Claims(scratch.span) else {
      return .decided(.refused(.malformed))
    }
    let opened = OpenedCode(claims: claims, nonce: header.nonce)
    if let fault = timeFault(claims, now.cityTime) {
      return .decided(opened.verdict(fault))
    }
    return .opened(opened)
  }

  /// Decides on a code that was opened at `now`, whose holder has `status` in a cache whose
  /// knowledge is of `asOf`.
  package func judge(
    _ code: OpenedCode, status: Status?, scene: Scene, now: Instant, asOf: Instant
  ) -> Verdict {
    var verdict = code.verdict(.accepted)
    if let fault = statusFault(code.claims, status, scene, now, asOf, &verdict) {
      verdict.outcome = fault
    }
    return verdict
  }

  /// What a partner's answer counts for here: the holder must also pass this region's scene, the
  /// knowledge may be no older than it allows, and the code is named so that it can count once
  /// here, too. `code` is the decoded code.
  package func adopt(
    _ finding: Finding, code: Span<UInt8>, scene: Scene, now: Instant
  ) -> Finding {
    guard finding.verdict.outcome == .accepted else { return finding }
    var finding = finding
    let status = finding.verdict.status
    if isStale(finding.asOf, now, scene) {
      finding.verdict.outcome = .staleCache
    } else if !scene.allows(status.kind) {
      finding.verdict.outcome = .wrongScene
    } else if now.cityTime >= status.validUntil {
      finding.verdict.outcome = .statusExpired
    } else if !scene.allows(status.colour) {
      finding.verdict.outcome = .colour
    }
    guard let header = DynamicCode.Header(code) else {
      return .init(.refused(.malformed), region: finding.region, asOf: finding.asOf)
    }
    // Sealed under the epoch of its valid-from, a code is over when the longest life that begins
    // in that hour is: the same end for every scan of it.
    let epoch = KeyEpoch.resolve(wire: header.epochWire, near: now.cityTime)
    let lifeMaxSeconds = 255 * Int64(DynamicCode.Claims.lifetimeUnitSeconds)
    finding.verdict.nonce = header.nonce
    finding.verdict.codeEnd = epoch.start
      .advanced(bySeconds: Int64(KeyEpoch.lengthSeconds) + lifeMaxSeconds)
    return finding
  }

  /// Whether knowledge of `asOf` is too old for the scene; also if it claims to be of a time to
  /// come: then a clock was wrong, and nobody knows how old it is.
  private func isStale(_ asOf: Instant, _ now: Instant, _ scene: Scene) -> Bool {
    let ageMaxSeconds = scene.statusAgeMaxSeconds ?? statusAgeMaxSeconds
    return (!allowsAnyAge && now.milliseconds(since: asOf) > UInt64(ageMaxSeconds) * 1_000)
      || asOf.milliseconds(since: now) > UInt64(clockSkewSeconds) * 1_000
  }

  private func timeFault(_ claims: DynamicCode.Claims, _ now: CityTime) -> Outcome? {
    let skew = Int64(clockSkewSeconds)
    if now.seconds(since: claims.validFrom) < -skew { return .notYetValid }
    if now.seconds(since: claims.validUntil) >= skew { return .codeExpired }
    return nil
  }

  private func statusFault(
    _ claims: DynamicCode.Claims, _ status: Status?, _ scene: Scene, _ now: Instant,
    _ asOf: Instant, _ verdict: inout Verdict
  ) -> Outcome? {
    if isStale(asOf, now, scene) { return .staleCache }
    guard let status, status.exists else { return .unknownHolder }
    verdict.status = status
    if status.revision != claims.revision { return .killed }
    if status.flags.contains(.suspended) || status.flags.contains(.lost) { return .suspended }
    if claims.sceneHint != 0, claims.sceneHint != scene.number { return .wrongScene }
    if !scene.allows(status.kind) { return .wrongScene }
    if now.cityTime >= status.validUntil { return .statusExpired }
    if !scene.allows(status.colour) { return .colour }
    return nil
  }
}
