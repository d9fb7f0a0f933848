import Codes
import Feed
import IssuerCore
import Security
import VerifierCore

/// Everything one scan rests on. As it stands by default, the code is accepted.
struct Scan {
  static let home = Region(310_000)!
  static let partner = Region(330_000)!
  static let stranger = Region(440_000)!
  static let noon = CityTime(rfc3339: "2026-11-24T11:33:47Z")!
  static let skewSeconds = 60
  static let statusAgeMaxSeconds = 21_600

  /// What happened to the code between the issuer and the verifier.
  enum Damage: Hashable {
    case shortened
    case lengthened
    /// The format byte.
    case format(UInt8)
    /// One bit of the 400.
    case bit(Int)
    /// The claims say what no issuer seals, under the right key.
    case impossibleClaims
  }

  var region = Scan.home
  var damage: Damage?
  var serial = Serial(unchecked: 34_000_000)
  var validFrom = Scan.noon
  var lifetimeSeconds = 60
  var codeRevision: UInt16 = 7
  var sceneHint: UInt8 = 0
  var now = Instant(Scan.noon)
  /// When the verifier last got epoch keys.
  var keysOf = Scan.noon
  var asOf = Instant(Scan.noon)
  /// The home region's status of the holder; `nil`: nobody has this serial.
  var status: Status? = Status(
    colour: .green, kind: .resident, reason: 3,
    validUntil: Scan.noon.advanced(bySeconds: 86_400), revision: 7)
  var scene = Scan.gate()

  static func gate(
    colours: Set<Colour> = [.green], kinds: Set<HolderKind> = [.resident, .visitor],
    number: UInt8 = 1, statusAgeMaxSeconds: Int? = nil
  ) -> Scene {
    Scene(
      name: "health_gate", number: number, colours: colours, kinds: kinds,
      statusAgeMaxSeconds: statusAgeMaxSeconds)
  }
}

/// An issuer's and a verifier's side of one region: makes the codes of scans and decides them.
final class Stage {
  let rules: ScanRules
  let secret: RegionSecret
  private let makers: [Region: CodeMaker]
  private let keys = KeyRing()
  private var keysOf: CityTime?
  private var nonceCount: UInt64 = 0
  private var scratch: [UInt8] = []

  init(skewSeconds: Int = Scan.skewSeconds, allowsAnyAge: Bool = false) {
    rules = ScanRules(
      region: Scan.home, partners: [Scan.partner], clockSkewSeconds: skewSeconds,
      statusAgeMaxSeconds: Scan.statusAgeMaxSeconds, allowsAnyAge: allowsAnyAge)
    var makers: [Region: CodeMaker] = [:]
    for region in [Scan.home, Scan.partner, Scan.stranger] {
      makers[region] = CodeMaker(region: region, secret: Stage.secret(of: region))
    }
    self.makers = makers
    secret = Stage.secret(of: Scan.home)
  }

  private static func secret(of region: Region) -> RegionSecret {
    RegionSecret(
      region: region, secret: (0..<32).map { UInt8($0) }, pepper: [UInt8](repeating: 9, count: 32))
  }

  /// The code of `scan` as the verifier reads it.
  func code(of scan: Scan) -> [UInt8] {
    var code: [UInt8] = []
    if scan.damage == .impossibleClaims {
      seal([UInt8](repeating: 0, count: DynamicCode.claimsByteCount), of: scan, into: &code)
    } else {
      let status = Status(
        colour: .green, kind: .resident, validUntil: scan.validFrom, revision: scan.codeRevision)
      makers[scan.region]!.make(
        serial: scan.serial, status: status, channel: 1,
        terms: IssueTerms(
          validFrom: scan.validFrom, lifetimeSeconds: scan.lifetimeSeconds,
          sceneHint: scan.sceneHint),
        nonce: nextNonce(), into: &code)
    }
    switch scan.damage {
    case .shortened: code.removeLast()
    case .lengthened: code.append(0)
    case .format(let byte): code[0] = byte
    case .bit(let number): code[number / 8] ^= 1 << UInt8(number % 8)
    case .impossibleClaims, nil: break
    }
    return code
  }

  private func nextNonce() -> Bytes12 {
    nonceCount += 1
    var bytes: [UInt8] = []
    for factor: UInt64 in [0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9] {
      bytes.appendBigEndian(nonceCount &* factor, byteCount: 6)
    }
    return Bytes12(bytes.span)
  }

  private func seal(_ claims: [UInt8], of scan: Scan, into code: inout [UInt8]) {
    let epoch = KeyEpoch(at: scan.validFrom)
    let nonce = nextNonce()
    DynamicCode.Header(region: scan.region, epochWire: epoch.wire, nonce: nonce).append(to: &code)
    let header = code
    let nonceBytes = nonce.bytes
    AESGCM(key: secret.key(of: epoch).span).seal(
      plaintext: claims.span, nonce: nonceBytes.span, associatedData: header.span, into: &code)
  }

  /// What the verifier says.
  func decide(_ scan: Scan) -> Jurisdiction { decide(scan, code: code(of: scan)) }

  func decide(_ scan: Scan, code: [UInt8]) -> Jurisdiction {
    if keysOf != scan.keysOf {
      keysOf = scan.keysOf
      keys.replace(with: secret.epochKeys(near: scan.keysOf, hoursAhead: 24))
    }
    return rules.decide(
      code: code.span, scene: scan.scene, now: scan.now, asOf: scan.asOf, keys: keys,
      scratch: &scratch
    ) { $0 == scan.serial ? scan.status : nil }
  }

  /// The outcome of a home decision; `nil` when a partner must say.
  func outcome(_ scan: Scan) -> Outcome? { outcome(scan, code: code(of: scan)) }

  func outcome(_ scan: Scan, code: [UInt8]) -> Outcome? {
    guard case .home(let verdict) = decide(scan, code: code) else { return nil }
    return verdict.outcome
  }
}

extension Scan {
  /// This scan with `edit` done to it.
  func with(_ edit: (inout Scan) -> Void) -> Scan {
    var scan = self
    edit(&scan)
    return scan
  }
}

/// Where a scan is decided, and how.
enum Jurisdiction: Equatable {
  case home(Verdict)
  case partner(Region)
}

extension ScanRules {
  /// Both halves of a decision, as the verifier makes them.
  func decide(
    code: Span<UInt8>, scene: Scene, now: Instant, asOf: Instant, keys: KeyRing,
    scratch: inout [UInt8], status: (Serial) -> Status?
  ) -> Jurisdiction {
    switch open(code: code, now: now, keys: keys, scratch: &scratch) {
    case .decided(let verdict): .home(verdict)
    case .partner(let region): .partner(region)
    case .opened(let code):
      .home(
        judge(code, status: status(code.claims.serial), scene: scene, now: now, asOf: asOf))
    }
  }
}
