import Testing

@Suite struct DocumentTests {
  @Test("ARCHITECTURE.md names every folder of Services and Shared")
  func folders() throws {
    let text = try #require(Repository.text("ARCHITECTURE.md"), "there is no ARCHITECTURE.md")
    for folder in ["Services", "Shared"] {
      let names = Repository.folders(in: folder)
      #expect(names.count >= 3)
      for name in names {
        #expect(
          text.contains("\(folder)/\(name)") || text.contains("`\(name)`"), "\(folder)/\(name)")
      }
    }
  }

  @Test("README.md fits on a page, and the other documents in their bounds")
  func lengths() throws {
    for (name, most) in [("README.md", 120), ("ARCHITECTURE.md", 250), ("CONTRIBUTING.md", 120)] {
      let text = try #require(Repository.text(name), "there is no \(name)")
      let count = text.split(separator: "\n", omittingEmptySubsequences: false).count - 1
      #expect(count <= most, "\(name)")
    }
  }

  @Test("what the README calls a file or folder is one")
  func paths() throws {
    let readme = try #require(Repository.text("README.md"), "there is no README.md")
    for match in readme.matches(of: /\]\(([A-Za-z][\w.\/-]*)\)/) {
      let path = String(match.1)
      let exists = Repository.text(path) != nil || !Repository.files(under: path).isEmpty
      #expect(exists, "\(path)")
    }
  }

  @Test("the headers of C's libraries stay small")
  func headers() {
    for path in Repository.files(under: "Shared") where path.hasSuffix("/shim.h") {
      let lines = Repository.text(path)?.split(separator: "\n").count ?? 0
      #expect(1...40 ~= lines, "\(path)")
    }
  }
}
