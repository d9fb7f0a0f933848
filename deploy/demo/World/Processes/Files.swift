import Server

/// Whole files and directories of a world.
package enum Files {
  /// Makes `path` and the directories above it.
  package static func makeDirectory(_ path: String) throws(WorldError) {
    var prefix = ""
    for part in path.split(separator: "/", omittingEmptySubsequences: false) {
      prefix += prefix.isEmpty && part.isEmpty ? "/" : "\(part)/"
      if Spawn.exists(prefix) { continue }
      do { try System.makeDirectory(prefix) } catch { throw WorldError(error.description) }
    }
  }

  package static func write(_ text: String, to path: String) throws(WorldError) {
    try write(Array(text.utf8), to: path)
  }

  /// Replaces the file in one step; readable by the owner alone, as most hold secrets.
  package static func write(_ bytes: [UInt8], to path: String) throws(WorldError) {
    do { try System.replaceFile(path, with: bytes, mode: 0o600) } catch {
      throw WorldError(error.description)
    }
  }

  /// The text of a file, "" when there is none.
  package static func text(_ path: String) -> String {
    String(decoding: bytes(path), as: UTF8.self)
  }

  /// The bytes of a file, none when there is none.
  package static func bytes(_ path: String, byteCountMax: Int = 64 << 20) -> [UInt8] {
    (try? System.readFile(path, byteCountMax: byteCountMax)) ?? []
  }

  /// The names in a directory, none when there is no such directory.
  package static func names(in directory: String) -> [String] {
    ((try? System.files(in: directory, suffix: "")) ?? []).filter { !$0.hasPrefix(".") }
  }

  /// The last lines of a log, for an error message.
  package static func tail(_ path: String, lines: Int = 8) -> String {
    text(path).split(separator: "\n").suffix(lines).joined(separator: "\n  ")
  }

  /// Removes a directory that a world made, with all it holds.
  package static func removeDirectory(_ path: String) async throws {
    precondition(path.split(separator: "/").count >= 2, "not a directory this near the root")
    guard Spawn.exists(path) else { return }
    _ = try await Command.run("rm", ["-rf", "--", path])
  }
}
