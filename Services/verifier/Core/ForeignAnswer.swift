package import Codes
package import JSON

/// Reads the answer of another region's verifier, as its relay passes it on.
package enum ForeignAnswer {
  /// The finding in `json`, `nil` if it is not an answer of `region`.
  package static func finding(_ json: JSONValue, region: Region) -> Finding? {
    guard let outcome = json["outcome"]?.string.flatMap({ Outcome(name: $0) }),
      json["region"]?.string == "\(region)",
      let asOf = json["as_of"]?.string.flatMap({ Instant(rfc3339: $0) })
    else { return nil }
    var verdict = Verdict.refused(outcome)
    if let colour = json["colour"]?.string.flatMap({ Colour(name: $0) }),
      let kind = json["kind"]?.string.flatMap({ HolderKind(name: $0) }),
      let reason = json["reason"]?.integer.flatMap({ UInt8(exactly: $0) }),
      let validUntil = json["valid_until"]?.string.flatMap({ CityTime(rfc3339: $0) })
    {
      verdict.status = Status(colour: colour, kind: kind, reason: reason, validUntil: validUntil)
    }
    // Nobody is let in on an answer that does not say of what colour.
    guard outcome != .accepted || verdict.status.exists else { return nil }
    return Finding(verdict, region: region, asOf: asOf)
  }
}
