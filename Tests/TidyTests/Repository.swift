import Foundation

/// One Swift file of the repository.
struct SourceFile: Sendable {
  /// From the repository's root, such as `Shared/Codes/Region.swift`.
  let path: String
  let lines: [Substring]

  /// The modules this file imports, with their lines.
  var imports: [(module: String, line: Int)] {
    lines.enumerated().compactMap { index, line in
      let words = line.split(separator: " ")
      guard let place = words.firstIndex(of: "import"), place + 1 < words.count,
        words[..<place].allSatisfy({ $0.hasPrefix("@") || Self.accessWords.contains(String($0)) })
      else { return nil }
      // `import struct Module.Type` names its module second.
      let name = words[place + 1].first?.isLowercase == true ? words.last : words[place + 1]
      return name.map { (String($0.prefix { $0 != "." }), index + 1) }
    }
  }

  private static let accessWords = ["public", "package", "internal", "fileprivate", "private"]
}

/// The repository this test was built from.
enum Repository {
  static let root: URL = {
    let this = URL(filePath: #filePath).resolvingSymlinksInPath()
    return this.deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
  }()

  /// Every Swift file of ours, by path.
  static let sources: [SourceFile] = ["Services", "Shared", "Tests", "bench", "deploy"]
    .flatMap { files(under: $0) }.filter { $0.hasSuffix(".swift") }
    .compactMap { path in
      text(path).map { text in
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return SourceFile(path: path, lines: text.hasSuffix("\n") ? lines.dropLast() : lines)
      }
    }

  static func sources(under prefix: String) -> [SourceFile] {
    sources.filter { $0.path.hasPrefix(prefix) }
  }

  /// Paths of the files under a folder, sorted; none if there is no such folder.
  static func files(under folder: String) -> [String] {
    let names = FileManager.default.enumerator(atPath: root.appending(path: folder).path)
    return (names?.compactMap { $0 as? String } ?? [])
      .filter { !$0.hasPrefix(".build") && !$0.contains("/.build") }
      .map { "\(folder)/\($0)" }.sorted()
  }

  /// The names of a folder's own folders.
  static func folders(in folder: String) -> [String] {
    let files = FileManager.default
    let path = root.appending(path: folder).path
    return ((try? files.contentsOfDirectory(atPath: path)) ?? []).filter { name in
      (try? files.contentsOfDirectory(atPath: "\(path)/\(name)")) != nil
    }.sorted()
  }

  static func text(_ path: String) -> String? {
    try? String(contentsOf: root.appending(path: path), encoding: .utf8)
  }
}
