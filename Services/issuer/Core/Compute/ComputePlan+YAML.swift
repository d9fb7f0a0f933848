package import Codes
import Security
import YAML

extension ComputePlan {
  /// Reads and checks the plan that `yaml` spells; its files are still patterns. `file` is its
  /// name in messages, `now` what `as_of: now` means, and `asOf` takes the place of the plan's.
  package init(
    yaml: [UInt8], file: String, now: CityTime, asOf: CityTime? = nil
  ) throws(PlanFaults) {
    let root: YAMLNode
    do throws(YAMLError) { root = try YAMLParser.parse(yaml) } catch {
      throw PlanFaults([
        PlanFault(file: file, line: error.line, column: error.column, text: error.text)
      ])
    }
    var reader = PlanReader(file: file)
    let parts = reader.plan(root, now: now)
    guard reader.faults.isEmpty, let parts else {
      throw PlanFaults(reader.faults.sorted { ($0.line, $0.column) < ($1.line, $1.column) })
    }
    name = parts.name
    digest = SHA256.hash(yaml.span)
    self.asOf = asOf.map { CityTime(minutes: $0.minutes) } ?? parts.asOf
    secondsEast = reader.secondsEast
    rejectShareMax = parts.rejectShareMax
    sources = parts.sources
    kinds = reader.kinds
    results = reader.results
    areas = reader.areas
    areaParts = parts.areas
    rules = parts.rules
    otherwise = parts.otherwise
    program = RuleProgram(
      rules: rules, otherwise: otherwise, areas: parts.areas, kindCount: kinds.count,
      resultCount: results.count, asOf: self.asOf)
  }
}

/// What `PlanReader` finds in a plan beside the names.
struct PlanParts {
  var name: String
  var asOf: CityTime
  var rejectShareMax: Double
  var sources: [SourcePlan]
  var areas: [AreaIndex.Part]
  var rules: [Rule]
  var otherwise: Rule.Outcome
}

extension PlanReader {
  /// The whole plan; `nil` only after a fault.
  mutating func plan(_ root: YAMLNode, now: CityTime) -> PlanParts? {
    let map = map(
      root, "a plan",
      keys: [
        "plan", "as_of", "time_zone", "reject_share_max", "kinds", "results", "sources", "areas",
        "valid", "default", "rules",
      ])
    let name = required(map, "plan").flatMap { text($0, "a plan's name") }
    if let node = map["time_zone"] { secondsEast = zone(node) ?? 0 }
    let asOf = required(map, "as_of").map { self.asOf($0, now: now) }
    let share = map["reject_share_max"].map { self.share($0) } ?? 0
    if let node = required(map, "kinds") { kinds = names(node, "kind", most: 255) }
    if let node = map["results"] {
      results = ["none"] + names(node, "result", most: 254)
      if results.dropFirst().contains("none") {
        fault(node, "the result \"none\" is always there: do not declare it")
      }
    }
    let sources = required(map, "sources").map { self.sources($0) }
    let areas = areaParts(map["areas"])
    let valid = map["valid"].flatMap { minutes($0, "valid", least: 1) }
    // A faulty one for all is no reason to call it missing in each rule.
    let common = map["valid"] == nil ? nil : valid ?? 1
    var otherwise: Rule.Outcome?
    if let node = required(map, "default") {
      let map = self.map(node, "the default", keys: ["colour", "reason", "valid"])
      otherwise = outcome(map, valid: common)
    }
    let rules = required(map, "rules").map { self.rules($0, valid: common) }
    guard let name, let asOf, let sources, let rules, let otherwise else { return nil }
    // What follows from other faults is not told beside them.
    if let node = map["rules"], faults.isEmpty { check(rules, node, sources) }
    return PlanParts(
      name: name, asOf: asOf, rejectShareMax: share, sources: sources, areas: areas, rules: rules,
      otherwise: otherwise)
  }

  private mutating func share(_ node: YAMLNode) -> Double {
    if let share = Double(node.text ?? ""), 0...1 ~= share { return share }
    fault(
      node,
      "reject_share_max must be a share from 0 to 1, like 0.05"
        + (node.text.map { ", not \"\($0)\"" } ?? ""))
    return 0
  }

  /// Whether the sources have what the rules ask for: a rule that can never apply is a mistake.
  private mutating func check(_ rules: [Rule], _ node: YAMLNode, _ sources: [SourcePlan]) {
    let nodes = items(node)
    for rule in rules {
      guard let place = nodes.first(where: { $0.line == rule.line }) else { continue }
      for condition in rule.when + rule.unless {
        for kind in condition.isLatest ? condition.among : condition.kinds {
          let giving = sources.filter { $0.columns.kind != nil || $0.kind == kind }
          let subject = "the rule \"\(rule.name)\" asks for"
          let name = kinds[Int(kind)]
          if giving.isEmpty {
            fault(place, "\(subject) \"\(name)\", but no source has events of this kind")
          } else if condition.areas != nil, condition.kinds.contains(kind),
            giving.allSatisfy({ $0.columns.place == nil })
          {
            fault(
              place, "\(subject) the area of \"\(name)\", but no source of it has a place column")
          } else if let results = condition.results, results != [0],
            condition.kinds.contains(kind),
            giving.allSatisfy({ $0.columns.result == nil })
          {
            fault(
              place,
              "\(subject) the result of \"\(name)\", but no source of it has a result column")
          }
        }
      }
    }
  }
}
