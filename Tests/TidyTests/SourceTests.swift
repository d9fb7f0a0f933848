import Testing

/// Fails once with all places, so that one run shows everything there is to do.
func expectNone(
  _ places: [String], sourceLocation: SourceLocation = #_sourceLocation
) {
  if places.isEmpty { return }
  let text = (["\(places.count) places:"] + places).joined(separator: "\n  ")
  Issue.record("\(text)", sourceLocation: sourceLocation)
}

@Suite struct SourceTests {
  /// This word's two halves, as this file is checked too.
  private static let unchecked = "un" + "safe"

  /// Where pointers live: the wrappers of C libraries, and the files that call the system.
  private static func mayPoint(_ path: String) -> Bool {
    let wrappers = ["HTTP2", "Security", "Storage", "QR", "YAML", "Compression", "Records"]
    return wrappers.contains { path.hasPrefix("Shared/\($0)/") }
      || path.hasPrefix("Shared/Server/System") || path.hasPrefix("bench/loadgen/System")
      || ["Tests/RawHTTP2/Socket.swift", "deploy/demo/World/Processes/Spawn.swift"].contains(path)
  }

  /// The places whose line is a fault.
  private func places(
    _ files: [SourceFile] = Repository.sources, where isFault: (Substring) -> Bool
  ) -> [String] {
    files.flatMap { file in
      file.lines.enumerated().filter { isFault($0.element) }.map {
        "\(file.path):\($0.offset + 1): \($0.element.drop { $0 == " " })"
      }
    }
  }

  @Test("pointers are used in the wrappers and the files that call the system, and nowhere else")
  func pointers() throws {
    let word = try Regex("\\b\(Self.unchecked)\\b")
    let files = Repository.sources.filter { !Self.mayPoint($0.path) }
    expectNone(places(files) { $0.contains(Self.unchecked) && $0.contains(word) })
  }

  @Test("no line is longer than 100 characters, no file than 400 lines")
  func lengths() {
    expectNone(places { $0.utf8.count > 100 && $0.count > 100 })
    expectNone(Repository.sources.filter { $0.lines.count > 400 }.map(\.path))
  }

  @Test("no function is longer than 70 lines")
  func functions() {
    var measured = 0
    var places: [String] = []
    for file in Repository.sources {
      for (name, line, count) in Functions.of(file.lines) {
        measured += 1
        if count > 70 { places.append("\(file.path):\(line): \(name) has \(count) lines") }
      }
    }
    expectNone(places)
    #expect(measured > 1_000, "the measure no longer finds functions")
  }

  @Test("functions are measured from their first line to the brace that closes them")
  func measure() {
    let text = """
      struct A {
        func one() { print(1) }
        func two(
          _ a: Int
        ) -> Int {
          if a == 1 {
            return 2
          }
          return 3
        }

        var three: Int {
          4
        }
        let four = 5
        init?() {
          six = {
            7
          }
        }
        subscript(_ index: Int) -> Int { index }
        func declaredOnly(_ a: Int)
        private(set) var eight: Int {
          get { 8 }

          set {}
        }
      }
      """
    let found = Functions.of(text.split(separator: "\n", omittingEmptySubsequences: false))
    #expect(found.map(\.line) == [2, 3, 12, 16, 21, 23])
    #expect(found.map(\.count) == [1, 8, 3, 5, 1, 5])
  }

  @Test("nothing is left to be done")
  func unfinished() throws {
    let words = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]
    let stub = try Regex("fatal" + "Error\\(\"(not|un)")
    expectNone(
      places { line in
        words.contains { word in
          line.contains(word) && line.split { !$0.isLetter }.contains { $0 == word }
        } || line.contains("fatal") && line.contains(stub)
      })
  }

  @Test("no test is switched off")
  func switchedOff() {
    let marks = [".dis" + "abled(", "XCT" + "Skip", "#if " + "false"]
    expectNone(
      places(Repository.sources(under: "Tests/")) { line in
        marks.contains { line.contains($0) }
      })
  }

  @Test("every type and function that crosses modules says what it is for")
  func documented() {
    expectNone(
      Repository.sources(under: "S").flatMap { file in
        Undocumented.of(file.lines).map { "\(file.path):\($0 + 1): \(file.lines[$0])" }
      })
  }

  @Test("a comment counts when it stands above the declaration or its attributes")
  func comments() {
    let text = """
      /// One.
      package struct One {
        package let two: Int
        /// Three.
        @inlinable
        package func three() {}
        package func three(_ a: Int) {}
        // Four.
        package func four() {}
        package static func < (left: One, right: One) -> Bool { true }
        package enum Five {}
        func six() {}
      }
      """
    let found = Undocumented.of(text.split(separator: "\n", omittingEmptySubsequences: false))
    #expect(found == [8, 10])
  }

  @Test("files end with one line feed and hold no tabs and no blanks at line ends")
  func whitespace() {
    expectNone(places { $0.utf8.last == 0x20 || $0.utf8.contains(0x09) })
    expectNone(Repository.sources.filter { $0.lines.last?.isEmpty != false }.map(\.path))
  }
}
