/// How much of an answer a verifier gives while it has more to do than it can (design §10).
package enum DegradationLevel: UInt8, CaseIterable, Sendable, Comparable {
  /// Everything.
  case full
  /// Without texts and voice: callers that know the outcome's number have them.
  case withoutTexts
  /// Outcome, status and how old the knowledge is.
  case statusOnly
  /// The same, and knowledge older than its limit is not refused but marked `"last_known":true`.
  /// By hand only: an operator decides that an old answer is better than none.
  case lastKnown

  /// `D0` to `D3`: its name in answers, metrics and settings.
  package var name: String { "D\(rawValue)" }

  /// The level of this name.
  package init?(name: String) {
    guard let level = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = level
  }

  package static func < (left: DegradationLevel, right: DegradationLevel) -> Bool {
    left.rawValue < right.rawValue
  }
}
