/// The fields of a status that a computation decides. Kind, flags and revision are never its.
package struct StatusFields: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  @inlinable
  package init(rawValue: UInt8) { self.rawValue = rawValue & 7 }

  package static let colour = StatusFields(rawValue: 1)
  package static let reason = StatusFields(rawValue: 2)
  package static let validUntil = StatusFields(rawValue: 4)
  /// All three.
  package static let all: StatusFields = [.colour, .reason, .validUntil]

  /// Where the fields lie in `Status.bits`.
  @inlinable
  var mask: UInt64 {
    (contains(.colour) ? 3 : 0) | (contains(.reason) ? 0xFF << 8 : 0)
      | (contains(.validUntil) ? 0xFF_FFFF << 16 : 0)
  }
}

extension Status {
  /// The same with `fields` of `other`.
  @inlinable
  package func taking(_ fields: StatusFields, of other: Status) -> Status {
    Status(bits: bits & ~fields.mask | other.bits & fields.mask)
  }

  /// What a holder of this status has once `opinion` decides colour, reason and end. Nobody becomes
  /// a holder by it, and an opinion of all zeros says nothing and changes nothing.
  @inlinable
  package func recoloured(by opinion: Status) -> Status {
    exists && opinion.exists ? taking(.all, of: opinion) : self
  }
}

/// What single changes made of a holder: which of the fields that a computation decides they set,
/// and to what.
package struct TouchedHolder: Hashable, Sendable {
  package let serial: Serial
  package var fields: StatusFields
  /// Holds the values of `fields`.
  package var status: Status

  @inlinable
  package init(_ serial: Serial, _ fields: StatusFields, _ status: Status) {
    self.serial = serial
    self.fields = fields
    self.status = status
  }

  /// The opinion that remains of `opinion` under the changes.
  @inlinable
  package func over(_ opinion: Status) -> Status { opinion.taking(fields, of: status) }

  /// Of entries in the order of the log: one a holder, in order of serials, with what the last one
  /// said of each field.
  package static func merged(_ touched: [TouchedHolder]) -> [TouchedHolder] {
    var merged: [TouchedHolder] = []
    // The order of the log stays within a holder: the standard library's sort is stable.
    for next in touched.sorted(by: { $0.serial < $1.serial }) {
      guard let last = merged.last, last.serial == next.serial else {
        merged.append(next)
        continue
      }
      merged[merged.count - 1].fields.formUnion(next.fields)
      merged[merged.count - 1].status = next.over(last.status)
    }
    return merged
  }
}
