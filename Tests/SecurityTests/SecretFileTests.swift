import Foundation
import Testing

@testable import Security

@Suite struct SecretFileTests {
  let directory = TestDirectory.make()

  private func file(_ content: [UInt8], mode: Int = 0o600) throws -> String {
    let path = directory + "/\(UUID().uuidString)"
    try Data(content).write(to: URL(fileURLWithPath: path))
    try TestDirectory.setMode(mode, of: path)
    return path
  }

  private func readFailure(_ path: String, max: Int = 100) -> SecurityError? {
    failure { () throws(SecurityError) in
      _ = try SecretFile.read(path: path, byteCountMax: max)
    }
  }

  @Test("reads a file that only owner and group can read", arguments: [0o600, 0o400, 0o640, 0o440])
  func reads(mode: Int) throws {
    let path = try file([1, 2, 3], mode: mode)
    #expect(try SecretFile.read(path: path, byteCountMax: 3) == [1, 2, 3])
    #expect(try SecretFile.read(path: path, byteCount: 3) == [1, 2, 3])
  }

  @Test(
    "refuses a file that others can read or change, and says the cure",
    arguments: [0o644, 0o604, 0o660, 0o602, 0o777])
  func exposed(mode: Int) throws {
    let path = try file([1, 2, 3], mode: mode)
    let error = try #require(readFailure(path))
    #expect(error.code == .exposedFile)
    #expect(error.description.contains(path) && error.description.contains("chmod 0600"))
    #expect(error.description.contains("0" + String(mode, radix: 8)))
  }

  @Test("names a missing file")
  func missing() throws {
    let path = directory + "/nothing/here"
    let error = try #require(readFailure(path))
    #expect(error.code == .missingFile && error.description.contains(path))
    let below = try file([1]) + "/below"
    #expect(readFailure(below)?.code == .missingFile)
  }

  @Test("refuses directories and pipes without hanging")
  func notFiles() throws {
    #expect(readFailure(directory)?.code == .unreadableFile)
    let pipe = directory + "/pipe"
    #expect(Command.run("mkfifo", ["-m", "600", pipe]).status == 0)
    #expect(readFailure(pipe)?.code == .unreadableFile)
  }

  @Test("refuses an empty file, one too large, and one not exactly as long as it must be")
  func sizes() throws {
    #expect(readFailure(try file([]))?.code == .wrongSize)
    let path = try file(repeated(1, 33))
    #expect(readFailure(path, max: 32)?.code == .wrongSize)
    #expect(readFailure(path, max: 33) == nil)
    let short = failure { () throws(SecurityError) in
      _ = try SecretFile.read(path: path, byteCount: 64)
    }
    #expect(short?.code == .wrongSize)
    #expect(short?.detail.contains("33") == true && short?.detail.contains("64") == true)
  }

  @Test("an error never holds the file's content")
  func silent() throws {
    let secret = Array("TOPSECRETTOPSECRET".utf8)
    let errors = [
      readFailure(try file(secret, mode: 0o644)), readFailure(try file(secret), max: 3),
      failure { [path = try file(secret)] () throws(SecurityError) in
        _ = try SigningKey(pemFile: path)
      },
    ]
    for error in errors { #expect(error?.description.contains("TOPSECRET") == false) }
  }

  @Test("writes a new file of mode 0600 and never overwrites one")
  func writes() throws {
    let path = directory + "/new"
    try SecretFile.write([5, 6].span, path: path)
    #expect(try SecretFile.read(path: path, byteCount: 2) == [5, 6])
    let again = failure { () throws(SecurityError) in
      try SecretFile.write([7].span, path: path)
    }
    #expect(again?.code == .fileExists)
    #expect(try SecretFile.read(path: path, byteCount: 2) == [5, 6])
    let nowhere = failure { () throws(SecurityError) in
      try SecretFile.write([7].span, path: directory + "/no/such")
    }
    #expect(nowhere?.code == .unreadableFile)
  }
}
