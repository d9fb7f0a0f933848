package import Codes
import Security

/// Why no code was made.
package enum IssueRefusal: String, Error, Sendable {
  case guardianRequired = "guardian_required"
  case notGuardian = "not_guardian"
  case badLifetime = "bad_lifetime"
  case badStart = "bad_valid_from"
  case badCount = "bad_count"
}

/// What kind of codes are asked for.
package struct IssueTerms: Sendable {
  package var validFrom: CityTime
  package var lifetimeSeconds: Int
  package var count: Int
  package var sceneHint: UInt8

  package init(validFrom: CityTime, lifetimeSeconds: Int, count: Int = 1, sceneHint: UInt8 = 0) {
    self.validFrom = validFrom
    self.lifetimeSeconds = lifetimeSeconds
    self.count = count
    self.sceneHint = sceneHint
  }

  /// Longest life of one code, seconds: 255 units of 15.
  package static let lifetimeSecondsMax = 3_825
  /// How far ahead a batch may reach, seconds: 25 hours.
  package static let horizonSeconds: Int64 = 25 * 3_600
  /// How far back a batch may start, seconds: what a slow phone's clock calls "now".
  package static let pastSeconds: Int64 = 3_600
  package static let countMax = 2_000

  /// Why no code is made on these terms; `nil` if they are good.
  package func refusal(at now: CityTime) -> IssueRefusal? {
    guard 1...Self.countMax ~= count else { return .badCount }
    guard 15...Self.lifetimeSecondsMax ~= lifetimeSeconds, lifetimeSeconds % 15 == 0
    else { return .badLifetime }
    let start = validFrom.seconds(since: now)
    guard start >= -Self.pastSeconds,
      start + Int64(count * lifetimeSeconds) <= Self.horizonSeconds
    else { return .badStart }
    return nil
  }
}

/// Seals dynamic codes (format 1). One per event loop; deterministic in the nonces given.
package final class CodeMaker {
  private let region: Region
  private let secret: RegionSecret
  private var epochs: [KeyEpoch] = []
  private var ciphers: [AESGCM] = []
  private var claimBytes: [UInt8] = []
  private var header: [UInt8] = []

  package init(region: Region, secret: RegionSecret) {
    self.region = region
    self.secret = secret
  }

  /// Appends the 50 bytes of one code to `code`. It is sealed under the epoch of its valid-from,
  /// so that a verifier needs the keys of hours near its own now only.
  package func make(
    serial: Serial, status: Status, channel: UInt16, terms: IssueTerms, nonce: Bytes12,
    into code: inout [UInt8]
  ) {
    let epoch = KeyEpoch(at: terms.validFrom)
    let start = code.count
    DynamicCode.Header(region: region, epochWire: epoch.wire, nonce: nonce).append(to: &code)
    // Taken out of `self` while its bytes are lent.
    var claimBytes = exchange(&self.claimBytes, with: [])
    defer { self.claimBytes = claimBytes }
    claimBytes.removeAll(keepingCapacity: true)
    DynamicCode.Claims(
      serial: serial, validFrom: terms.validFrom,
      lifetimeUnits: UInt8(terms.lifetimeSeconds / Int(DynamicCode.Claims.lifetimeUnitSeconds)),
      kind: status.kind, flags: status.flags, channel: channel, sceneHint: terms.sceneHint,
      revision: status.revision
    ).append(to: &claimBytes)
    var header = exchange(&self.header, with: [])
    defer { self.header = header }
    header.removeAll(keepingCapacity: true)
    header.append(contentsOf: code[start...])
    let associated = header.span
    cipher(epoch).seal(
      plaintext: claimBytes.span, nonce: associated.extracting(DynamicCode.nonceRange),
      associatedData: associated, into: &code)
  }

  private func cipher(_ epoch: KeyEpoch) -> AESGCM {
    // The hour that began last is asked for most.
    if let index = epochs.lastIndex(of: epoch) { return ciphers[index] }
    let key = secret.key(of: epoch)
    let cipher = AESGCM(key: key.span)
    // A batch spans 25 hours at most; the oldest of more belongs to hours gone by.
    if epochs.count == 32 {
      epochs.removeFirst()
      ciphers.removeFirst()
    }
    epochs.append(epoch)
    ciphers.append(cipher)
    return cipher
  }
}
