import Foundation
import Testing
import World

/// What one scan costs, in units that are the same on every machine. `bench/counts` counts, with
/// a release build of the verifier; `make test` builds it before it comes here.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ThresholdTests {
  private struct Threshold: Decodable {
    let max: Double
    let why: String
  }

  private static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private func thresholds() throws -> [String: Threshold] {
    let file = Self.root.appending(path: "bench/thresholds.json")
    return try JSONDecoder().decode([String: Threshold].self, from: Data(contentsOf: file))
  }

  @Test("every limit says why it is what it is")
  func reasons() throws {
    let thresholds = try thresholds()
    #expect(!thresholds.isEmpty)
    for (name, threshold) in thresholds {
      #expect(threshold.why.count >= 20, "\(name)")
      #expect(threshold.max > 0, "\(name)")
    }
  }

  @Test("a scan costs no more than bench/thresholds.json allows")
  func counts() async throws {
    let thresholds = try thresholds()
    let out = FileManager.default.temporaryDirectory.appending(
      path: "citycode-counts-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: out) }
    let result = try await Command.run(
      Self.root.appending(path: "bench/counts").path, ["--json", out.path], timeoutSeconds: 240)
    let data = try #require(
      try? Data(contentsOf: out), "bench/counts gave no figures (\(result.ending)): \(result.error)"
    )
    let figures = try JSONDecoder().decode([String: Double].self, from: data)
    #expect(Set(figures.keys) == Set(thresholds.keys), "a figure without a limit, or the reverse")
    let over = figures.sorted { $0.key < $1.key }.compactMap { name, value -> String? in
      guard let limit = thresholds[name], value > limit.max else { return nil }
      return "\(name) is \(value), the limit is \(limit.max): \(limit.why)"
    }
    // As a value, so that it stands in the first line of the failure.
    #expect(over == [])
    // The tool says the same to whoever runs it by hand.
    #expect(result.ending == .exited(over.isEmpty ? 0 : 1))
  }
}
