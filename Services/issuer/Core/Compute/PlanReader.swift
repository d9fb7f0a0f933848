import Codes
import YAML

/// Reads a plan's tree and collects all faults instead of stopping at the first.
///
/// Methods that cannot give a value give a harmless one or `nil` after noting the fault: whoever
/// uses the reader throws when there are any.
struct PlanReader {
  let file: String
  private(set) var faults: [PlanFault] = []
  /// What rules and sources may name, as far as it has been read.
  var kinds: [String] = []
  var results: [String] = ["none"]
  var areas: [String] = []
  var secondsEast: Int32 = 0

  init(file: String) { self.file = file }

  mutating func fault(_ node: YAMLNode, _ text: String) {
    faults.append(PlanFault(file: file, line: node.line, column: node.column, text: text))
  }

  /// Notes that `node` is none of `names`.
  mutating func unknown(
    _ node: YAMLNode, _ what: String, _ word: String, of names: [String], in place: String? = nil
  ) {
    var text = "there is no \(what) \"\(word)\"\(place.map { " in \($0)" } ?? "")"
    if let name = Suggestion.nearest(to: word, of: names) {
      text += ": did you mean \"\(name)\"?"
    } else if names.isEmpty {
      text += ": none is declared"
    } else if names.count <= 12 {
      text += ": there are \(names.joined(separator: ", "))"
    }
    fault(node, text)
  }

  /// The members of a map whose keys are all among `keys`.
  mutating func map(_ node: YAMLNode, _ what: String, keys: [String]) -> PlanMap {
    var map = PlanMap(node: node, what: what)
    for member in members(node, what) {
      let key = member.key.text ?? ""
      if !keys.contains(key) {
        unknown(member.key, "key", key, of: keys, in: what)
      } else if map[key] != nil {
        fault(member.key, "the key \"\(key)\" stands twice in \(what)")
      } else {
        map.values[key] = member.value
      }
    }
    return map
  }

  mutating func members(_ node: YAMLNode, _ what: String) -> [YAMLNode.Member] {
    if case .mapping(let members) = node.content { return members }
    fault(node, "\(what) must be a map of keys and values, not \(node.sort)")
    return []
  }

  /// The items of a list.
  mutating func list(_ node: YAMLNode, _ what: String) -> [YAMLNode] {
    if case .sequence(let items) = node.content { return items }
    fault(node, "\(what) must be a list, not \(node.sort)")
    return []
  }

  /// The items of a list, or the only one written without a list.
  func items(_ node: YAMLNode) -> [YAMLNode] {
    if case .sequence(let items) = node.content { items } else { [node] }
  }

  /// The value of a key that must be there.
  mutating func required(_ map: PlanMap, _ key: String) -> YAMLNode? {
    if let node = map[key] { return node }
    fault(map.node, "\(map.what) lacks \"\(key)\"")
    return nil
  }

  /// Text that is not empty.
  mutating func text(_ node: YAMLNode, _ what: String) -> String? {
    guard let text = node.text, !text.isEmpty else {
      fault(node, "\(what) must be text\(node.text == nil ? ", not \(node.sort)" : "")")
      return nil
    }
    return text
  }

  mutating func integer(_ node: YAMLNode, _ what: String, in range: ClosedRange<Int>) -> Int? {
    if let text = node.text, let number = Int(text), range.contains(number) { return number }
    fault(
      node,
      "\(what) must be a whole number, \(range.lowerBound) to \(range.upperBound)"
        + (node.text.map { ", not \"\($0)\"" } ?? ""))
    return nil
  }

  /// The index of one of `names`.
  mutating func index(_ node: YAMLNode, _ what: String, of names: [String]) -> UInt8? {
    guard let text = text(node, what) else { return nil }
    if let index = names.firstIndex(of: text) { return UInt8(truncatingIfNeeded: index) }
    unknown(node, what, text, of: names)
    return nil
  }

  /// The indices, ascending, of one or several of `names`.
  mutating func indices(_ node: YAMLNode, _ what: String, of names: [String]) -> [UInt8] {
    let items = items(node)
    if items.isEmpty { fault(node, "this list of \(what)s is empty") }
    var indices: Set<UInt8> = []
    for item in items {
      guard let index = index(item, what, of: names) else { continue }
      if !indices.insert(index).inserted {
        fault(item, "the \(what) \"\(names[Int(index)])\" stands twice")
      }
    }
    return indices.sorted()
  }

  /// Names that the plan declares, each once.
  mutating func names(_ node: YAMLNode, _ what: String, most: Int) -> [String] {
    var names: [String] = []
    for item in list(node, "the list of \(what)s") {
      guard let name = text(item, "a \(what)") else { continue }
      if names.contains(name) {
        fault(item, "the \(what) \"\(name)\" is declared twice")
      } else {
        names.append(name)
      }
    }
    if names.count > most {
      fault(node, "there are \(names.count) \(what)s: at most \(most) can be")
      names.removeLast(names.count - most)
    }
    return names
  }
}

/// A map of a plan, its keys checked.
struct PlanMap {
  let node: YAMLNode
  /// What it is, for messages.
  let what: String
  var values: [String: YAMLNode] = [:]

  subscript(key: String) -> YAMLNode? { values[key] }
}
