package import Codes

/// What one scan came to: the outcome and what it rests on.
package struct Verdict: Sendable, Equatable {
  package var outcome: Outcome
  /// The holder, once the code has been opened; stays inside the region.
  package var serial: Serial?
  /// The status found; `.absent` before that step.
  package var status: Status
  /// The code's nonce: names this one code in the journal and in claims.
  package var nonce: Bytes12?
  /// When the code's life ends, skew not counted.
  package var codeEnd: CityTime?

  init(
    _ outcome: Outcome, serial: Serial? = nil, status: Status = .absent, nonce: Bytes12? = nil,
    codeEnd: CityTime? = nil
  ) {
    self.outcome = outcome
    self.serial = serial
    self.status = status
    self.nonce = nonce
    self.codeEnd = codeEnd
  }

  /// A verdict without knowledge of a holder.
  package static func refused(_ outcome: Outcome) -> Verdict { Verdict(outcome) }
}

/// What a code says before anybody looks at a status.
package enum Opening: Sendable, Equatable {
  /// Nothing else can change this.
  case decided(Verdict)
  /// A partner region's code: its own verifier must say.
  case partner(Region)
  /// An authentic code in its life: the holder's status decides.
  case opened(OpenedCode)
}

/// An authentic home code.
package struct OpenedCode: Sendable, Equatable {
  package let claims: DynamicCode.Claims
  package let nonce: Bytes12

  /// A verdict that names the code.
  func verdict(_ outcome: Outcome) -> Verdict {
    Verdict(outcome, serial: claims.serial, nonce: nonce, codeEnd: claims.validUntil)
  }
}
