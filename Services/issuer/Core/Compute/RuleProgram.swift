package import Codes

/// A plan's rules compiled for deciding millions of holders: a word of bits says which conditions
/// an event matches, so that most holders are decided in one pass over their events.
package struct RuleProgram: Sendable {
  /// As many as bits in a word.
  package static let conditionsMax = 64
  /// As many as bits in a word.
  package static let areasMax = 64

  struct CompiledRule: Sendable {
    /// Each of these must match an event for the rule to apply at all.
    var needed: UInt64 = 0
    /// Of `Compiled.conditions`; the first is the one whose latest event is the match.
    var when: Range<Int>
    var unless: Range<Int>
    /// Whether all of `when` and `unless` hold as soon as one event matches.
    var isPlain = true
    /// Of `unless`, when `isPlain`.
    var excluded: UInt64 = 0
    var decision: Decision
  }

  let asOfMinutes: UInt32
  let conditions: [Condition]
  let rules: [CompiledRule]
  private let resultCount: Int
  /// By kind × `resultCount` + result: the conditions that an event of both can match.
  private let matching: [UInt64]
  /// By kind: the conditions that look for the latest of it.
  private let among: [UInt64]
  /// The first minutes of the windows, ascending.
  private let windowStarts: [UInt32]
  /// The conditions that an event can match between two starts; one more than there are starts.
  private let windowMasks: [UInt64]
  /// The conditions that ask for an area.
  private let placed: UInt64
  /// The first condition of each rule.
  private let firsts: UInt64
  /// By condition: its rule, where it is that rule's first.
  private let ruleOfFirst: [Int]
  /// By area: the conditions that ask for it.
  private let areaMasks: [UInt64]
  private let areaIndex: AreaIndex

  /// The decision for a holder of whom there is no event.
  package let defaultDecision: Decision

  /// What `rules` decide; there are at most `conditionsMax` conditions and `areasMax` areas.
  package init(
    rules: [Rule], otherwise: Rule.Outcome, areas: [AreaIndex.Part], kindCount: Int,
    resultCount: Int, asOf: CityTime
  ) {
    let conditions = rules.flatMap { $0.when + $0.unless }
    precondition(conditions.count <= Self.conditionsMax, "a plan has at most 64 conditions")
    self.conditions = conditions
    self.resultCount = resultCount
    asOfMinutes = asOf.minutes
    defaultDecision = Self.decision(otherwise, rule: nil, asOf: asOf)
    var start = 0
    var compiled: [CompiledRule] = []
    for (index, rule) in rules.enumerated() {
      compiled.append(Self.compile(rule, number: index, from: start, asOf: asOf))
      start += rule.when.count + rule.unless.count
    }
    self.rules = compiled
    var ruleOfFirst = [Int](repeating: 0, count: conditions.count)
    var firsts: UInt64 = 0
    for (index, rule) in compiled.enumerated() where !rule.when.isEmpty {
      firsts |= 1 << UInt64(rule.when.lowerBound)
      ruleOfFirst[rule.when.lowerBound] = index
    }
    self.firsts = firsts
    self.ruleOfFirst = ruleOfFirst
    var matching = [UInt64](repeating: 0, count: kindCount * resultCount)
    var among = [UInt64](repeating: 0, count: kindCount)
    var areaMasks = [UInt64](repeating: 0, count: Self.areasMax)
    var placed: UInt64 = 0
    for (index, condition) in conditions.enumerated() {
      let bit: UInt64 = 1 << UInt64(index)
      for kind in condition.kinds.map(Int.init) {
        for result in 0..<resultCount
        where condition.results?.contains(UInt8(result)) ?? true {
          matching[kind * resultCount + result] |= bit
        }
      }
      for kind in condition.among { among[Int(kind)] |= bit }
      for area in condition.areas ?? [] { areaMasks[Int(area)] |= bit }
      if condition.areas != nil { placed |= bit }
    }
    self.matching = matching
    self.among = among
    self.areaMasks = areaMasks
    self.placed = placed
    areaIndex = AreaIndex(areas)
    let starts = conditions.map { Self.start($0, asOf: asOf.minutes) }
    windowStarts = Set(starts).subtracting([0]).sorted()
    windowMasks = ([0] + windowStarts).map { bound in
      starts.indices.reduce(0) { $0 | (starts[$1] <= bound ? 1 << UInt64($1) : 0) }
    }
  }

  private static func compile(
    _ rule: Rule, number: Int, from start: Int, asOf: CityTime
  ) -> CompiledRule {
    let middle = start + rule.when.count
    var compiled = CompiledRule(
      when: start..<middle, unless: middle..<middle + rule.unless.count,
      decision: decision(rule.outcome, rule: number, asOf: asOf))
    for index in compiled.when { compiled.needed |= 1 << UInt64(index) }
    for index in compiled.unless { compiled.excluded |= 1 << UInt64(index) }
    compiled.isPlain = (rule.when + rule.unless).allSatisfy {
      $0.atLeast == 1 && !$0.isLatest && $0.afterMatchMinutes == nil
    }
    return compiled
  }

  private static func decision(
    _ outcome: Rule.Outcome, rule: Int?, asOf: CityTime
  ) -> Decision {
    Decision(
      colour: outcome.colour, reason: outcome.reason,
      validUntil: asOf.advanced(bySeconds: Int64(outcome.validMinutes) * 60), rule: rule)
  }

  /// The first minute of a condition's window; 0 without one.
  static func start(_ condition: Condition, asOf: UInt32) -> UInt32 {
    guard let minutes = condition.withinMinutes, minutes < asOf else { return 0 }
    return asOf - minutes
  }

  /// What becomes of one holder: `events` are all of theirs, ascending, none repeated.
  package func decide(_ events: Span<Event>) -> Decision { decision(of: rule(for: events)) }

  /// The decision of the rule with index `rule`, or, behind the last, of none.
  package func decision(of rule: Int) -> Decision {
    rule < rules.count ? rules[rule].decision : defaultDecision
  }

  /// How many rules there are.
  package var ruleCount: Int { rules.count }

  /// The index of the rule that decides for a holder, `ruleCount` when none does; `events` as for
  /// `decide`.
  package func rule(for events: Span<Event>) -> Int {
    var hits: UInt64 = 0
    // Events ascend, so their windows do.
    var window = 0
    let starts = windowStarts.span
    for index in events.indices {
      let event = events[index]
      while window < starts.count, starts[window] <= event.minutes { window &+= 1 }
      hits |= matches(event, in: window)
    }
    // Conditions are numbered rule by rule, so the lowest bit is of the first rule.
    var left = hits & firsts
    while left != 0 {
      let index = ruleOfFirst[left.trailingZeroBitCount]
      left &= left - 1
      guard rules[index].needed & ~hits == 0 else { continue }
      if rules[index].isPlain ? rules[index].excluded & hits == 0 : applies(index, to: events) {
        return index
      }
    }
    return rules.count
  }

  /// The conditions that `event`, behind the starts of so many windows, matches, but for
  /// `afterMatchMinutes`.
  @inline(__always)
  private func matches(_ event: Event, in window: Int) -> UInt64 {
    let entry = Int(event.kind) &* resultCount &+ Int(event.result)
    let matching = matching.span
    guard Int(event.result) < resultCount, entry < matching.count else { return 0 }
    let mask = matching[entry] & windowMasks.span[window]
    guard mask & placed != 0 else { return mask }
    var areas = areaIndex.areas(of: event.place, at: event.minutes)
    var reached = ~placed
    while areas != 0 {
      reached |= areaMasks[areas.trailingZeroBitCount]
      areas &= areas - 1
    }
    return mask & reached
  }

  private func matches(_ event: Event) -> UInt64 {
    var window = 0
    while window < windowStarts.count, windowStarts[window] <= event.minutes { window += 1 }
    return matches(event, in: window)
  }

  private func applies(_ index: Int, to events: Span<Event>) -> Bool {
    let when = rules[index].when
    guard let match = latest(when.lowerBound, in: events, from: 0) else { return false }
    for other in when.dropFirst() where !holds(other, in: events, match: match) { return false }
    for other in rules[index].unless where holds(other, in: events, match: match) { return false }
    return true
  }

  private func holds(_ condition: Int, in events: Span<Event>, match: UInt32) -> Bool {
    let after = conditions[condition].afterMatchMinutes
    return latest(condition, in: events, from: after.map { match + $0 } ?? 0) != nil
  }

  /// The minute of the latest event, not before `first`, that matches the condition; `nil` when
  /// the condition does not hold.
  private func latest(_ index: Int, in events: Span<Event>, from first: UInt32) -> UInt32? {
    let bit: UInt64 = 1 << UInt64(index)
    let isLatest = conditions[index].isLatest
    var missing = conditions[index].atLeast
    let apart = conditions[index].apartMinutes
    var latest: UInt32?
    var limit = UInt32.max
    var position = events.count
    while position > 0 {
      position -= 1
      let event = events[position]
      let minutes = event.minutes
      guard minutes >= first else { break }
      if isLatest {
        guard Int(event.kind) < among.count, among[Int(event.kind)] & bit != 0 else { continue }
        return matches(event) & bit != 0 ? minutes : nil
      }
      guard minutes <= limit, matches(event) & bit != 0 else { continue }
      if latest == nil { latest = minutes }
      missing -= 1
      if missing == 0 { return latest }
      guard minutes >= apart else { break }
      limit = minutes - apart
    }
    return nil
  }
}
