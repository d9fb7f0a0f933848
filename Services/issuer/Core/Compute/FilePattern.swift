/// A file's name in which `*` stands for any characters and `?` for one byte.
package struct FilePattern: Sendable {
  private let pattern: [UInt8]

  /// Whether the last part of `path` is a pattern at all.
  package static func isPattern(_ path: String) -> Bool {
    path.utf8.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") }
  }

  package init(_ pattern: some StringProtocol) { self.pattern = Array(pattern.utf8) }

  /// Whether `name` fits as a whole; hidden files fit only patterns that begin with a dot.
  package func fits(_ name: String) -> Bool {
    let name = Array(name.utf8)
    if name.first == UInt8(ascii: "."), pattern.first != UInt8(ascii: ".") { return false }
    var position = 0
    var index = 0
    // The last star and where in the name to go on when it takes one byte more.
    var star: (pattern: Int, name: Int)?
    while position < name.count {
      if index < pattern.count, pattern[index] == UInt8(ascii: "*") {
        star = (index, position)
        index += 1
      } else if index < pattern.count,
        pattern[index] == UInt8(ascii: "?") || pattern[index] == name[position]
      {
        index += 1
        position += 1
      } else if let last = star {
        star = (last.pattern, last.name + 1)
        index = last.pattern + 1
        position = last.name + 1
      } else {
        return false
      }
    }
    return pattern[index...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
