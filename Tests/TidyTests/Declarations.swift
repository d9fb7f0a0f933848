/// What stands before `func` and its like.
private let modifiers: Set<String> = [
  "public", "package", "internal", "fileprivate", "private", "static", "final", "mutating",
  "nonmutating", "borrowing", "consuming", "override", "convenience", "required", "nonisolated",
  "indirect", "private(set)", "lazy", "prefix", "postfix", "infix",
]

/// The word that says what a line declares, with its words before and after.
private func keyword(
  _ line: Substring
) -> (keyword: String, modifiers: [String], rest: [String])? {
  let words = line.split { $0 == " " || $0 == "(" }.map(String.init)
  // "private(set)" was cut in two.
  guard
    let index = words.firstIndex(where: {
      !modifiers.contains($0) && !$0.hasPrefix("@") && $0 != "set)"
    })
  else { return nil }
  return (words[index], Array(words[..<index]), Array(words[(index + 1)...]))
}

private func indentation(_ line: Substring) -> Int { line.prefix { $0 == " " }.count }

/// The functions of a file, by `swift format`'s rule that a brace closes at the indentation of the
/// line that began the declaration.
enum Functions {
  typealias Found = (name: String, line: Int, count: Int)

  static func of(_ lines: [Substring]) -> [Found] {
    lines.indices.compactMap { start in
      guard let (word, _, rest) = keyword(lines[start]),
        ["func", "deinit", "var"].contains(word) || word.hasPrefix("init")
          || word.hasPrefix("subscript")
      else { return nil }
      if word == "var", !lines[start].hasSuffix("{") { return nil }
      guard let end = end(lines, from: start) else { return nil }
      return ("\(word) \(rest.first ?? "")", start + 1, end - start + 1)
    }
  }

  /// The line that closes the declaration; `nil` if it has no body.
  private static func end(_ lines: [Substring], from start: Int) -> Int? {
    if lines[start].hasSuffix("}") { return start }
    let depth = indentation(lines[start])
    var hasBody = lines[start].hasSuffix("{")
    for index in (start + 1)..<max(lines.count, start + 1) {
      guard !lines[index].isEmpty, indentation(lines[index]) <= depth else { continue }
      if indentation(lines[index]) < depth { return nil }
      let text = lines[index].drop { $0 == " " }
      if hasBody, text.hasPrefix("}") { return index }
      if text == "{" || text.hasPrefix(")") || text.hasPrefix("where ") {
        if text.hasSuffix("{") { hasBody = true }
        if text.hasSuffix("}") { return index }
        if hasBody || text.hasSuffix("(") { continue }
      }
      if !hasBody { return nil }
    }
    return nil
  }
}

/// Declarations that other modules see and that nothing explains.
enum Undocumented {
  /// Types and functions without a `///` line above them, attributes aside; of a file's overloads
  /// one comment is enough. Not asked of properties and initialisers, whose names and types speak,
  /// nor of operators and other witnesses, which their protocols explain.
  static func of(_ lines: [Substring]) -> [Int] {
    var explained: Set<String> = []
    var found: [Int] = []
    for (index, line) in lines.enumerated() {
      guard let name = nameToExplain(line) else { continue }
      if hasComment(lines, above: index) {
        explained.insert(name)
      } else if !explained.contains(name) {
        found.append(index)
      }
    }
    return found
  }

  private static func nameToExplain(_ line: Substring) -> String? {
    guard let (word, modifiers, rest) = keyword(line), modifiers.contains("package"),
      let name = rest.first
    else { return nil }
    switch word {
    case "struct", "enum", "class", "protocol", "actor", "typealias": return "\(word) \(name)"
    case "func":
      let isWitness = name.first?.isLetter != true || ["hash", "log"].contains(name)
      return isWitness ? nil : "\(word) \(name)"
    default: return nil
    }
  }

  private static func hasComment(_ lines: [Substring], above index: Int) -> Bool {
    var above = index - 1
    while above >= 0, lines[above].drop(while: { $0 == " " }).hasPrefix("@") { above -= 1 }
    return above >= 0 && lines[above].drop { $0 == " " }.hasPrefix("///")
  }
}
