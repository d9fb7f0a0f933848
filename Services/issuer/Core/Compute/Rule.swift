package import Codes

/// One rule of a plan: what must be true of a holder's events, and what follows.
package struct Rule: Sendable {
  /// What a rule, or the default, makes of a holder.
  package struct Outcome: Hashable, Sendable {
    package var colour: Colour
    /// Index into the region's reason table.
    package var reason: UInt8
    /// From the plan's `asOf` on.
    package var validMinutes: UInt32
  }

  package var name: String
  /// For the clerk who answers an appeal.
  package var note: String?
  package var outcome: Outcome
  /// All must hold; at least one. The first one's latest event is the rule's match.
  package var when: [Condition]
  /// None may hold.
  package var unless: [Condition]
  /// In the plan's file.
  package var line: Int
}

/// What is asked of one holder's events.
///
/// An event matches when its kind, result, area and time are as asked. The condition holds when
/// `atLeast` events match, each `apartMinutes` from the next. With `isLatest` only one event is
/// looked at: the latest of `among` in the window.
package struct Condition: Hashable, Sendable {
  /// Kinds that match, ascending.
  package var kinds: [UInt8]
  /// Results that match, ascending; `nil` for all.
  package var results: [UInt8]?
  /// Areas, one of which the event's place must have been in at the event's time, ascending;
  /// `nil` for anywhere.
  package var areas: [UInt8]?
  /// The window: so many minutes before `asOf` and later, both included.
  package var withinMinutes: UInt32?
  /// The window: so many minutes after the rule's match and later, included.
  package var afterMatchMinutes: UInt32?
  package var atLeast = 1
  package var apartMinutes: UInt32 = 0
  package var isLatest = false
  /// With `isLatest`: the kinds of which the latest event is looked at, ascending.
  package var among: [UInt8] = []

  package init(kinds: [UInt8]) { self.kinds = kinds }
}
