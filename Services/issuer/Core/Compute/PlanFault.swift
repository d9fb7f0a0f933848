/// One thing wrong with a plan, where it stands and what to do.
package struct PlanFault: Error, Equatable, Sendable, CustomStringConvertible {
  /// As it was given.
  package let file: String
  /// From 1.
  package let line: Int
  /// From 1.
  package let column: Int
  /// What is wrong, and the cure when there is a likely one.
  package let text: String

  package init(file: String, line: Int, column: Int = 1, text: String) {
    self.file = file
    self.line = line
    self.column = column
    self.text = text
  }

  package var description: String { "\(file):\(line):\(column): \(text)" }
}

/// Everything wrong with a plan, in the order of its lines.
package struct PlanFaults: Error, Equatable, Sendable, CustomStringConvertible {
  package let faults: [PlanFault]

  package init(_ faults: [PlanFault]) { self.faults = faults }

  /// One fault a line.
  package var description: String { faults.map(\.description).joined(separator: "\n") }
}

/// What was probably meant by a misspelt name.
enum Suggestion {
  /// The name nearest to `word`, when it is near enough to be a typing error.
  static func nearest(to word: String, of names: [String]) -> String? {
    let most = max(1, word.count / 3)
    return
      names.map { (name: $0, distance: distance(word.lowercased(), $0.lowercased())) }
      .filter { $0.distance <= most }
      .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
  }

  /// How many characters must be put in, taken out, changed or swapped with the next one.
  static func distance(_ left: String, _ right: String) -> Int {
    let left = Array(left)
    let right = Array(right)
    var before: [Int] = []
    var row = Array(0...right.count)
    for (i, one) in left.enumerated() {
      var next = [i + 1]
      for (j, other) in right.enumerated() {
        var best = min(next[j] + 1, row[j + 1] + 1, row[j] + (one == other ? 0 : 1))
        if i > 0, j > 0, one == right[j - 1], left[i - 1] == other {
          best = min(best, before[j - 1] + 1)
        }
        next.append(best)
      }
      before = row
      row = next
    }
    return row[right.count]
  }
}
