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
  /// What a holder of this status has once `computed` counts: its colour, reason and end, except
  /// for the fields in `kept`; kind, flags and revision as they are. Nobody becomes a holder by it,
  /// and a `computed` that says nothing changes nothing.
  @inlinable
  package func recoloured(by computed: Status, keeping kept: StatusFields = []) -> Status {
    guard exists, computed.exists else { return self }
    let mask = StatusFields.all.subtracting(kept).mask
    return Status(bits: bits & ~mask | computed.bits & mask)
  }
}

/// A holder whose status was changed, and in which of the fields that a computation decides.
package struct TouchedHolder: Hashable, Sendable {
  /// The serial's value, then 8 bits of fields: in order of serials.
  @usableFromInline let packed: UInt64

  @inlinable
  package init(_ serial: Serial, _ fields: StatusFields) {
    packed = serial.value << 8 | UInt64(fields.rawValue)
  }

  @inlinable
  package var serial: Serial { Serial(unchecked: packed >> 8) }

  @inlinable
  package var fields: StatusFields {
    StatusFields(rawValue: UInt8(truncatingIfNeeded: packed))
  }

  /// One entry a holder, in order of serials, with all the fields any entry of the holder names.
  package static func merged(_ touched: [TouchedHolder]) -> [TouchedHolder] {
    var merged: [TouchedHolder] = []
    for next in touched.sorted(by: { $0.packed < $1.packed }) {
      if let last = merged.last, last.serial == next.serial {
        merged[merged.count - 1] = TouchedHolder(next.serial, last.fields.union(next.fields))
      } else {
        merged.append(next)
      }
    }
    return merged
  }
}
