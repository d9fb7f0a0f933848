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

/// Where a scan is decided.
package enum Jurisdiction: Sendable, Equatable {
  case home(Verdict)
  /// A partner region's code: its own verifier must say.
  case partner(Region)
}
